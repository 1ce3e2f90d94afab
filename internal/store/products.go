package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"gorm.io/gorm"

	"fullsync/internal/catalog"
	"fullsync/internal/transfer"
)

// contentColumns are what a product consists of, without when and from where it came.
const contentColumns = "id, sku, name, price, currency, active, attributes, hash"

// pageColumns are contentColumns with a hash only where it is to be believed; see [digestOf].
const pageColumns = "id, sku, name, price, currency, active, attributes, CASE WHEN digest IS NULL THEN '' ELSE hash END AS hash"

func (s *Store) productsAfter(ctx context.Context, catalogName, after string) *gorm.DB {
	db := s.read.WithContext(ctx).Model(&product{}).Where("catalog = ?", catalogName).Order("catalog, id")
	if after != "" {
		db = db.Where("id > ?", after)
	}
	return db
}

// pageRows are the rows of a page as they come; both drivers have them.
type pageRows interface {
	Next() bool
	Scan(into ...any) error
	Err() error
	Close() error
}

// pager is a dialect that reads pages past GORM, which on PostgreSQL costs more than the database's own work.
type pager interface {
	// readPage returns columns of up to limit products of a catalog whose id is greater than after and at most through,
	// "" for the end, in ascending order.
	readPage(ctx context.Context, columns, catalogName, after, through string, limit int) (pageRows, error)
	// readIntervals returns columns of the first limit products in intervals that ascend, in ascending order.
	readIntervals(ctx context.Context, columns, catalogName string, of []catalog.Interval, limit int) (pageRows, error)
	// readProducts returns columns of the products with these ids, which ascend, in the same order.
	readProducts(ctx context.Context, columns, catalogName string, ids []string) (pageRows, error)
}

func (s *Store) page(ctx context.Context, columns, catalogName, after, through string, limit int) (pageRows, error) {
	if p, ok := s.dialect.(pager); ok {
		return p.readPage(ctx, columns, catalogName, after, through, limit)
	}
	db := s.productsAfter(ctx, catalogName, after)
	if through != "" {
		db = db.Where("id <= ?", through)
	}
	return db.Select(columns).Limit(limit).Rows() //nolint:rowserrcheck // whoever reads the rows does
}

// eachWithin calls each for columns of the first limit products in intervals that ascend, in ascending order.
func (s *Store) eachWithin(
	ctx context.Context, columns, catalogName string, of []catalog.Interval, limit int, each func(scan func(into ...any) error) error,
) error {
	if p, ok := s.dialect.(pager); ok && len(of) > 1 {
		rows, err := p.readIntervals(ctx, columns, catalogName, of, limit)
		if err != nil {
			return err
		}
		return eachRow(rows, each)
	}
	for _, in := range of {
		rows, err := s.page(ctx, columns, catalogName, in.After, in.Through, limit)
		if err != nil {
			return err
		}
		err = eachRow(rows, func(scan func(into ...any) error) error {
			limit--
			return each(scan)
		})
		if err != nil || limit <= 0 {
			return err
		}
	}
	return nil
}

// products returns columns of the products with these ids, which ascend, in the same order.
func (s *Store) products(ctx context.Context, columns, catalogName string, ids []string) (pageRows, error) {
	if p, ok := s.dialect.(pager); ok {
		return p.readProducts(ctx, columns, catalogName, ids)
	}
	list, err := json.Marshal(ids)
	if err != nil {
		return nil, err
	}
	return s.productsAfter(ctx, catalogName, "").Where("id IN (SELECT value FROM json_each(?))", string(list)).Select(columns).
		Rows() //nolint:rowserrcheck // whoever reads the rows does
}

// ReadPage is [Store.ReadSpan] to the end of the catalog.
func (s *Store) ReadPage(ctx context.Context, catalogName, after string, limit int, each func(*catalog.Product) error) error {
	return s.ReadSpan(ctx, catalogName, after, "", limit, each)
}

// ReadSpan calls each for up to limit products of a catalog whose id is greater than after and at most through, "" for the
// end, in ascending byte order. An error of each ends the reading and is returned. The product is only valid during the
// call; its hash is empty where something other than fullsync changed the row. It returns
// a [*catalog.UnreadableError] for a row that is no product, after the products before it: go on after its id.
func (s *Store) ReadSpan(ctx context.Context, catalogName, after, through string, limit int, each func(*catalog.Product) error) error {
	rows, err := s.page(ctx, pageColumns, catalogName, after, through, limit)
	if err != nil {
		return s.translate(err)
	}
	return s.eachProduct(rows, each)
}

// eachProduct calls each for rows of pageColumns.
func (s *Store) eachProduct(rows pageRows, each func(*catalog.Product) error) error {
	return s.translate(eachRow(rows, func(scan func(into ...any) error) error {
		var p catalog.Product
		if err := scan(&p.ID, &p.SKU, &p.Name, &p.Price, &p.Currency, &p.Active, &p.Attributes, &p.Hash); err != nil {
			return unreadable(scan, err)
		}
		return each(&p)
	}))
}

