package session

import (
	"cmp"
	"strconv"
	"strings"

	"fullsync/internal/catalog"
)

// ChangeKind says what was done to a product.
type ChangeKind string

// The kinds.
const (
	ChangeCreated ChangeKind = "created"
	ChangeUpdated ChangeKind = "updated"
	ChangeDeleted ChangeKind = "deleted"
)

// Change is what one batch of a session did to one product. A product that a session changed twice has two changes.
type Change struct {
	SessionID string
	ChangePosition
	Kind ChangeKind
	// Before is the product as it was; nil for one that was created. Its hash is empty where the stored one was not to be believed.
	Before *catalog.Stored
	// After is the product as the batch left it, without times; nil for one that was deleted, and for one that was created: only its
	// hash is kept.
	After *catalog.Stored
	// HashAfter is the content hash that the batch left behind, the short one ([catalog.Short]) for a product that was created; empty for one
	// that was deleted.
	HashAfter string
	// Fields are the fields that differ, of a change that another node has listed: Before and After are nil then.
	Fields []catalog.Difference
}

// Made is a change and the session that made it.
type Made struct {
	Change
	By Session
}

// ChangePosition is the place of a change in its session: changes are in the order of the batches, those of a batch in that of the ids.
type ChangePosition struct {
	Batch     int64
	ProductID string
}

// Compare orders positions.
func (p ChangePosition) Compare(other ChangePosition) int {
	return cmp.Or(cmp.Compare(p.Batch, other.Batch), cmp.Compare(p.ProductID, other.ProductID))
}

// String returns the position as text for [ParseChangePosition].
func (p ChangePosition) String() string { return strconv.FormatInt(p.Batch, 10) + "/" + p.ProductID }

// ParseChangePosition reads what [ChangePosition.String] has written; ok is false for anything else.
func ParseChangePosition(text string) (p ChangePosition, ok bool) {
	batch, id, _ := strings.Cut(text, "/")
	n, err := strconv.ParseInt(batch, 10, 64)
	return ChangePosition{Batch: n, ProductID: id}, err == nil && n > 0 && id != ""
}

// ChangeQuery selects changes of a session, which writes Catalog. Other zero members select all.
type ChangeQuery struct {
	SessionID, Catalog string
	Kind               ChangeKind
	// Text keeps products whose id contains it, or whose SKU or name does, before or after, whatever the case of its letters.
	Text string
	// After continues a listing behind a change. Through ends it with one, nil with the last.
	After   ChangePosition
	Through *ChangePosition
	Limit   int
}

// NoChanges is the ChangesThrough of a session whose changes are not kept.
const NoChanges = -1

// KeepsChanges says that everything that the session has done to products is written down, and still there.
func (s *Session) KeepsChanges() bool { return s.ChangesThrough == s.BatchSeq }
