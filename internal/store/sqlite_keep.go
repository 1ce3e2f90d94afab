package store

import (
	"database/sql"

	"gorm.io/gorm"

	"fullsync/internal/catalog"
)

// lockRows implements [dialect]. Its transaction is the only writer.
func (*sqlite) lockRows(tx *gorm.DB, _ *sql.Conn, catalogName string, products []catalog.Product) (*sql.Rows, error) {
	ids, err := jsonIDs(products)
	if err != nil {
		return nil, err
	}
	return tx.Model(&product{}).Select(rowColumns).Where("catalog = ? AND id IN (SELECT value FROM json_each(?))", catalogName, ids).Order("catalog, id").Rows()
}

// noteCame implements [dialect].
func (*sqlite) noteCame(tx *gorm.DB, _ *sql.Conn, catalogName string, notes []note) error {
	for _, n := range notes {
		err := tx.Exec("UPDATE products SET theirs = ?, their_digest = ? WHERE catalog = ? AND id = ?", n.theirs, n.digest, catalogName, n.id).Error
		if err != nil {
			return err
		}
	}
	return nil
}
