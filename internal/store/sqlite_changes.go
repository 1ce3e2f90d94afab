package store

import (
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"fullsync/internal/catalog"
	"fullsync/internal/session"
)

// writeRecorded is write, and writes down what that does; known is what the catalog held of the batch.
func (d *sqlite) writeRecorded(tx *gorm.DB, w upsert, known []entry) error {
	ids, err := jsonIDs(w.products)
	if err != nil {
		return err
	}
	if _, err := recordBefore(tx, w.record, session.ChangeUpdated, "catalog = ? AND id IN (SELECT value FROM json_each(?))", w.catalog, ids); err != nil {
		return err
	}
	if err := d.write(tx, w); err != nil {
		return err
	}
	err = tx.Exec(`UPDATE sync_changes SET hash_after = p.hash, new_sku = NULLIF(p.sku, sync_changes.sku), new_name = NULLIF(p.name, sync_changes.name),
			new_price = NULLIF(p.price, sync_changes.price), new_currency = NULLIF(p.currency, sync_changes.currency),
			new_active = NULLIF(p.active, sync_changes.active), new_attributes = NULLIF(p.attributes, sync_changes.attributes),
			new_origin_node_id = NULLIF(p.origin_node_id, sync_changes.origin_node_id)
		FROM products AS p WHERE session_id = ? AND batch = ? AND p.catalog = ? AND p.id = product_id`,
		w.record.session, w.record.batch, w.catalog).Error
	if err != nil {
		return err
	}
	created := without(w.products, known)
	if len(created) == 0 {
		return nil
	}
	if ids, err = jsonIDs(created); err != nil {
		return err
	}
	return tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&creations{
		SessionID: w.record.session, Batch: w.record.batch, Catalog: w.catalog, FirstID: created[0].ID, LastID: created[len(created)-1].ID,
		IDs: ids, Digests: packedDigests(created),
	}).Error
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
