package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"fullsync/internal/catalog"
	"fullsync/internal/fault"
)

// product is the row of table products.
type product struct {
	catalog.Stored `gorm:"embedded"`
	// Digest is nil where the stored hash is not to be believed.
	Digest *int64
}

// TableName names the table for GORM.
func (product) TableName() string { return "products" }

// upsert is the products of one batch on their way into a catalog.
type upsert struct {
	catalog, origin string
	products        []catalog.Product
	// record is where the batch is written down; nil where it is not.
	record *recording
	// unchanged counts the products that were found to be held already and taken out of products.
	unchanged int64
	// mend is the products among the unchanged whose stored hash was not to be believed, though their content is the
	// same: hash and digest are put right, and nothing else of them is written.
	mend []catalog.Product
	// fresh says that none of products was held when that was asked.
	fresh bool
}

// upserted is what became of the products of one batch.
type upserted struct{ created, updated, unchanged, deleted int64 }

// overwrittenColumns are those of a product that was here before which a batch writes.
var overwrittenColumns = []string{"sku", "name", "price", "currency", "active", "attributes", "hash", "digest", "origin_node_id", "updated_at"}

// overwrite makes an INSERT of products overwrite these columns of those that are here.
func overwrite(columns ...string) clause.OnConflict {
	return clause.OnConflict{Columns: []clause.Column{{Name: "catalog"}, {Name: "id"}}, DoUpdates: clause.AssignmentColumns(columns)}
}

// keepChanged takes out what the catalog already holds with the same content, and returns how many of the rest it
// holds with another. Where the stored hash was not to be believed, the content itself has been compared: a product that
// is the same counts as unchanged, and its hash is put right on the way.
func (w *upsert) keepChanged(known []entry) (differing int64) {
	if len(known) == 0 {
		return 0
	}
	byID := make(map[string]*entry, len(known))
	for i := range known {
		byID[known[i].ID] = &known[i]
	}
	changed := make([]catalog.Product, 0, max(0, len(w.products)-len(known)))
	for _, p := range w.products {
		k := byID[p.ID]
		switch {
		case k != nil && k.Hash == p.Hash:
			w.unchanged++
			if k.distrusted {
				w.mend = append(w.mend, p)
			}
			continue
		case k != nil:
			differing++
		}
		changed = append(changed, p)
	}
	w.products = changed
	return differing
}

func idsOf(products []catalog.Product) []string {
	ids := make([]string, len(products))
	for i := range products {
		ids[i] = products[i].ID
	}
	return ids
}

// jsonIDs returns the ids as one JSON array, which SQLite takes as a single parameter.
func jsonIDs(products []catalog.Product) (string, error) {
	text, err := json.Marshal(idsOf(products))
	return string(text), err
}

// batchTx runs fn in a transaction on a connection of the workers' pool, unless the disk has no room for more than that.
func (s *Store) batchTx(ctx context.Context, fn func(tx *gorm.DB, conn *sql.Conn) error) error {
	return s.connTx(ctx, s.work, fn)
}

// connTx is [Store.batchTx] on a connection of db, one of the store's.
func (s *Store) connTx(ctx context.Context, db *gorm.DB, fn func(tx *gorm.DB, conn *sql.Conn) error) error {
	if err := errors.Join(s.isThere(), s.keepRoom()); err != nil {
		return err
	}
	return db.WithContext(ctx).Connection(func(c *gorm.DB) error {
		conn := c.Statement.ConnPool.(*sql.Conn)
		return c.Transaction(func(tx *gorm.DB) error { return fn(tx, conn) })
	})
}

// Imported counts what an import did, in products.
type Imported struct{ Created, Updated, Unchanged int64 }

// Import writes products that come from origin, which are ascending and unique by id, in one transaction. A product
// whose content is held already is not written. It returns Unavailable when the database does not answer.
func (s *Store) Import(ctx context.Context, catalogName, origin string, products []catalog.Product) (Imported, error) {
	w := upsert{catalog: catalogName, origin: origin, products: products}
	if err := s.prepare(ctx, &w); err != nil {
		return Imported{}, s.translate(err)
	}
	var n upserted
	err := s.batchTx(ctx, func(tx *gorm.DB, conn *sql.Conn) (err error) {
		n, err = s.upsert(tx, conn, w)
		return err
	})
	return Imported{Created: n.created, Updated: n.updated, Unchanged: n.unchanged}, s.translate(err)
}

// duplicate is what callers see of a violated key; those that expect it turn it into a sentence of their own.
func duplicate(cause error) error {
	return fault.New(fault.Conflict, "DUPLICATE", "Already exists", "There is one already.").Because(cause)
}
