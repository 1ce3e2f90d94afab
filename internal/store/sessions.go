package store

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"fullsync/internal/fault"
	"fullsync/internal/session"
	"fullsync/internal/syncer"
)

// dbNow is the database's wall clock as a value in a statement.
func (s *Store) dbNow() clause.Expr { return gorm.Expr(s.nowSQL()) }

// GetSession is a [syncer.Sessions]'s.
func (s *Store) GetSession(ctx context.Context, id string) (row session.Session, now time.Time, err error) {
	err = s.read.WithContext(ctx).Where("id = ?", id).Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return row, now, fault.New(fault.NotFound, "SESSION_NOT_FOUND", "Sync session not found",
			"There is no sync session with this id. List the sessions to find the right one.")
	}
	if err == nil {
		now, err = s.now(s.read.WithContext(ctx))
	}
	return row, now, s.translate(err)
}

// FindSessions is a [syncer.Sessions]'s.
func (s *Store) FindSessions(ctx context.Context, q syncer.Query) (rows []session.Session, now time.Time, err error) {
	db := s.read.WithContext(ctx).Order("started_at DESC, id DESC")
	if len(q.Statuses) > 0 {
		db = db.Where("status IN ?", session.Stored(q.Statuses...))
	}
	if q.Catalog != "" {
		db = db.Where("catalog = ?", q.Catalog)
	}
	if q.PeerID != "" {
		db = db.Where("peer_id = ?", q.PeerID)
	}
	if !q.StartedAfter.IsZero() {
		db = db.Where("started_at > ?", s.timeParam(q.StartedAfter))
	}
	if !q.StartedBefore.IsZero() {
		db = db.Where("started_at < ?", s.timeParam(q.StartedBefore))
	}
	if q.BeforeID != "" {
		at := s.timeParam(q.BeforeStartedAt)
		db = db.Where("started_at < ? OR (started_at = ? AND id < ?)", at, at, q.BeforeID)
	}
	if q.Limit > 0 {
		db = db.Limit(q.Limit)
	}
	if err = db.Find(&rows).Error; err == nil {
		now, err = s.now(s.read.WithContext(ctx))
	}
	return rows, now, s.translate(err)
}

// cancellable selects a session while it is active.
func cancellable(db *gorm.DB, id string) *gorm.DB {
	return db.Model(&session.Session{}).Where("id = ? AND status IN ?", id, session.Before(session.Cancelled))
}

// cancelled is what a cancel writes.
func (s *Store) cancelled(by syncer.Cancellation) map[string]any {
	values := s.ended(session.Ending{Status: session.Cancelled, Message: by.Message()})
	values["cancelled_by"], values["cancel_reason"] = by.By, by.Reason
	return values
}

// CancelSession is a [syncer.Sessions]'s. From its commit on, the guard of every worker's write finds no active row:
// nothing of this session is ever written again.
func (s *Store) CancelSession(ctx context.Context, id string, by syncer.Cancellation) (ok bool, err error) {
	err = s.withRoom(func() error {
		done := cancellable(s.db.WithContext(ctx), id).Updates(s.cancelled(by))
		ok = done.RowsAffected == 1
		return s.translate(done.Error)
	})
	return ok, err
}

// CountSessions returns how many sessions there are in each state.
func (s *Store) CountSessions(ctx context.Context) (map[session.Status]int64, error) {
	var rows []struct {
		Status session.Status
		N      int64
	}
	err := s.read.WithContext(ctx).Model(&session.Session{}).Select("status, count(*) AS n").Group("status").Find(&rows).Error
	counts := make(map[session.Status]int64, len(rows))
	for _, r := range rows {
		counts[r.Status.Current()] += r.N
	}
	return counts, s.translate(err)
}
