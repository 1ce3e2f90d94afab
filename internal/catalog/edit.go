package catalog

import (
	"fmt"
	"slices"

	"fullsync/internal/fault"
)

// Edit is a change to one product that somebody asks for.
type Edit struct {
	// Product is what to put. To delete, only its ID counts.
	Product Product
	Delete  bool
	// If says how the product must be for that.
	If Condition
}

// Condition says how a product must be for an edit to be made. The zero value allows everything.
type Condition struct {
	// Hashes, where there are any, are the content hashes of which the product must have one.
	Hashes []string
	// Exists says that it must be there, Absent that it must not.
	Exists, Absent bool
}

// Allows says whether a product that is held with that hash, or is not held, fits the condition.
func (c Condition) Allows(held bool, hash string) bool {
	switch {
	case c.Absent && held, c.Exists && !held:
		return false
	case len(c.Hashes) > 0:
		return held && slices.Contains(c.Hashes, hash)
	}
	return true
}

// Effect is what an edit did.
type Effect string

// The effects.
const (
	// Created says that there was no such product, Updated that it had another content.
	Created Effect = "created"
	Updated Effect = "updated"
	// Unchanged says that the product had this content already.
	Unchanged Effect = "unchanged"
	// Deleted says that it is gone, Missing that it was not there.
	Deleted Effect = "deleted"
	Missing Effect = "missing"
)

// Edited is what became of an edit.
type Edited struct {
	// Stored is the product as it is held now. Of one that was deleted or missing it has only the ID.
	Stored
	Effect Effect
}

// Unmet is an edit whose condition does not hold.
type Unmet struct {
	// Index is the number of the edit, from 0.
	Index int
	ID    string
	If    Condition
	// Hash is what the product has now, "" where it is not held.
	Hash string
}

// UnmetError says that edits were not made because of the conditions of some. Nothing was written.
type UnmetError struct{ Unmet []Unmet }

// Error says how many there are.
func (e *UnmetError) Error() string {
	return fmt.Sprintf("%d products are not as the edits expect them", len(e.Unmet))
}

// CountError says that a catalog does not hold as many products as the caller thinks. Nothing was deleted.
type CountError struct {
	Catalog string
	// Products is how many it holds.
	Products int64
}

// Error says how many it holds.
func (e *CountError) Error() string {
	return fmt.Sprintf("catalog %s holds %d products", e.Catalog, e.Products)
}

// NoProduct is the NotFound error for a product that a catalog does not hold.
func NoProduct(catalogName string) *fault.Error {
	return fault.New(fault.NotFound, "PRODUCT_NOT_FOUND", "Product not found", "Catalog %s holds no product with this id.", catalogName)
}
