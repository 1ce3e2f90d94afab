package store

import (
	"context"
	"errors"

	"gorm.io/gorm"

	"fullsync/internal/session"
	"fullsync/internal/syncer"
)

// CancelAndRevert implements [syncer.Reverts].
func (s *Store) CancelAndRevert(ctx context.Context, id string, by syncer.Cancellation, how syncer.Reverting) (ok bool, err error) {
	err = s.roomyTx(ctx, func(tx *gorm.DB) error {
		cancelled := cancellable(tx, id).Updates(s.cancelled(ctx, by))
		if cancelled.Error != nil {
			return cancelled.Error
		}
		ok = cancelled.RowsAffected == 1
		var old session.Session
		find := func() error { return tx.Where("id = ?", id).Limit(1).Find(&old).Error }
		err := find()
		if !ok && err == nil { // it was cancelled before, so others may be at the catalog, or at the same
			err = errors.Join(s.holdCatalog(tx, old.Catalog), find())
		}
		if err != nil {
			return err
		}
		if old.Status != session.Cancelled || old.RevertedBy != "" {
			return nil
		}
		if old.Outgoing() {
			return s.wantRevert(tx, &old)
		}
		return s.createRevert(ctx, tx, old, how)
	})
	return ok, err
}

// wantRevert has the target of a cancelled push asked to put back what it changed.
func (s *Store) wantRevert(tx *gorm.DB, old *session.Session) error {
	if old.RevertWanted {
		return nil
	}
	return tx.Model(old).UpdateColumns(map[string]any{"revert_wanted": true, "target_confirmed": false}).Error
}

// createRevert begins the revert of a session that was cancelled, if there is anything to put back. A session that has begun to write the
// catalog since is a [syncer.OccupiedError].
func (s *Store) createRevert(ctx context.Context, tx *gorm.DB, old session.Session, how syncer.Reverting) error {
	changed, err := hasChanges(tx, old.ID)
	if err != nil || !changed || old.MayRevert() != nil {
		return err
	}
	if err := s.unoccupied(tx, old.Catalog); err != nil {
		return err
	}
	_, err = s.insertSession(ctx, tx, how.Row(old), how.Enqueue)
	return err
}

// hasChanges says whether a session has changed any product, as far as that was written down.
func hasChanges(tx *gorm.DB, id string) (changed bool, err error) {
	err = tx.Raw("SELECT EXISTS (SELECT 1 FROM sync_changes WHERE session_id = ?) OR EXISTS (SELECT 1 FROM sync_creations WHERE session_id = ?)", id, id).
		Scan(&changed).Error
	return changed, err
}

// HasChanges implements [syncer.Reverts].
func (s *Store) HasChanges(ctx context.Context, id string) (bool, error) {
	changed, err := hasChanges(s.read.WithContext(ctx), id)
	return changed, s.translate(err)
}

// noteRevert notes at a session which one puts back what it changed.
func noteRevert(tx *gorm.DB, next *session.Session) error {
	noted := tx.Model(&session.Session{}).Where("id = ? AND changes_through = batch_seq", next.RevertOf).UpdateColumn("reverted_by", next.ID)
	if noted.Error == nil && noted.RowsAffected == 0 {
		return session.ChangesUnknown()
	}
	return noted.Error
}
