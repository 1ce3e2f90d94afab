package catalog

import (
	"fmt"
	"slices"

	"fullsync/internal/fault"
)

// Edit is a requested change to one product.
type Edit struct {
	// Product is the product to put. For a deletion only its ID matters.
	Product Product
	Delete  bool
	// If is the condition for the edit.
	If Condition
}

// Condition says what must be true of the current product for an edit to happen. The zero value allows everything.
type Condition struct {
	// Hashes, if any, lists content hashes; the product must have one of them.
	Hashes []string
	// Exists requires the product to exist, Absent requires that it does not.
	Exists, Absent bool
}

// Allows reports whether the condition holds for a product that exists with that hash, or does not exist.
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
	// Created means that there was no such product, Updated that its content was different.
	Created Effect = "created"
	Updated Effect = "updated"
	// Unchanged means that the product already had this content.
	Unchanged Effect = "unchanged"
	// Deleted means that the product was deleted, Missing that there was none.
	Deleted Effect = "deleted"
	Missing Effect = "missing"
)

// Edited is the result of an edit.
type Edited struct {
	// Stored is the product as it is now. For a deleted or missing product only the ID is set.
	Stored
	Effect Effect
}

// Unmet is an edit whose condition did not hold.
type Unmet struct {
	// Index is the edit's position in the request, from 0.
	Index int
	ID    string
	If    Condition
	// Hash is the product's current hash; "" if there is no such product.
	Hash string
}

// UnmetError says that nothing was written, because the conditions of some edits did not hold.
type UnmetError struct{ Unmet []Unmet }

// Error says how many conditions did not hold.
func (e *UnmetError) Error() string {
	return fmt.Sprintf("%d products are not as the edits expect", len(e.Unmet))
}

// CountError says that nothing was deleted, because the catalog does not hold as many products as the caller thinks.
type CountError struct {
	Catalog string
	// Products is how many the catalog holds.
	Products int64
}

// Error says how many the catalog holds.
func (e *CountError) Error() string {
	return fmt.Sprintf("catalog %s holds %d products", e.Catalog, e.Products)
}

// NoProduct is the NotFound error for a product that is not in a catalog.
func NoProduct(catalogName string) *fault.Error {
	return fault.New(fault.NotFound, "PRODUCT_NOT_FOUND", "Product not found", "Catalog %s holds no product with this id.", catalogName)
}
