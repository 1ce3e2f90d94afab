package store

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"fullsync/internal/session"
	"fullsync/internal/transfer"
)

// OpenIncoming implements [syncer.Incoming].
func (s *Store) OpenIncoming(ctx context.Context, row session.Session, supersede session.Ending) (opened bool, err error) {
	err = s.inTx(ctx, s.db, func(tx *gorm.DB) (err error) {
		opened = false
		if err := s.holdCatalog(tx, row.Catalog); err != nil {
			return err
		}
		var known int64
		if err := tx.Model(&session.Session{}).Where("id = ?", row.ID).Count(&known).Error; err != nil || known > 0 {
			return err
		}
		if err := s.supersede(tx, row, supersede); err != nil {
			return err
		}
		if row.StartedAt, err = s.now(tx); err != nil {
			return err
		}
		row.Progress = session.Progress(0, row.Handled(), row.TotalRecords)
		inserted := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&row)
		if inserted.Error != nil {
			return inserted.Error
		}
		if inserted.RowsAffected == 0 { // a replica of the previous version starts sessions without holding the catalog
			return s.unoccupied(tx, row.Catalog)
		}
		values := map[string]any{"started_at": s.timeParam(row.StartedAt), "claimed_at": s.dbNow(), "last_heartbeat_at": s.dbNow()}
		s.heard(values, session.Pulse{Silent: new(time.Duration)})
		s.mark(values, "mark_", &row)
		s.mark(values, "next_mark_", &row)
		if err := s.noteStart(tx, &row); err != nil {
			return err
		}
		opened = true
		return tx.Model(&session.Session{}).Where("id = ?", row.ID).UpdateColumns(values).Error
	})
	return opened, err
}

// supersede ends an older incoming session of the pusher of row. Another session that writes the catalog is a [syncer.OccupiedError], and so is a later
// one of the same pusher: then it is the request to open row that comes late. Only the session that is there now is compared with, so that a pusher
// whose clock was put back waits no longer than for the end of a lease.
func (s *Store) supersede(tx *gorm.DB, row session.Session, end session.Ending) error {
	var there session.Session
	err := writer(s.forUpdate(tx), row.Catalog).Take(&there).Error
	switch {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return nil
	case err != nil:
		return err
	case !there.Incoming || there.PeerID != row.PeerID || there.PushedBy != row.PushedBy, row.PusherStarted > 0 && row.PusherStarted < there.PusherStarted:
		return s.unoccupied(tx, row.Catalog)
	}
	return s.guarded(fenced(tx, session.Claim{SessionID: there.ID, Fence: there.Fence}), s.ended(end))
}

// BuryIncoming implements [syncer.Incoming].
func (s *Store) BuryIncoming(ctx context.Context, row session.Session) error {
	return s.roomyTx(ctx, func(tx *gorm.DB) (err error) {
		if row.StartedAt, err = s.now(tx); err != nil {
			return err
		}
		inserted := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&row)
		if inserted.Error != nil || inserted.RowsAffected == 0 {
			return inserted.Error
		}
		at := s.timeParam(row.StartedAt)
		return tx.Model(&session.Session{}).Where("id = ?", row.ID).UpdateColumns(map[string]any{"started_at": at, "completed_at": at}).Error
	})
}

// ReopenIncoming implements [syncer.Incoming].
func (s *Store) ReopenIncoming(ctx context.Context, id string, pusherFence int64, lease time.Duration) error {
	return s.inTx(ctx, s.db, func(tx *gorm.DB) error {
		var before session.Session
		err := s.forUpdate(tx).Where("id = ? AND incoming AND pusher_fence <= ? AND "+activeSQL, id, pusherFence).Take(&before).Error
		if errors.Is(err, gorm.ErrRecordNotFound) {
			return transfer.ErrFenced
		}
		if err != nil {
			return err
		}
		if before.PusherFence == pusherFence { // the same request again, perhaps a late one: this worker is at work
			return nil
		}
		values := s.claimed(&before)
		values["pusher_fence"], values["lease_seconds"], values["deletes_allowed"] = pusherFence, int(lease.Seconds()), nil
		values["phase"] = session.PhaseTransferring
		s.heard(values, session.Pulse{Silent: new(time.Duration)})
		return s.guarded(fenced(tx, session.Claim{SessionID: id, Fence: before.Fence}), values)
	})
}

// AllowDeletes implements [syncer.Incoming].
func (s *Store) AllowDeletes(ctx context.Context, c session.Claim, count int64) error {
	return s.guarded(fenced(s.db.WithContext(ctx), c), map[string]any{"deletes_allowed": count, "last_heartbeat_at": s.dbNow()})
}
