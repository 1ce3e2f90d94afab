package store

import (
	"context"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"fullsync/internal/fault"
	"fullsync/internal/session"
	"fullsync/internal/syncer"
)

// dbNow is the database's wall clock as a value in a statement.
func (s *Store) dbNow() clause.Expr { return gorm.Expr(s.nowSQL()) }

// GetSession implements [syncer.Sessions].
func (s *Store) GetSession(ctx context.Context, id string) (row session.Session, now time.Time, err error) {
	rows, now, err := s.sharedSessions(ctx, &s.oneSession, s.oneSQL, id)
	if err == nil && len(rows) == 0 {
		err = fault.New(fault.NotFound, "SESSION_NOT_FOUND", "Sync session not found",
			"There is no sync session with this id. List the sessions to find the right one.")
	}
	if err != nil {
		return row, now, err
	}
	return rows[0], now, nil
}

// sessionSQL selects one session.
func (s *Store) sessionSQL() string {
	return "SELECT " + sessionRow().columns + ", " + s.nowSQL() + " FROM sync_sessions WHERE id = $1"
}

// cancellable selects a session while it is active.
func cancellable(db *gorm.DB, id string) *gorm.DB {
	return db.Model(&session.Session{}).Where("id = ? AND status IN ?", id, session.Before(session.Cancelled))
}

// cancelled is what a cancel writes.
func (s *Store) cancelled(ctx context.Context, by syncer.Cancellation) map[string]any {
	values := s.ended(session.Ending{Status: session.Cancelled, Message: by.Message()})
	values["cancelled_by"], values["cancel_reason"], values["cancelled_from"] = by.By, by.Reason, cameFrom(ctx)
	values["target_confirmed"] = gorm.Expr("CASE WHEN direction = ? AND NOT incoming THEN false END", session.Push)
	values["revert_wanted"] = gorm.Expr("? AND direction = ? AND NOT incoming", by.Revert, session.Push)
	return values
}

// CancelSession implements [syncer.Sessions]. From its commit on, the guard of every worker's write finds no active row:
// nothing of this session is ever written again.
func (s *Store) CancelSession(ctx context.Context, id string, by syncer.Cancellation) (ok bool, err error) {
	err = s.withRoom(func() error {
		done := cancellable(s.db.WithContext(ctx), id).Updates(s.cancelled(ctx, by))
		ok = done.RowsAffected == 1
		return s.translate(done.Error)
	})
	return ok, err
}
