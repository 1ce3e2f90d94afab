package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"

	"fullsync/internal/fault"
	"fullsync/internal/schedule"
	"fullsync/internal/session"
)

// ListSchedules implements [schedule.Store].
func (s *Store) ListSchedules(ctx context.Context) (all []schedule.Schedule, now time.Time, err error) {
	db := s.show.WithContext(ctx)
	if err := db.Order("name").Find(&all).Error; err != nil {
		return nil, now, s.translate(err)
	}
	now, err = s.now(db)
	return all, now, s.translate(err)
}

// GetSchedule implements [schedule.Store].
func (s *Store) GetSchedule(ctx context.Context, id string) (one schedule.Schedule, now time.Time, err error) {
	db := s.show.WithContext(ctx)
	if one, err = s.takeSchedule(db, id); err != nil {
		return one, now, err
	}
	now, err = s.now(db)
	return one, now, s.translate(err)
}

func (s *Store) takeSchedule(db *gorm.DB, id string) (one schedule.Schedule, err error) {
	err = db.Where("id = ?", id).Take(&one).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return one, schedule.Unknown()
	}
	return one, s.translate(err)
}

// AddSchedule implements [schedule.Store].
func (s *Store) AddSchedule(ctx context.Context, one *schedule.Schedule, due func(*schedule.Schedule, time.Time)) error {
	return s.inTx(ctx, s.db, func(tx *gorm.DB) (err error) {
		if one.CreatedAt, err = s.now(tx); err != nil {
			return err
		}
		one.UpdatedAt = one.CreatedAt
		due(one, one.CreatedAt)
		if err := s.named(tx.Create(one).Error, one.Name); err != nil {
			return err
		}
		return s.note(tx, "schedule.added", one.ID, nil, one.Audited())
	})
}

// named says of a name that is taken which one it is.
func (s *Store) named(err error, name string) error {
	if err = s.translate(err); fault.KindOf(err) == fault.Conflict {
		return schedule.Exists(name)
	}
	return err
}

// ChangeSchedule implements [schedule.Store].
func (s *Store) ChangeSchedule(ctx context.Context, id string, change func(*schedule.Schedule, time.Time) error) (one schedule.Schedule, err error) {
	err = s.inTx(ctx, s.db, func(tx *gorm.DB) error {
		if one, err = s.takeSchedule(s.forUpdate(tx), id); err != nil {
			return err
		}
		before := one
		now, err := s.now(tx)
		if err != nil {
			return err
		}
		if err := change(&one, now); err != nil {
			return err
		}
		one.UpdatedAt = now
		if !one.Enabled {
			err := tx.Model(&schedule.Run{}).Where("schedule_id = ? AND state = ?", id, schedule.Waiting).
				UpdateColumns(map[string]any{"state": schedule.Skipped, "problem": "Skipped: the schedule was switched off.", "decided_at": s.dbNow()}).Error
			if err != nil {
				return err
			}
		}
		if err := s.named(tx.Select("*").Omit("created_by", "created_at").Updates(&one).Error, one.Name); err != nil {
			return err
		}
		return s.noteChange(tx, "schedule.changed", id, before.Audited(), one.Audited())
	})
	return one, err
}

// RemoveSchedule implements [schedule.Store].
func (s *Store) RemoveSchedule(ctx context.Context, id string) error {
	return s.inTx(ctx, s.db, func(tx *gorm.DB) error {
		one, err := s.takeSchedule(s.forUpdate(tx), id)
		if err != nil {
			return err
		}
		if err := tx.Delete(&one).Error; err != nil {
			return err
		}
		return s.note(tx, "schedule.removed", id, one.Audited(), nil)
	})
}

// shownRun is a row of [Store.ListRuns].
type shownRun struct {
	schedule.Run    `gorm:"embedded"`
	Status          *session.Status
	Outcome         session.Outcome
	ErrorMessage    string
	SessionStarted  *time.Time
	SessionFinished *time.Time
}

