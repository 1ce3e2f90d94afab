package store

import (
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"fullsync/internal/catalog"
	"fullsync/internal/session"
)

// restore puts products back in the transaction of a revert's batch, and returns those that it leaves alone.
func (s *Store) restore(tx *gorm.DB, row *session.Session, record *recording, restores []catalog.Restore) (n upserted, left []catalog.Reject, err error) {
	ids := make([]string, len(restores))
	for i := range restores {
		ids[i] = restores[i].ID
	}
	held, err := s.lockProducts(tx, row.Catalog, ids)
	if err != nil {
		return n, nil, err
	}
	var missing, changed []product
	var added []string
	for i := range restores {
		r := &restores[i]
		now, here := held[r.ID]
		back, reject := r.Decide(now.Hash)
		switch {
		case reject != nil:
			left = append(left, *reject)
		case !back || !here && r.Before == nil:
			n.unchanged++
		case r.Before == nil:
			added = append(added, r.ID)
		case here:
			changed = append(changed, restoredRow(row.Catalog, r.Before))
		default:
			missing = append(missing, restoredRow(row.Catalog, r.Before))
		}
	}
	n.created, n.updated, n.deleted = int64(len(missing)), int64(len(changed)), int64(len(added))
	if err := s.putBack(tx, record, row.Catalog, missing, changed); err != nil {
		return n, nil, err
	}
	return n, left, takeAway(tx, record, row.Catalog, added)
}

// restoredRow is a product as it was, but for when it was written last.
func restoredRow(catalogName string, was *catalog.Stored) product {
	p := product{Stored: *was, Digest: digestOf(was.Hash)}
	p.Catalog = catalogName
	return p
}

// putBack inserts products that are missing, and overwrites locked ones that were changed.
func (s *Store) putBack(tx *gorm.DB, record *recording, catalogName string, missing, changed []product) error {
	now, err := s.now(tx)
	if err != nil {
		return err
	}
	for _, rows := range [][]product{missing, changed} {
		slices.SortFunc(rows, func(a, b product) int { return strings.Compare(a.ID, b.ID) })
		for i := range rows {
			rows[i].UpdatedAt = now
		}
	}
	if len(missing) > 0 {
		done := tx.Clauses(clause.OnConflict{DoNothing: true}).CreateInBatches(missing, sqliteRows)
		if done.Error != nil {
			return done.Error
		}
		if done.RowsAffected != int64(len(missing)) {
			return troubleBusy.because(errOvertaken)
		}
		if err := recordCreations(tx, record, catalogName, contents(missing)); err != nil {
			return err
		}
	}
	if len(changed) == 0 {
		return nil
	}
	write := func() error {
		return tx.Clauses(overwrite(append(overwrittenColumns, "created_at")...)).CreateInBatches(changed, sqliteRows).Error
	}
	if record == nil {
		return write()
	}
	return s.recordUpdates(tx, record, catalogName, contents(changed), write)
}

// contents returns the products of rows.
func contents(rows []product) []catalog.Product {
	products := make([]catalog.Product, len(rows))
	for i := range rows {
		products[i] = rows[i].Product
	}
	return products
}

// takeAway deletes locked products that a session created.
func takeAway(tx *gorm.DB, record *recording, catalogName string, ids []string) error {
	for step := range slices.Chunk(ids, deleteStep) {
		if _, err := deleteRecorded(tx, record, "catalog = ? AND id IN ?", catalogName, step); err != nil {
			return err
		}
	}
	return nil
}
