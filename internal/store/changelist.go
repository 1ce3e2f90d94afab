package store

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"time"

	"fullsync/internal/catalog"
	"fullsync/internal/session"
)

// change is the row of table sync_changes.
type change struct {
	SessionID, ProductID string
	Batch                int64
	Kind                 session.ChangeKind
	SKU                  *string
	Name, Price          *string
	Currency             *string
	Active               *bool
	Attributes           *string
	OriginNodeID         *string
	CreatedAt            *time.Time `gorm:"autoCreateTime:false"`
	UpdatedAt            *time.Time `gorm:"autoUpdateTime:false"`
	HashBefore           *string

	NewSKU          *string
	NewName         *string
	NewPrice        *string
	NewCurrency     *string
	NewActive       *bool
	NewAttributes   *string
	NewOriginNodeID *string
	HashAfter       *string
}

// TableName names the table for GORM.
func (change) TableName() string { return "sync_changes" }

// of returns the change of a product of a catalog.
func (c *change) of(catalogName string) session.Change {
	out := session.Change{SessionID: c.SessionID, ChangePosition: session.ChangePosition{Batch: c.Batch, ProductID: c.ProductID}, Kind: c.Kind}
	var was catalog.Stored
	if c.Kind != session.ChangeCreated {
		was = catalog.Stored{
			Product: catalog.Product{
				ID: c.ProductID, SKU: *c.SKU, Name: *c.Name, Price: *c.Price, Currency: *c.Currency, Active: *c.Active, Attributes: *c.Attributes,
				Hash: *c.HashBefore,
			},
			Catalog: catalogName, OriginNodeID: *c.OriginNodeID, CreatedAt: *c.CreatedAt, UpdatedAt: *c.UpdatedAt,
		}
		out.Before = &was
	}
	if c.HashAfter == nil {
		return out
	}
	out.HashAfter = *c.HashAfter
	out.After = &catalog.Stored{
		Product: catalog.Product{
			ID: c.ProductID, SKU: other(c.NewSKU, was.SKU), Name: other(c.NewName, was.Name), Price: other(c.NewPrice, was.Price),
			Currency: other(c.NewCurrency, was.Currency), Active: other(c.NewActive, was.Active),
			Attributes: other(c.NewAttributes, was.Attributes), Hash: out.HashAfter,
		},
		Catalog: catalogName, OriginNodeID: other(c.NewOriginNodeID, was.OriginNodeID),
	}
	return out
}

// other returns what differs, or what it was where nothing does.
func other[T any](now *T, was T) T {
	if now != nil {
		return *now
	}
	return was
}

// ListChanges returns the changes of a session that q selects, in order.
func (s *Store) ListChanges(ctx context.Context, q session.ChangeQuery) ([]session.Change, error) {
	written, err := s.writtenChanges(ctx, q)
	if err != nil || q.Kind != "" && q.Kind != session.ChangeCreated {
		return written, err
	}
	created, err := s.createdBy(ctx, q)
	all := slices.Concat(written, created)
	slices.SortFunc(all, func(a, b session.Change) int { return a.Compare(b.ChangePosition) })
	return all[:min(len(all), q.Limit)], err
}

// FindChanges implements [syncer.Sessions]: people do not wait until a million changes are searched.
func (s *Store) FindChanges(ctx context.Context, q session.ChangeQuery) (found []session.Change, reached *session.ChangePosition, err error) {
	if q.Text != "" || q.Kind != "" {
		if q.Through, err = s.searchEnd(ctx, q); err != nil {
			return nil, nil, s.translate(err)
		}
	}
	found, err = s.ListChanges(ctx, q)
	if len(found) < q.Limit {
		reached = q.Through
	}
	return found, reached, err
}

// searchEnd returns where a search ends for now, nil if it is short enough.
func (s *Store) searchEnd(ctx context.Context, q session.ChangeQuery) (end *session.ChangePosition, err error) {
	var ends []session.ChangePosition
	err = s.read.WithContext(ctx).Model(&change{}).Select("batch, product_id").
		Where("session_id = ? AND (batch, product_id) > (?, ?)", q.SessionID, q.After.Batch, q.After.ProductID).
		Order("session_id, batch, product_id").Offset(s.searched - 1).Limit(1).Scan(&ends).Error
	if err != nil {
		return nil, err
	}
	if q.Kind == "" || q.Kind == session.ChangeCreated {
		var batches []session.ChangePosition
		err = s.read.WithContext(ctx).Model(&creations{}).Select("batch, last_id AS product_id").Where("session_id = ? AND batch >= ?", q.SessionID, q.After.Batch).
			Order("session_id, batch").Offset(creationsAtOnce - 1).Limit(1).Scan(&batches).Error
		ends = append(ends, batches...)
	}
	for i := range ends {
		if end == nil || ends[i].Compare(*end) < 0 {
			end = &ends[i]
		}
	}
	return end, err
}

