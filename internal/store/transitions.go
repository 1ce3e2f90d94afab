package store

import (
	"context"
	"slices"
	"time"

	"fullsync/internal/events"
	"fullsync/internal/session"
)

// transition is the row of table sync_transitions. Only the database's own triggers write it, in the transaction that
// changes the status: so no way of changing one can forget it, not even the previous version's beside this one.
type transition struct {
	Seq       int64 `gorm:"primaryKey"`
	SessionID string
	Status    session.Status
	At        time.Time
}

// TableName names the table for GORM.
func (transition) TableName() string { return "sync_transitions" }

// State is an [events.Source]'s. The numbers are read first: what happens in between shows in the sessions, and once more
// as a transition.
func (s *Store) State(ctx context.Context, recent int) (state events.State, err error) {
	db := s.read.WithContext(ctx)
	if err := db.Model(&transition{}).Order("seq DESC").Limit(recent).Pluck("seq", &state.Recent).Error; err != nil {
		return state, s.translate(err)
	}
	slices.Reverse(state.Recent)
	finished := []session.Status{session.Completed, session.Failed, session.Cancelled}
	ranked := s.read.Model(&session.Session{}).Where("status IN ?", finished).
		Select("id, row_number() OVER (PARTITION BY catalog ORDER BY started_at DESC, id DESC) AS place")
	err = db.Where("status IN ? OR id IN (?)", session.ActiveStatuses(),
		s.read.Table("(?) AS ranked", ranked).Select("id").Where("place = 1")).Find(&state.Sessions).Error
	if err == nil {
		state.Now, err = s.now(db)
	}
	return state, s.translate(err)
}

// changed is a session, with one of its transitions or with none (Seq 0).
type changed struct {
	session.Session
	Seq      int64
	ToStatus session.Status
	ToAt     *time.Time
	// LookedAt is the database's time.
	LookedAt asComes
}

// asComes takes a value as the driver brings it.
type asComes struct{ raw any }

// Scan takes the value.
func (a *asComes) Scan(raw any) error { a.raw = raw; return nil }

// GormDataType says something, because GORM asks; no column is made of it.
func (asComes) GormDataType() string { return "text" }

// activeSQL is the very condition of the partial indexes on active sessions: with parameters neither database would see that
// it is the same.
const activeSQL = "status IN ('PREPARING', 'TRANSFERRING', 'VALIDATING')"

// Changes is an [events.Source]'s. Each part goes through an index, so that a look costs what there is to see and not what
// the history holds. The transitions come first: SQLite takes the columns' types from the first part.
func (s *Store) Changes(ctx context.Context, since int64, ids []string) (found events.Changes, err error) {
	now := s.nowSQL() + " AS looked_at"
	sessions := "SELECT " + sessionColumns()
	query := sessions + ", t.seq AS seq, t.status AS to_status, t.at AS to_at, " + now +
		" FROM sync_transitions t JOIN sync_sessions s ON s.id = t.session_id WHERE t.seq > ?" +
		" UNION ALL " + sessions + ", 0, '', NULL, " + now + " FROM sync_sessions s WHERE " + activeSQL
	values := []any{since}
	if len(ids) > 0 {
		query += " UNION ALL " + sessions + ", 0, '', NULL, " + now + " FROM sync_sessions s WHERE s.id IN ?"
		values = append(values, ids)
	}
	rows, err := s.read.WithContext(ctx).Raw(query+" ORDER BY seq", values...).Rows()
	if err != nil {
		return found, s.translate(err)
	}
	defer rows.Close() //nolint:errcheck // what was read is complete, or Err says so
	seen := map[string]bool{}
	for rows.Next() {
		var row changed
		if err := s.read.ScanRows(rows, &row); err != nil {
			return found, s.translate(err)
		}
		if found.Now, err = s.parseNow(row.LookedAt.raw); err != nil {
			return found, err
		}
		if !seen[row.ID] {
			seen[row.ID] = true
			found.Sessions = append(found.Sessions, row.Session)
		}
		if row.Seq > 0 && row.ToAt != nil {
			found.Transitions = append(found.Transitions, events.Transition{
				Seq: row.Seq, SessionID: row.ID, Catalog: row.Catalog, Status: row.ToStatus, At: *row.ToAt,
			})
		}
	}
	return found, s.translate(rows.Err())
}
