package store

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"math"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/stdlib"
	"gorm.io/gorm"

	"fullsync/internal/catalog"
	"fullsync/internal/transfer"
)

// How a batch is compared with what the database holds: readHashes takes everything between the batch's first and last
// id. Where that is much more than the batch itself, lookUpHashes looks every id up by the key; OFFSET 0 keeps the
// planner from turning that into a join over the whole catalog, as it does for id = ANY while it has no statistics.
const (
	readHashes   = `SELECT ` + entryColumns + ` FROM products WHERE catalog = $1 AND id BETWEEN $2 AND $3 ORDER BY catalog, id LIMIT $4`
	lookUpHashes = `SELECT p.* FROM unnest($2::text[]) AS b (id)
		CROSS JOIN LATERAL (SELECT ` + entryColumns + ` FROM products WHERE catalog = $1 AND id = b.id OFFSET 0) AS p`
)

// prepare asks which hashes the database already holds, so that only what differs is sent to it: a repeated sync
// costs what changed.
func (d *postgres) prepare(ctx context.Context, w *upsert) error {
	n := len(w.products)
	if n == 0 {
		return nil
	}
	most := 2 * n
	known, err := d.hashes(ctx, readHashes, w.catalog, w.products[0].ID, w.products[n-1].ID, most)
	if err == nil && len(known) == most {
		known, err = d.hashes(ctx, lookUpHashes, w.catalog, idsOf(w.products))
	}
	if err != nil {
		return err
	}
	w.fresh = w.keepChanged(known) == 0
	return nil
}

func (d *postgres) hashes(ctx context.Context, query string, args ...any) ([]entry, error) {
	rows, err := d.read.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (entry, error) { return scanEntry(row.Scan) })
}

// The two ways of a batch into products. Its columns come as arrays, in one message that the database has received whole
// before it touches the table: a worker that freezes while it sends holds no row. Plain inserting costs half of merging,
// but fails when another writer was first.
const (
	insertColumns = `INSERT INTO products (catalog, id, sku, name, price, currency, active, attributes, hash, digest, origin_node_id, created_at, updated_at)`
	insertBatch   = insertColumns + ` SELECT $10, b.*, $11, clock_timestamp(), clock_timestamp() FROM ` + batchRows
	batchRows     = `unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::boolean[], $7::text[], $8::text[], $9::bigint[])
		AS b (id, sku, name, price, currency, active, attributes, hash, digest)`
	// xmax is 0 exactly for the rows that the statement inserted.
	mergeBatch = `WITH merged AS (` + insertBatch + onConflict + ` RETURNING (xmax = 0) AS created)
		SELECT count(*) FILTER (WHERE created), count(*) FILTER (WHERE NOT created) FROM merged`
	onConflict = ` ON CONFLICT (catalog, id) DO UPDATE SET sku = excluded.sku, name = excluded.name, price = excluded.price,
			currency = excluded.currency, active = excluded.active, attributes = excluded.attributes, hash = excluded.hash,
			digest = excluded.digest, origin_node_id = excluded.origin_node_id, updated_at = excluded.updated_at
		WHERE products.hash <> excluded.hash OR products.digest IS NULL`
	// Only what is still as it was compared. The time and the origin stay: to everybody but us nothing has changed.
	mendBatch = `UPDATE products AS p SET hash = b.hash, digest = b.digest FROM ` + batchRows + `
		WHERE p.catalog = $10 AND p.id = b.id AND p.digest IS NULL AND p.sku = b.sku AND p.name = b.name AND p.price = b.price
			AND p.currency = b.currency AND p.active = b.active AND p.attributes = b.attributes`
)

// upsert writes what differs.
func (d *postgres) upsert(tx *gorm.DB, conn *sql.Conn, w upsert) (n upserted, err error) {
	n.unchanged = w.unchanged
	if len(w.mend) > 0 {
		args := append(columns(w.mend), []byte(w.catalog))
		err := conn.Raw(func(driver any) error { return execute(tx.Statement.Context, driver, mendBatch, args).Err })
		if err != nil {
			return n, err
		}
	}
	if len(w.products) == 0 {
		return n, nil
	}
	args := append(columns(w.products), []byte(w.catalog), []byte(w.origin))
	insert, merge := insertBatch, mergeBatch
	if w.record != nil {
		insert, merge = insertRecorded, mergeRecorded
		args = append(args, w.record.args()...)
	}
	if w.fresh {
		all := args
		if w.record != nil {
			all = slices.Concat(args, [][]byte{packedDigests(w.products)})
		}
		done, err := insertFresh(tx, conn, insert, all)
		if done || err != nil {
			n.created = int64(len(w.products))
			return n, err
		}
	}
	err = conn.Raw(func(driver any) error {
		result := execute(tx.Statement.Context, driver, merge, args)
		if duplicateKey(result.Err) == "sync_changes_pkey" {
			return transfer.ErrFenced // the batch's number is taken
		}
		if result.Err != nil {
			return result.Err
		}
		counts := result.Rows[0]
		n.created, n.updated = number(counts[0]), number(counts[1])
		if w.record != nil && (number(counts[2]) != n.created || number(counts[3]) != n.updated) {
			return troubleBusy.because(errOvertaken)
		}
		return nil
	})
	n.unchanged += int64(len(w.products)) - n.created - n.updated
	return n, err
}