// ListRuns implements [schedule.Store]. Runs of one occasion are due at the same time.
func (s *Store) ListRuns(ctx context.Context, scheduleID string, limit int) ([]schedule.Shown, error) {
	var rows []shownRun
	err := s.show.WithContext(ctx).Table("schedule_runs AS r").
		Select("r.id, r.schedule_id, r.occasion, r.peer_id, r.due_at, r.start_at, r.asked_by, r.state, r.session_id, r.problem, r.decided_at, s.status, coalesce(s.outcome, '') AS outcome, coalesce(s.error_message, '') AS error_message, s.started_at AS session_started, s.completed_at AS session_finished").
		Joins("LEFT JOIN sync_sessions s ON s.id = r.session_id").
		Where("r.schedule_id = ?", scheduleID).Order("r.due_at DESC, r.occasion, r.peer_id").Limit(limit).Find(&rows).Error
	shown := make([]schedule.Shown, len(rows))
	for i, row := range rows {
		shown[i].Run = row.Run
		if row.Status != nil && row.SessionStarted != nil {
			shown[i].Session = &schedule.Ended{
				Status: *row.Status, Outcome: row.Outcome, ErrorMessage: row.ErrorMessage, StartedAt: *row.SessionStarted, CompletedAt: row.SessionFinished,
			}
		}
	}
	return shown, s.translate(err)
}

// AddRuns implements [schedule.Store].
func (s *Store) AddRuns(ctx context.Context, runs []schedule.Run) ([]schedule.Run, error) {
	runs = slices.Clone(runs)
	err := s.inTx(ctx, s.db, func(tx *gorm.DB) error {
		now, err := s.now(tx)
		if err != nil {
			return err
		}
		for i := range runs {
			runs[i].DueAt, runs[i].StartAt = now, now
		}
		return tx.Create(&runs).Error
	})
	return runs, err
}

// LookAtSchedules implements [schedule.Clockwork] with one statement, because every replica asks again and again.
func (s *Store) LookAtSchedules(ctx context.Context) (ready bool, wait time.Duration, err error) {
	const due, waiting = " FROM schedules WHERE enabled AND next_at ", " FROM schedule_runs WHERE state = 'waiting' AND start_at "
	now := s.nowSQL()
	rows, err := s.query(ctx, "SELECT EXISTS (SELECT 1"+due+"<= "+now+") OR EXISTS (SELECT 1"+waiting+"<= "+now+"), "+
		"(SELECT min(next_at)"+due+"> "+now+"), (SELECT min(start_at)"+waiting+"> "+now+"), "+now)
	if err != nil {
		return false, 0, s.translate(err)
	}
	var nextAt, startAt, at any
	err = eachRow(rows, func(scan func(into ...any) error) error { return scan(&ready, &nextAt, &startAt, &at) })
	if err != nil {
		return false, 0, s.translate(err)
	}
	from, err := s.parseNow(at)
	for _, raw := range []any{nextAt, startAt} {
		if raw == nil || err != nil {
			continue
		}
		var then time.Time
		if then, err = storedTime(raw); err == nil && (wait == 0 || then.Sub(from) < wait) {
			wait = then.Sub(from)
		}
	}
	return ready, wait, err
}

// storedTime returns a time that came without the type of its column: SQLite has it as text, with as many digits as it was stored with.
func storedTime(raw any) (time.Time, error) {
	text, ok := raw.(string)
	if !ok {
		at, ok := raw.(time.Time)
		if !ok {
			return at, fmt.Errorf("a time came as %T", raw)
		}
		return at, nil
	}
	return time.Parse("2006-01-02 15:04:05Z07:00", text)
}

// DueSchedules implements [schedule.Clockwork].
func (s *Store) DueSchedules(ctx context.Context) (due []schedule.Schedule, err error) {
	err = s.show.WithContext(ctx).Where("enabled AND next_at <= " + s.nowSQL() + " AND NOT " + pausedSQL).Order("next_at").Find(&due).Error
	return due, s.translate(err)
}

// pausedSQL is true while schedules are paused.
const pausedSQL = "EXISTS (SELECT 1 FROM settings WHERE name = '" + settingPause + "')"