// unreadable is the error for a row of pageColumns that does not fit a product.
func unreadable(scan func(into ...any) error, cause error) error {
	var id string
	var other any
	if err := scan(&id, &other, &other, &other, &other, &other, &other, &other); err != nil {
		return cause
	}
	return &catalog.UnreadableError{ID: id, Reason: anotherType}
}

// anotherType is why a row cannot be read. SQLite keeps whatever somebody writes into a column.
const anotherType = "a column of its row holds a value of another type"

// ReadProducts is [Store.ReadSpan] for single products, by ids that ascend. What is not there is left out.
func (s *Store) ReadProducts(ctx context.Context, catalogName string, ids []string, each func(*catalog.Product) error) error {
	rows, err := s.products(ctx, pageColumns, catalogName, ids)
	if err != nil {
		return s.translate(err)
	}
	return s.eachProduct(rows, each)
}

// Hashes implements [transfer.Comparer], for one of this node's catalogs.
func (s *Store) Hashes(ctx context.Context, catalogName, after string, limit int) (transfer.HashPage, error) {
	return s.Side(catalogName).Hashes(ctx, after, limit)
}

// Hashes implements [transfer.Comparer].
func (d *Side) Hashes(ctx context.Context, after string, limit int) (page transfer.HashPage, err error) {
	page.Next = after
	err = d.EachEntry(ctx, []catalog.Interval{{After: after}}, limit, func(e catalog.Entry) error {
		page.Entries = append(page.Entries, e)
		page.Next = e.ID
		return nil
	})
	page.More = len(page.Entries) == limit
	return page, err
}

// ListProducts returns up to limit products of a catalog whose id is greater than after, in ascending byte order. A
// non-empty q keeps those whose id, sku or name contains it, whatever the case of its
// letters. It must be text: UTF-8 without NUL.
func (s *Store) ListProducts(ctx context.Context, catalogName, after, q string, limit int) ([]catalog.Stored, error) {
	db := s.productsAfter(ctx, catalogName, after).Limit(limit)
	if q != "" {
		operator, text := s.contains(q)
		db = db.Where("id "+operator+" ? OR sku "+operator+" ? OR name "+operator+" ?", text, text, text)
	}
	var rows []product
	err := db.Find(&rows).Error
	stored := make([]catalog.Stored, len(rows))
	for i := range rows {
		stored[i] = rows[i].believed()
	}
	return stored, s.translate(err)
}

// GetProduct returns one product, or NotFound.
func (s *Store) GetProduct(ctx context.Context, catalogName, id string) (catalog.Stored, error) {
	var row product
	err := s.read.WithContext(ctx).Where("catalog = ? AND id = ?", catalogName, id).Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return row.Stored, catalog.NoProduct(catalogName)
	}
	return row.believed(), s.translate(err)
}

// believed returns the product with a hash that fits it, also where the stored one is not to be believed.
func (p *product) believed() catalog.Stored {
	if p.Digest == nil {
		p.Hash, _ = p.Rehash()
	}
	return p.Stored
}

// CountProducts returns how many products a catalog has: 0 where there is no such catalog. It goes through the catalog's
// whole key, which takes about 0.1 s for a million products.
func (s *Store) CountProducts(ctx context.Context, catalogName string) (n int64, err error) {
	err = s.read.WithContext(ctx).Model(&product{}).Where("catalog = ?", catalogName).Count(&n).Error
	return n, s.translate(err)
}

// CountCatalogs returns the catalogs that hold products, by name, with how many.
func (s *Store) CountCatalogs(ctx context.Context) ([]catalog.Count, error) {
	var counts []catalog.Count
	err := s.read.WithContext(ctx).Model(&product{}).Select("catalog, count(*) AS products").Group("catalog").Find(&counts).Error
	// Sorted here: connections that read avoid sorting, and would go through the key instead of counting.
	slices.SortFunc(counts, func(a, b catalog.Count) int { return strings.Compare(a.Catalog, b.Catalog) })
	return counts, s.translate(err)
}

// CountUpTo is CountCatalogs that counts no further than to most, and so costs what there are catalogs and not what they hold.
func (s *Store) CountUpTo(ctx context.Context, most int) ([]catalog.Count, error) {
	var counts []catalog.Count
	// It goes from one catalog to the next along the key, and so does each count: in another order the planner might go through everything.
	const next = "(SELECT catalog FROM products%s ORDER BY catalog LIMIT 1)"
	err := s.read.WithContext(ctx).Raw("WITH RECURSIVE catalogs(this) AS (SELECT "+fmt.Sprintf(next, "")+
		" UNION ALL SELECT "+fmt.Sprintf(next, " WHERE catalog > this")+" FROM catalogs WHERE this IS NOT NULL)"+
		" SELECT this AS catalog, (SELECT count(*) FROM (SELECT id FROM products WHERE catalog = this ORDER BY catalog, id LIMIT ?) AS first) AS products"+
		" FROM catalogs WHERE this IS NOT NULL", most).Scan(&counts).Error
	return counts, s.translate(err)
}
