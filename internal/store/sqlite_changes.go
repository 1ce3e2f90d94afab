package store

import (
	"gorm.io/gorm"

	"fullsync/internal/catalog"
)

// writeRecorded is write, and writes down what that does; known is what the catalog held of the batch.
func (d *sqlite) writeRecorded(tx *gorm.DB, w upsert, known []entry) error {
	err := recordUpdates(tx, w.record, w.catalog, w.products, func() error { return d.write(tx, w) })
	if err != nil {
		return err
	}
	return recordCreations(tx, w.record, w.catalog, without(w.products, known))
}

// without returns the products that are not known.
func without(products []catalog.Product, known []entry) (rest []catalog.Product) {
	held := make(map[string]bool, len(known))
	for i := range known {
		held[known[i].ID] = true
	}
	for i := range products {
		if !held[products[i].ID] {
			rest = append(rest, products[i])
		}
	}
	return rest
}