// insertFresh inserts products of which prepare found none here. done is false, and nothing has happened, when there is
// one by now.
func insertFresh(tx *gorm.DB, conn *sql.Conn, insert string, args [][]byte) (done bool, err error) {
	const before = "before_insert"
	if err := tx.SavePoint(before).Error; err != nil {
		return false, err
	}
	err = conn.Raw(func(driver any) error { return execute(tx.Statement.Context, driver, insert, args).Err })
	if duplicateKey(err) != "" {
		return false, tx.RollbackTo(before).Error
	}
	return err == nil, err
}

// execute runs a statement on a batch with arguments in binary form.
func execute(ctx context.Context, driver any, query string, args [][]byte) *pgconn.Result {
	conn := driver.(*stdlib.Conn).Conn()
	statement, err := conn.Prepare(ctx, query, query)
	if err != nil {
		return &pgconn.Result{Err: err}
	}
	return conn.PgConn().ExecPrepared(ctx, statement.Name, args, binaryFormat(), binaryFormat()).Read()
}

// duplicateKey returns the key of which err says that there is a row with it already, "" if it is about anything else.
func duplicateKey(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == pgCodeUnique {
		return pg.ConstraintName
	}
	return ""
}

// number reads a bigint in binary form.
func number(b []byte) int64 {
	return int64(binary.BigEndian.Uint64(b)) //nolint:gosec // the sign bit stands where it belongs
}

func binaryFormat() []int16 { return []int16{pgx.BinaryFormatCode} }

// columns returns the arguments of batchRows, in PostgreSQL's binary form, in which texts stand as
// they are: the driver's general way to make arrays costs more than the database's work on them.
func columns(products []catalog.Product) [][]byte {
	text := func(of func(*catalog.Product) string) []byte { return binaryArray(pgtype.TextOID, products, of) }
	return [][]byte{
		text(func(p *catalog.Product) string { return p.ID }),
		text(func(p *catalog.Product) string { return p.SKU }),
		text(func(p *catalog.Product) string { return p.Name }),
		text(func(p *catalog.Product) string { return p.Price }),
		text(func(p *catalog.Product) string { return p.Currency }),
		binaryArray(pgtype.BoolOID, products, func(p *catalog.Product) string {
			if p.Active {
				return "\x01"
			}
			return "\x00"
		}),
		text(func(p *catalog.Product) string { return p.Attributes }),
		text(func(p *catalog.Product) string { return p.Hash }),
		digestArray(products),
	}
}

// binaryArray returns one member of all products as an array of PostgreSQL, every element behind its length.
func binaryArray(element uint32, products []catalog.Product, of func(*catalog.Product) string) []byte {
	size := 5 * 4
	for i := range products {
		size += 4 + len(of(&products[i]))
	}
	array := appendArrayHead(make([]byte, 0, size), element, len(products))
	for i := range products {
		value := of(&products[i])
		array = binary.BigEndian.AppendUint32(array, uint32(len(value))) //nolint:gosec // far below 4 GiB
		array = append(array, value...)
	}
	return array
}

// digestArray returns the digests of all products as an array of PostgreSQL, with NULL where one has none.
func digestArray(products []catalog.Product) []byte {
	array := appendArrayHead(make([]byte, 0, 5*4+len(products)*12), pgtype.Int8OID, len(products))
	const hasNull = 4 // where the flag for nulls begins
	for i := range products {
		digest, ok := catalog.DigestOf(products[i].Hash)
		if !ok {
			array[hasNull+3] = 1
			array = binary.BigEndian.AppendUint32(array, math.MaxUint32) // no length
			continue
		}
		array = binary.BigEndian.AppendUint32(array, 8)
		array = binary.BigEndian.AppendUint64(array, digest)
	}
	return array
}

// appendArrayHead appends what an array of PostgreSQL begins with: number of dimensions, a flag for nulls, type of the
// elements, their number, index of the first.
func appendArrayHead(array []byte, element uint32, n int) []byte {
	for _, head := range [...]uint32{1, 0, element, uint32(n), 1} { //nolint:gosec // a batch has at most 5,000
		array = binary.BigEndian.AppendUint32(array, head)
	}
	return array
}
