package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"

	"gorm.io/gorm"

	"fullsync/internal/catalog"
	"fullsync/internal/session"
	"fullsync/internal/syncer"
)

const (
	// clearStep is how many products of a catalog that goes as a whole are deleted in one transaction.
	clearStep = 5000
	// editsAtOnce is how many edits a replica makes at the same time. They take connections of those for control, and
	// must leave enough of them for cancels and heartbeats.
	editsAtOnce = 2
)

// EditProducts implements [syncer.Products].
func (s *Store) EditProducts(ctx context.Context, catalogName, origin string, edits []catalog.Edit) (done []catalog.Edited, err error) {
	err = s.editTx(ctx, catalogName, func(tx *gorm.DB, conn *sql.Conn) error {
		held, err := s.lockProducts(tx, catalogName, editedIDs(edits))
		if err != nil {
			return err
		}
		if err := unmet(edits, held); err != nil {
			return err
		}
		w := upsert{catalog: catalogName, origin: origin, products: puts(edits)}
		w.keepChanged(heldOf(held, w.products))
		if _, err := s.upsert(tx, conn, w); err != nil {
			return err
		}
		if err := deleteIDs(tx, catalogName, edits); err != nil {
			return err
		}
		done, err = s.edited(tx, catalogName, edits, held)
		return err
	})
	if err != nil {
		return nil, err
	}
	return done, nil
}

// DeleteProducts implements [syncer.Products].
func (s *Store) DeleteProducts(ctx context.Context, catalogName, after string, expected *int64) (step syncer.Deletion, err error) {
	// Where a step ends is looked up on a connection that reads: those keep to the key even while the planner knows
	// nothing of the table.
	var through []string
	err = s.productsAfter(ctx, catalogName, after).Offset(clearStep-1).Limit(1).Pluck("id", &through).Error
	if err != nil {
		return step, s.translate(err)
	}
	err = s.editTx(ctx, catalogName, func(tx *gorm.DB, _ *sql.Conn) error {
		step = syncer.Deletion{}
		if expected != nil {
			var n int64
			if err := tx.Model(&product{}).Where("catalog = ?", catalogName).Count(&n).Error; err != nil {
				return err
			}
			if n != *expected {
				return &catalog.CountError{Catalog: catalogName, Products: n}
			}
		}
		old := tx.Where("catalog = ? AND id > ?", catalogName, after)
		if len(through) > 0 {
			step.Next, step.More = through[0], true
			old = old.Where("id <= ?", step.Next)
		}
		gone := old.Delete(&product{})
		step.Deleted = gone.RowsAffected
		return gone.Error
	})
	if err != nil {
		return syncer.Deletion{}, err
	}
	return step, nil
}

// editTx runs fn in a transaction in which no session writes the catalog and no other edit changes it.
func (s *Store) editTx(ctx context.Context, catalogName string, fn func(tx *gorm.DB, conn *sql.Conn) error) error {
	select {
	case s.edits <- struct{}{}:
		defer func() { <-s.edits }()
	case <-ctx.Done():
		return ctx.Err()
	}
	inTx := func(tx *gorm.DB, conn *sql.Conn) error {
		if err := s.holdCatalog(tx, catalogName); err != nil {
			return err
		}
		if err := s.unoccupied(tx, catalogName); err != nil {
			return err
		}
		if err := fn(tx, conn); err != nil {
			return err
		}
		// Again, as the last statement: a replica of the previous version starts sessions without holding the catalog.
		return s.unoccupied(tx, catalogName)
	}
	err := s.connTx(ctx, s.db, inTx)
	if isStalePlan(err) {
		err = s.connTx(ctx, s.db, inTx)
	}
	return s.translate(err)
}

// unoccupied returns a [syncer.OccupiedError] while a session writes the catalog.
func (s *Store) unoccupied(tx *gorm.DB, catalogName string) error {
	var row session.Session
	err := writer(tx, catalogName).Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	now, err := s.now(tx)
	if err != nil {
		return err
	}
	return &syncer.OccupiedError{Row: row, Now: now}
}

