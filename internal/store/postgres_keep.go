package store

import (
	"database/sql"

	"gorm.io/gorm"

	"fullsync/internal/catalog"
)

const (
	lockRows = `SELECT p.* FROM unnest($2::text[]) AS b (wanted) CROSS JOIN LATERAL (SELECT ` + rowColumns + `
		FROM products WHERE catalog = $1 AND id = b.wanted FOR NO KEY UPDATE) AS p`
	noteCame = `UPDATE products AS p SET theirs = b.theirs, their_digest = b.digest FROM unnest($2::text[], $3::text[], $4::bigint[]) AS b (id, theirs, digest)
		WHERE p.catalog = $1 AND p.id = b.id`
)

// lockRows implements [dialect].
func (*postgres) lockRows(tx *gorm.DB, conn *sql.Conn, catalogName string, products []catalog.Product) (*sql.Rows, error) {
	return conn.QueryContext(tx.Statement.Context, lockRows, catalogName, idsOf(products))
}

// noteCame implements [dialect].
func (*postgres) noteCame(tx *gorm.DB, conn *sql.Conn, catalogName string, notes []note) error {
	ids, theirs, digests := make([]string, len(notes)), make([]*string, len(notes)), make([]*int64, len(notes))
	for i, n := range notes {
		ids[i], theirs[i], digests[i] = n.id, n.theirs, n.digest
	}
	_, err := conn.ExecContext(tx.Statement.Context, noteCame, catalogName, ids, theirs, digests)
	return err
}