// writtenChanges lists what stands in sync_changes.
func (s *Store) writtenChanges(ctx context.Context, q session.ChangeQuery) ([]session.Change, error) {
	db := s.read.WithContext(ctx).Where("session_id = ? AND (batch, product_id) > (?, ?)", q.SessionID, q.After.Batch, q.After.ProductID)
	if q.Through != nil {
		db = db.Where("(batch, product_id) <= (?, ?)", q.Through.Batch, q.Through.ProductID)
	}
	if q.Kind != "" {
		db = db.Where("kind = ?", q.Kind)
	}
	if q.Text != "" {
		operator, text := s.contains(q.Text)
		db = db.Where(fmt.Sprintf("product_id %[1]s @text OR sku %[1]s @text OR name %[1]s @text OR new_sku %[1]s @text OR new_name %[1]s @text", operator),
			map[string]any{"text": text})
	}
	var rows []change
	if err := db.Order("session_id, batch, product_id").Limit(q.Limit).Find(&rows).Error; err != nil {
		return nil, s.translate(err)
	}
	out := make([]session.Change, len(rows))
	for i := range rows {
		out[i] = rows[i].of(q.Catalog)
	}
	return out, nil
}

// createdBy lists what stands in sync_creations.
func (s *Store) createdBy(ctx context.Context, q session.ChangeQuery) (out []session.Change, err error) {
	wanted := regexp.MustCompile("(?i)" + regexp.QuoteMeta(q.Text))
	err = s.eachCreations(ctx, q.SessionID, q.After.Batch, upwards, func(batch creations) error {
		return batch.each(func(c session.Change) error {
			if q.Through != nil && c.Compare(*q.Through) > 0 {
				return errEnough
			}
			if c.Compare(q.After) <= 0 || !wanted.MatchString(c.ProductID) {
				return nil
			}
			if len(out) == q.Limit {
				return errEnough
			}
			out = append(out, c)
			return nil
		})
	})
	return out, err
}

// direction is how the rows of sync_creations are read.
type direction struct{ from, beyond, order string }

var (
	upwards   = direction{from: "batch >= ?", beyond: "batch > ?", order: "session_id, batch"}
	downwards = direction{from: "batch <= ?", beyond: "batch < ?", order: "session_id DESC, batch DESC"}
)

// creationsAtOnce is how many rows of sync_creations are held at most.
const creationsAtOnce = 16

// eachCreations calls do for what a session created, from a batch on. errEnough ends it. Each row holds the ids of a whole batch, and PostgreSQL sends all rows
// that a statement selects, whoever has had enough. So it asks for one row at first, and for more the longer it goes on.
func (s *Store) eachCreations(ctx context.Context, sessionID string, batch int64, d direction, do func(creations) error) error {
	place := d.from
	for limit := 1; ; limit = min(2*limit, creationsAtOnce) {
		var rows []creations
		err := s.read.WithContext(ctx).Where("session_id = ? AND "+place, sessionID, batch).Order(d.order).Limit(limit).Find(&rows).Error
		if err != nil {
			return s.translate(err)
		}
		for _, row := range rows {
			if err := do(row); err != nil {
				return s.translate(ended(err))
			}
			batch = row.Batch
		}
		if len(rows) < limit {
			return nil
		}
		place = d.beyond
	}
}

// creations is the row of table sync_creations.
type creations struct {
	SessionID, Catalog, FirstID, LastID string
	Batch                               int64
	// IDs is a JSON array, and Digests has 8 bytes for each of them.
	IDs     string `gorm:"column:ids"`
	Digests []byte
}

// TableName names the table for GORM.
func (creations) TableName() string { return "sync_creations" }

// each calls do for every product that the batch created, ascending. An error of do ends that and is returned.
func (c *creations) each(do func(session.Change) error) error {
	var ids []string
	if err := json.Unmarshal([]byte(c.IDs), &ids); err != nil {
		return err
	}
	for i, id := range ids {
		err := do(session.Change{
			SessionID: c.SessionID, ChangePosition: session.ChangePosition{Batch: c.Batch, ProductID: id}, Kind: session.ChangeCreated,
			HashAfter: catalog.ShortOf(binary.BigEndian.Uint64(c.Digests[8*i:])),
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// packedDigests returns the digests of products as sync_creations keeps them.
func packedDigests(products []catalog.Product) []byte {
	digests := make([]byte, 0, 8*len(products))
	for i := range products {
		digest, _ := catalog.DigestOf(products[i].Hash)
		digests = binary.BigEndian.AppendUint64(digests, digest)
	}
	return digests
}