// lockProducts returns what the catalog holds of the products with these ids, by id, and locks those rows: an import may be
// writing them.
func (s *Store) lockProducts(tx *gorm.DB, catalogName string, ids []string) (map[string]entry, error) {
	held := make(map[string]entry, len(ids))
	rows, err := s.forUpdate(tx).Model(&product{}).Select(entryColumns).
		Where("catalog = ? AND id IN ?", catalogName, ids).Order("catalog, id").Rows() //nolint:rowserrcheck // eachRow does
	if err != nil {
		return nil, err
	}
	return held, eachRow(rows, func(scan func(into ...any) error) error {
		e, err := scanEntry(scan)
		held[e.ID] = e
		return err
	})
}

// unmet returns a [catalog.UnmetError] where a condition does not hold.
func unmet(edits []catalog.Edit, held map[string]entry) error {
	var failed []catalog.Unmet
	for i, e := range edits {
		h, ok := held[e.Product.ID]
		if !e.If.Allows(ok, h.Hash) {
			failed = append(failed, catalog.Unmet{Index: i, ID: e.Product.ID, If: e.If, Hash: h.Hash})
		}
	}
	if len(failed) > 0 {
		return &catalog.UnmetError{Unmet: failed}
	}
	return nil
}

func editedIDs(edits []catalog.Edit) []string {
	ids := make([]string, len(edits))
	for i := range edits {
		ids[i] = edits[i].Product.ID
	}
	return ids
}

// puts returns the products to put, ascending.
func puts(edits []catalog.Edit) []catalog.Product {
	var products []catalog.Product
	for _, e := range edits {
		if !e.Delete {
			products = append(products, e.Product)
		}
	}
	slices.SortFunc(products, func(a, b catalog.Product) int { return strings.Compare(a.ID, b.ID) })
	return products
}

// heldOf returns what is held of these products.
func heldOf(held map[string]entry, products []catalog.Product) (known []entry) {
	for i := range products {
		if e, ok := held[products[i].ID]; ok {
			known = append(known, e)
		}
	}
	return known
}

func deleteIDs(tx *gorm.DB, catalogName string, edits []catalog.Edit) error {
	var ids []string
	for _, e := range edits {
		if e.Delete {
			ids = append(ids, e.Product.ID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	return tx.Where("catalog = ? AND id IN ?", catalogName, ids).Delete(&product{}).Error
}

// edited returns what became of edits that have been made; held is what there was before.
func (s *Store) edited(tx *gorm.DB, catalogName string, edits []catalog.Edit, held map[string]entry) ([]catalog.Edited, error) {
	var rows []product
	err := tx.Select("id", "origin_node_id", "created_at", "updated_at").
		Where("catalog = ? AND id IN ?", catalogName, editedIDs(edits)).Find(&rows).Error
	if err != nil {
		return nil, err
	}
	now := make(map[string]*product, len(rows))
	for i := range rows {
		now[rows[i].ID] = &rows[i]
	}
	done := make([]catalog.Edited, len(edits))
	for i, e := range edits {
		before, was := held[e.Product.ID]
		done[i] = catalog.Edited{Effect: effect(e, was, before.Hash), Stored: catalog.Stored{Catalog: catalogName}}
		if e.Delete {
			done[i].ID = e.Product.ID
			continue
		}
		done[i].Product = e.Product
		if row := now[e.Product.ID]; row != nil {
			done[i].OriginNodeID, done[i].CreatedAt, done[i].UpdatedAt = row.OriginNodeID, row.CreatedAt, row.UpdatedAt
		}
	}
	return done, nil
}

// effect is what an edit did to a product that was held, or not, with that hash.
func effect(e catalog.Edit, held bool, hash string) catalog.Effect {
	switch {
	case e.Delete && held:
		return catalog.Deleted
	case e.Delete:
		return catalog.Missing
	case !held:
		return catalog.Created
	case hash == e.Product.Hash:
		return catalog.Unchanged
	}
	return catalog.Updated
}
