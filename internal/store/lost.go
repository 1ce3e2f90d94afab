package store

import (
	"context"
	"slices"
	"time"

	"gorm.io/gorm"

	"fullsync/internal/session"
	"fullsync/internal/syncer"
)

// StaleSessions implements [syncer.Lost].
func (s *Store) StaleSessions(ctx context.Context, staleAfter time.Duration) (syncer.Stale, error) {
	rows, now, err := s.querySessions(ctx, "SELECT "+sessionRow().columns+", "+s.nowSQL()+" FROM sync_sessions WHERE "+activeSQL+
		" AND worker <> '' AND ("+s.farFrom("last_heartbeat_at", staleAfter)+")")
	rows = slices.DeleteFunc(rows, func(row session.Session) bool {
		silent := now.Sub(*row.LastHeartbeatAt)
		return row.Incoming && silent >= 0 && silent <= row.Lease()
	})
	return syncer.Stale{Sessions: rows, Now: now}, err
}

// WaitingSessions implements [syncer.Lost]. The heartbeat of a session that was handed back is the time of its last worker.
func (s *Store) WaitingSessions(ctx context.Context, olderThan time.Duration) (rows []session.Session, err error) {
	err = s.db.WithContext(ctx).Where("status IN ? AND worker = '' AND NOT incoming", session.ActiveStatuses()).
		Where(s.farFrom("COALESCE(last_heartbeat_at, started_at)", olderThan)).Find(&rows).Error
	return rows, s.translate(err)
}

// farFrom selects rows whose time is longer ago than d, or is still as far ahead: the database's clock was put back since, or a standby took
// over whose clock is behind.
func (s *Store) farFrom(column string, d time.Duration) string {
	return column + " < " + s.agoSQL(d) + " OR " + column + " > " + s.agoSQL(-d)
}

// FruitlessTakeovers implements [syncer.Lost].
func (s *Store) FruitlessTakeovers(ctx context.Context, seen session.Session) (int, error) {
	var n int64
	err := s.db.WithContext(ctx).Model(&session.Takeover{}).
		Where("session_id = ? AND batch_seq = ?", seen.ID, seen.BatchSeq).Count(&n).Error
	return int(n), s.translate(err)
}

// asSeen selects a session while it is exactly as it was seen, with the same worker, fence and heartbeat.
func (s *Store) asSeen(db *gorm.DB, seen session.Session) *gorm.DB {
	db = fenced(db, session.Claim{SessionID: seen.ID, Fence: seen.Fence}).Where("job_id = ?", seen.JobID)
	if seen.LastHeartbeatAt == nil {
		return db.Where("last_heartbeat_at IS NULL")
	}
	return db.Where("last_heartbeat_at = ?", s.timeParam(*seen.LastHeartbeatAt))
}

// TakeOver implements [syncer.Lost].
func (s *Store) TakeOver(ctx context.Context, seen session.Session, enqueue syncer.Enqueue) error {
	return s.roomyTx(ctx, func(tx *gorm.DB) error {
		if err := s.guarded(s.asSeen(tx, seen), queued(seen.Fence)); err != nil {
			return err
		}
		now, err := s.now(tx)
		if err != nil {
			return err
		}
		err = tx.Create(&session.Takeover{
			SessionID: seen.ID, Fence: seen.Fence, Worker: seen.Worker, HeartbeatAt: seen.LastHeartbeatAt, At: now, BatchSeq: seen.BatchSeq,
		}).Error
		if err != nil {
			return err
		}
		return s.giveJob(ctx, tx, session.Claim{SessionID: seen.ID, Fence: seen.Fence + 1}, enqueue)
	})
}

// FailLost implements [syncer.Lost].
func (s *Store) FailLost(ctx context.Context, seen session.Session, end session.Ending) error {
	return s.withRoom(func() error {
		return s.guarded(s.asSeen(s.db.WithContext(ctx), seen), s.ended(end))
	})
}

// Reenqueue implements [syncer.Lost].
func (s *Store) Reenqueue(ctx context.Context, seen session.Session, enqueue syncer.Enqueue) error {
	return s.inTx(ctx, s.db, func(tx *gorm.DB) error {
		if err := s.guarded(s.asSeen(tx, seen).Where("worker = ''"), map[string]any{"phase": session.PhaseQueued}); err != nil {
			return err
		}
		return s.giveJob(ctx, tx, session.Claim{SessionID: seen.ID, Fence: seen.Fence}, enqueue)
	})
}

// giveJob enqueues a job for a session in the transaction that made it wait for one.
func (s *Store) giveJob(ctx context.Context, tx *gorm.DB, c session.Claim, enqueue syncer.Enqueue) error {
	job, err := enqueue(ctx, sqlTx(tx), c.SessionID, c.Fence)
	if err != nil {
		return err
	}
	return s.guarded(fenced(tx, c), map[string]any{"job_id": job})
}

// ListTakeovers returns the takeovers of a session, in order.
func (s *Store) ListTakeovers(ctx context.Context, id string) (rows []session.Takeover, err error) {
	err = s.show.WithContext(ctx).Where("session_id = ?", id).Order("fence").Find(&rows).Error
	return rows, s.translate(err)
}
