package store

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"

	"fullsync/internal/session"
)

// planned finds a dry run by its options, which are JSON as this program writes it.
const planned = `%"dryRun":true%`

// ProductHistory returns what sessions did to a product, also to one that is gone by now: the newest first, up to limit after the first skip of
// them. It knows what is kept; see [Store.PruneChanges].
func (s *Store) ProductHistory(ctx context.Context, catalogName, id string, skip, limit int) ([]session.Made, error) {
	var rows []change
	err := s.read.WithContext(ctx).Joins("JOIN sync_sessions s ON s.id = session_id").Where("product_id = ? AND s.catalog = ? AND s.options NOT LIKE ?", id, catalogName, planned).
		Order("s.started_at DESC, session_id DESC, batch DESC").Limit(skip + limit).Find(&rows).Error
	if err != nil {
		return nil, s.translate(err)
	}
	var changes []session.Change
	for i := range rows {
		changes = append(changes, rows[i].of(catalogName))
	}
	created, err := s.creationsOf(ctx, catalogName, id)
	if err != nil {
		return nil, s.translate(err)
	}
	made, err := s.madeBy(ctx, append(changes, created...))
	if err != nil || len(made) <= skip {
		return nil, err
	}
	return made[skip:min(len(made), skip+limit)], nil
}

// creationsOf returns what created a product: it is looked up in the lists of the batches that it can be in.
func (s *Store) creationsOf(ctx context.Context, catalogName, id string) (found []session.Change, err error) {
	quoted, err := json.Marshal(id)
	if err != nil {
		return nil, err
	}
	var lists []creations
	err = s.read.WithContext(ctx).Where("catalog = ? AND first_id <= ? AND last_id >= ? AND "+s.indexSQL()+"(ids, ?) > 0", catalogName, id, id, string(quoted)).
		Find(&lists).Error
	for i := range lists {
		_ = lists[i].each(func(c session.Change) error {
			if c.ProductID == id {
				found = append(found, c)
			}
			return nil
		})
	}
	return found, err
}

// madeBy adds to changes who made them, and puts the newest first.
func (s *Store) madeBy(ctx context.Context, changes []session.Change) (made []session.Made, err error) {
	ids := make([]string, len(changes))
	for i := range changes {
		ids[i] = changes[i].SessionID
	}
	var rows []session.Session
	if err := s.read.WithContext(ctx).Where("id IN ?", ids).Find(&rows).Error; err != nil {
		return nil, s.translate(err)
	}
	for _, c := range changes {
		if i := slices.IndexFunc(rows, func(row session.Session) bool { return row.ID == c.SessionID }); i >= 0 {
			made = append(made, session.Made{Change: c, By: rows[i]})
		}
	}
	slices.SortFunc(made, func(a, b session.Made) int {
		return cmp.Or(b.By.StartedAt.Compare(a.By.StartedAt), cmp.Compare(b.SessionID, a.SessionID), cmp.Compare(b.Batch, a.Batch))
	})
	return made, nil
}
