package store

import (
	"errors"

	"gorm.io/gorm"
	sqlitedriver "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"fullsync/internal/catalog"
	"fullsync/internal/session"
	"fullsync/internal/transfer"
)

// The updates of a batch are written down by a trigger that only this connection has. It sees each row as it was and as it becomes, while reading the
// rows before the update and again after it takes a third longer. It does nothing unless a batch is named in table recording, nor for the updates
// that the triggers of products make in turn: those do not set updated_at.
const recordingTrigger = `CREATE TEMP TABLE IF NOT EXISTS recording (session_id text, batch integer);
	CREATE TEMP TRIGGER IF NOT EXISTS record_update AFTER UPDATE OF updated_at ON main.products WHEN EXISTS (SELECT 1 FROM recording)
	BEGIN
		INSERT INTO sync_changes (session_id, batch, product_id, kind, ` + beforeColumns + `, hash_before, hash_after,
			new_sku, new_name, new_price, new_currency, new_active, new_attributes, new_origin_node_id)
		SELECT session_id, batch, OLD.id, '` + string(session.ChangeUpdated) + `', OLD.sku, OLD.name, OLD.price, OLD.currency, OLD.active, OLD.attributes,
			OLD.origin_node_id, OLD.created_at, OLD.updated_at, CASE WHEN OLD.digest IS NULL THEN '' ELSE OLD.hash END, NEW.hash,
			NULLIF(NEW.sku, OLD.sku), NULLIF(NEW.name, OLD.name), NULLIF(NEW.price, OLD.price), NULLIF(NEW.currency, OLD.currency),
			NULLIF(NEW.active, OLD.active), NULLIF(NEW.attributes, OLD.attributes), NULLIF(NEW.origin_node_id, OLD.origin_node_id)
		FROM recording;
	END`

// writeRecorded is write, and writes down what that does; known is what the catalog held of the batch.
func (d *sqlite) writeRecorded(tx *gorm.DB, w upsert, known []entry) error {
	err := d.recordUpdates(tx, w.record, w.catalog, w.products, func() error { return d.write(tx, w) })
	if err != nil {
		return err
	}
	return recordCreations(tx, w.record, w.catalog, without(w.products, known))
}

// recordUpdates implements [dialect].
func (*sqlite) recordUpdates(tx *gorm.DB, r *recording, _ string, _ []catalog.Product, write func() error) error {
	if err := tx.Exec(recordingTrigger).Error; err != nil {
		return err
	}
	if err := tx.Exec("INSERT INTO recording VALUES (?, ?)", r.session, r.batch).Error; err != nil {
		return err
	}
	err := write()
	var lite *sqlitedriver.Error
	if errors.As(err, &lite) && lite.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY {
		return transfer.ErrFenced // the batch's number is taken
	}
	if err != nil {
		return err
	}
	return tx.Exec("DELETE FROM recording").Error
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