// FallDue implements [schedule.Clockwork].
func (s *Store) FallDue(ctx context.Context, seen schedule.Schedule, fall func(*schedule.Schedule, time.Time) []schedule.Run) error {
	return s.inTx(ctx, s.db, func(tx *gorm.DB) error {
		var one schedule.Schedule
		err := s.forUpdate(tx).Where("id = ? AND enabled AND NOT "+pausedSQL, seen.ID).Take(&one).Error
		if errors.Is(err, gorm.ErrRecordNotFound) || err == nil && (one.NextAt == nil || !one.NextAt.Equal(*seen.NextAt)) {
			return nil // another replica was first, or a person changed it
		}
		if err != nil {
			return err
		}
		now, err := s.now(tx)
		if err != nil {
			return err
		}
		var before []string
		if err := tx.Model(&schedule.Run{}).Where("schedule_id = ? AND state = ?", one.ID, schedule.Waiting).Pluck("peer_id", &before).Error; err != nil {
			return err
		}
		runs := fall(&one, now)
		for i := range runs {
			if slices.Contains(before, runs[i].PeerID) {
				runs[i].State, runs[i].Problem, runs[i].DecidedAt = schedule.Skipped, "Skipped: the run before it is still waiting.", &now
			}
		}
		if err := tx.Select("next_at").Updates(&one).Error; err != nil {
			return err
		}
		return tx.CreateInBatches(&runs, 100).Error
	})
}

// WaitingRuns implements [schedule.Clockwork].
func (s *Store) WaitingRuns(ctx context.Context) (runs []schedule.Awaited, err error) {
	db := s.show.WithContext(ctx)
	var rows []schedule.Run
	err = db.Where("state = ? AND start_at <= "+s.nowSQL()+" AND (asked_by <> '' OR NOT "+pausedSQL+")", schedule.Waiting).
		Order("start_at, id").Limit(2 * schedule.MaxPeers).Find(&rows).Error
	if err != nil || len(rows) == 0 {
		return nil, s.translate(err)
	}
	all, _, err := s.ListSchedules(ctx)
	for _, row := range rows {
		i := slices.IndexFunc(all, func(one schedule.Schedule) bool { return one.ID == row.ScheduleID })
		if i >= 0 {
			runs = append(runs, schedule.Awaited{Run: row, Schedule: all[i]})
		}
	}
	return runs, err
}

// DecideRun implements [schedule.Clockwork].
func (s *Store) DecideRun(ctx context.Context, id string, state schedule.State, problem string) (changed bool, err error) {
	values := map[string]any{"state": state, "problem": problem}
	if state != schedule.Waiting {
		values["decided_at"] = s.dbNow()
	}
	done := s.db.WithContext(ctx).Model(&schedule.Run{}).
		Where("id = ? AND state = ? AND (problem <> ? OR state <> ?)", id, schedule.Waiting, problem, state).UpdateColumns(values)
	return done.RowsAffected > 0, s.translate(done.Error)
}

// runStarted says in the transaction that starts a session which run it is. Returns [schedule.ErrDecided] for one that no longer waits.
func (s *Store) runStarted(tx *gorm.DB, runID, sessionID string) error {
	if runID == "" {
		return nil
	}
	done := tx.Model(&schedule.Run{}).Where("id = ? AND state = ?", runID, schedule.Waiting).
		UpdateColumns(map[string]any{"state": schedule.Started, "session_id": sessionID, "problem": "", "decided_at": s.dbNow()})
	if done.Error == nil && done.RowsAffected == 0 {
		return schedule.ErrDecided
	}
	return done.Error
}

// PruneRuns deletes runs without a session that were decided longer than olderThan ago. The others go with their session.
func (s *Store) PruneRuns(ctx context.Context, olderThan time.Duration) error {
	err := s.db.WithContext(ctx).Where("state IN ? AND decided_at < "+s.agoSQL(olderThan), []schedule.State{schedule.Skipped, schedule.Failed}).Delete(&schedule.Run{}).Error
	return s.translate(err)
}
