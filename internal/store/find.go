package store

import (
	"context"
	"strings"
	"time"

	"gorm.io/gorm"

	"fullsync/internal/catalog"
)

// Listing products must be quick however many there are, and loading them must not pay for it. So there is no index but the key: one for each order would
// make the database work a fifth (changed) to four times (name, on SQLite) as much again for every new product. A search looks at so many products for a page
// and says how far it came; and only a catalog of so many is sorted otherwise than by id, anew for every page.
const (
	searchedAtOnce = 40_000
	sortedAtMost   = 50_000
)

// FindProducts returns up to limit products of a catalog. A page of a search may have fewer, even none, although there are more: then reached is where it
// ended, otherwise nil. A catalog that is too large for an order is [catalog.TooManyToSort].
func (s *Store) FindProducts(ctx context.Context, catalogName string, f catalog.Find) (found []catalog.Stored, reached *catalog.Place, err error) {
	db := s.read.WithContext(ctx).Model(&product{}).Where("catalog = ?", catalogName)
	if f.Order.By == catalog.ByID {
		db, reached, err = s.byID(db, f)
	} else {
		db, err = s.byKey(db, catalogName, f)
	}
	if err != nil {
		return nil, nil, s.translate(err)
	}
	if f.Query != "" {
		operator, text := s.contains(f.Query)
		db = db.Where("id "+operator+" ? OR sku "+operator+" ? OR name "+operator+" ?", text, text, text)
	}
	var rows []product
	err = db.Limit(f.Limit).Find(&rows).Error
	found = make([]catalog.Stored, len(rows))
	for i := range rows {
		found[i] = rows[i].believed()
	}
	return found, reached, s.translate(err)
}

// byID walks along the key, for a search no further than reached.
func (s *Store) byID(db *gorm.DB, f catalog.Find) (walk *gorm.DB, reached *catalog.Place, err error) {
	order, beyond, within := "catalog, id", "id > ?", "id <= ?"
	if f.Order.Descending {
		order, beyond, within = "catalog DESC, id DESC", "id < ?", "id >= ?"
	}
	db = db.Order(order)
	if f.After.ID != "" {
		db = db.Where(beyond, f.After.ID)
	}
	if f.Query == "" {
		return db, nil, nil
	}
	var last []string
	if err := db.Session(&gorm.Session{}).Offset(s.searched-1).Limit(1).Pluck("id", &last).Error; err != nil || len(last) == 0 {
		return db.Session(&gorm.Session{}), nil, err
	}
	return db.Session(&gorm.Session{}).Where(within, last[0]), &catalog.Place{ID: last[0]}, nil
}

// byKey sorts the whole catalog.
func (s *Store) byKey(db *gorm.DB, catalogName string, f catalog.Find) (*gorm.DB, error) {
	var products int64
	counted := s.read.WithContext(db.Statement.Context).Model(&product{}).Select("id").Where("catalog = ?", catalogName).Limit(s.sortable + 1)
	if err := s.read.WithContext(db.Statement.Context).Table("(?) AS counted", counted).Count(&products).Error; err != nil {
		return nil, err
	}
	if products > int64(s.sortable) {
		return nil, catalog.TooManyToSort(catalogName)
	}
	key := func(operand string) string { return s.sortKey(f.Order.By, operand) }
	column, direction, beyond := f.Order.By, "", ">"
	if column == catalog.ByChanged {
		column = "updated_at"
	}
	if f.Order.Descending {
		direction, beyond = " DESC", "<"
	}
	db = db.Order(key(column) + direction + ", id" + direction)
	if f.After.ID == "" {
		return db, nil
	}
	var value any = f.After.Key
	if f.Order.By == catalog.ByChanged {
		at, err := time.Parse(time.RFC3339Nano, f.After.Key)
		if err != nil {
			at = time.Time{}
		}
		value = s.timeParam(at)
	}
	theirs := key("?")
	values := []any{}
	for range strings.Count(theirs, "?") {
		values = append(values, value)
	}
	return db.Where("("+key(column)+", id) "+beyond+" ("+theirs+", ?)", append(values, f.After.ID)...), nil
}

// sortKey returns the expression by which products are sorted. Letters of the alphabet are sorted whatever their case, everything else as its bytes.
func (*postgres) sortKey(by, operand string) string {
	switch by {
	case catalog.ByChanged:
		return operand
	case catalog.ByPrice: // somebody may have written into the table what is no number
		text := "CAST(" + operand + " AS text)"
		return "CASE WHEN " + text + ` ~ '^-{0,1}[0-9]+(\.[0-9]+){0,1}$' THEN CAST(` + text + " AS numeric) ELSE -1 END"
	default:
		return `lower(substr(CAST(` + operand + ` AS text), 1, 60) COLLATE "C")`
	}
}

// sortKey is that of PostgreSQL, in SQLite's words.
func (*sqlite) sortKey(by, operand string) string {
	switch by {
	case catalog.ByChanged:
		return operand
	case catalog.ByPrice:
		return "COALESCE(CAST(NULLIF(" + operand + ", '') AS REAL), -1)"
	default:
		return "lower(substr(" + operand + ", 1, 60))"
	}
}
