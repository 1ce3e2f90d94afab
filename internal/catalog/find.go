package catalog

import (
	"strings"
	"time"

	"fullsync/internal/fault"
)

// What products can be sorted by.
const (
	ByID      = "id"
	BySKU     = "sku"
	ByName    = "name"
	ByPrice   = "price"
	ByChanged = "changed"
)

// Find says which products of a catalog to list, and in which order.
type Find struct {
	// Query is a text that the id, the SKU or the name contains, whatever the case of its letters; "" for all products.
	Query string
	Order Order
	// After is where the page before ended; the zero value begins at the first product.
	After Place
	Limit int
}

// Order is what products are sorted by, one of the constants. Products that are equal in it are sorted by id.
type Order struct {
	By         string
	Descending bool
}

// ParseOrder reads an order such as price or -price. "" is the order by id.
func ParseOrder(text string) Order {
	by, descending := strings.CutPrefix(text, "-")
	if by == "" {
		by = ByID
	}
	return Order{By: by, Descending: descending}
}

// Place is where a product stands in an order.
type Place struct{ Key, ID string }

// SortedRunes is how much of a SKU or a name counts in an order, so that a place stays short.
const SortedRunes = 60

// Place returns where a product stands.
func (o Order) Place(p Stored) Place {
	place := Place{ID: p.ID}
	switch o.By {
	case BySKU:
		place.Key = start(p.SKU)
	case ByName:
		place.Key = start(p.Name)
	case ByPrice:
		place.Key = p.Price
	case ByChanged:
		place.Key = p.UpdatedAt.UTC().Format(time.RFC3339Nano)
	}
	return place
}

func start(text string) string {
	runes := []rune(text)
	return string(runes[:min(len(runes), SortedRunes)])
}

// TooManyToSort is the error for a catalog that is too large for any order but that of the ids.
func TooManyToSort(name string) error {
	return fault.New(fault.Impossible, "TOO_MANY_TO_SORT", "Too many products to sort",
		"Catalog %s has so many products that they are only sorted by id. Leave the order out, and search for what you want.", name)
}
