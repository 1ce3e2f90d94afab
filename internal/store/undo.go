package store

import (
	"context"
	"errors"
	"slices"

	"fullsync/internal/catalog"
	"fullsync/internal/session"
)

// ChangesBefore implements [syncer.Ledger].
func (s *Store) ChangesBefore(ctx context.Context, id string, before session.ChangePosition, limit int) ([]session.Change, error) {
	all, whole, err := s.writtenBefore(ctx, id, before, limit)
	if err != nil {
		return nil, err
	}
	written := len(all)
	created, err := s.createdBefore(ctx, id, before, limit)
	if err != nil {
		return nil, err
	}
	for _, c := range created {
		// What comes after a page that was cut short belongs to the next one.
		if whole || c.Compare(all[written-1].ChangePosition) > 0 {
			all = append(all, c)
		}
	}
	slices.SortFunc(all, func(a, b session.Change) int { return b.Compare(a.ChangePosition) })
	// Whatever forgets changes says so first.
	row, _, err := s.GetSession(ctx, id)
	if err == nil && !row.KeepsChanges() {
		err = session.ChangesUnknown()
	}
	return all[:min(len(all), limit)], err
}

// writtenBefore lists what stands in sync_changes, newest first; whole says that it was not cut short by the size of the products.
func (s *Store) writtenBefore(ctx context.Context, id string, before session.ChangePosition, limit int) (changes []session.Change, whole bool, err error) {
	rows, err := s.read.WithContext(ctx).Model(&change{}).Where("session_id = ? AND (batch, product_id) < (?, ?)", id, before.Batch, before.ProductID).
		Order("session_id DESC, batch DESC, product_id DESC").Limit(limit).Rows() //nolint:rowserrcheck // eachRow does
	if err != nil {
		return nil, false, s.translate(err)
	}
	size := 0
	err = eachRow(rows, func(func(into ...any) error) error {
		if size > catalog.MaxBatchBytes {
			return errEnough
		}
		var row change
		if err := s.read.ScanRows(rows, &row); err != nil {
			return err
		}
		c := row.of("")
		if c.Before != nil {
			size += len(c.Before.Attributes) + len(c.Before.Name)
		}
		changes = append(changes, c)
		return nil
	})
	if errors.Is(err, errEnough) {
		return changes, false, nil
	}
	return changes, true, s.translate(err)
}

// createdBefore lists what stands in sync_creations, newest first.
func (s *Store) createdBefore(ctx context.Context, id string, before session.ChangePosition, limit int) (changes []session.Change, err error) {
	err = s.eachCreations(ctx, id, before.Batch, downwards, func(batch creations) error {
		if len(changes) >= limit {
			return errEnough
		}
		from := len(changes)
		err := batch.each(func(c session.Change) error {
			if c.Compare(before) < 0 {
				changes = append(changes, c)
			}
			return nil
		})
		slices.Reverse(changes[from:])
		return err
	})
	return changes, err
}
