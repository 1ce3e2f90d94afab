package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
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

// State implements [events.Source]. The numbers are read first: what happens in between shows in the sessions, and once more
// as a transition.
func (s *Store) State(ctx context.Context, recent int) (state events.State, err error) {
	db := s.show.WithContext(ctx)
	if err := db.Model(&transition{}).Order("seq DESC").Limit(recent).Pluck("seq", &state.Recent).Error; err != nil {
		return state, s.translate(err)
	}
	slices.Reverse(state.Recent)
	state.Sessions, state.Now, err = s.querySessions(ctx, s.stateSQL())
	if err == nil && len(state.Sessions) == 0 {
		state.Now, err = s.now(db)
	}
	return state, s.translate(err)
}

// stateSQL selects the active sessions and the last finished one of each catalog. It goes from one catalog to the next along
// the index, and so costs what there are catalogs and not what the history holds.
func (s *Store) stateSQL() string {
	columns := sessionRow().columns
	next := "(SELECT catalog FROM sync_sessions WHERE " + finishedSQL + "%s ORDER BY catalog LIMIT 1)"
	return "WITH RECURSIVE catalogs(name) AS (SELECT " + fmt.Sprintf(next, "") +
		" UNION ALL SELECT " + fmt.Sprintf(next, " AND catalog > name") + " FROM catalogs WHERE name IS NOT NULL)" +
		" SELECT " + columns + ", " + s.nowSQL() + " FROM sync_sessions WHERE " + activeSQL +
		" UNION ALL SELECT " + columns + ", " + s.nowSQL() + " FROM sync_sessions WHERE id IN (SELECT" +
		" (SELECT id FROM sync_sessions WHERE catalog = name AND " + finishedSQL + newestFirst + " LIMIT 1) FROM catalogs WHERE name IS NOT NULL)"
}

// activeSQL is the very condition of the partial indexes on active sessions: with parameters neither database would see that
// it is the same.
const activeSQL = "status IN ('PREPARING', 'TRANSFERRING', 'VALIDATING')"

// Changes implements [events.Source]. Each part goes through an index, so that a look costs what there is to see and not what
// the history holds. The transitions come first: SQLite takes the columns' types from the first part.
func (s *Store) Changes(ctx context.Context, since int64, ids []string) (found events.Changes, err error) {
	query, values := s.changesSQL(since, ids)
	rows, err := s.query(ctx, query, values...)
	if err != nil {
		return found, s.translate(err)
	}
	defer rows.Close() //nolint:errcheck // what was read is complete, or Err says so
	seen := map[string]bool{}
	var row session.Session
	var to events.Transition
	var toAt *time.Time
	var now any
	targets := append(sessionRow().into(&row), &to.Seq, &to.Status, &toAt, &now)
	for rows.Next() {
		row = session.Session{}
		if err := rows.Scan(targets...); err != nil {
			return found, s.translate(err)
		}
		if found.Now, err = s.parseNow(now); err != nil {
			return found, err
		}
		if !seen[row.ID] {
			seen[row.ID] = true
			found.Sessions = append(found.Sessions, row)
		}
		if to.Seq > 0 && toAt != nil {
			to.SessionID, to.Catalog, to.At = row.ID, row.Catalog, *toAt
			found.Transitions = append(found.Transitions, to)
		}
	}
	return found, s.translate(rows.Err())
}

// changesSQL selects sessions with one of their transitions or, under the number 0, with none.
func (s *Store) changesSQL(since int64, ids []string) (query string, values []any) {
	var st statement
	columns := sessionRow().of("s")
	none := ", 0, '', NULL, " + s.nowSQL() + " FROM sync_sessions s WHERE "
	query = "SELECT " + columns + ", t.seq AS seq, t.status, t.at, " + s.nowSQL() +
		" FROM sync_transitions t JOIN sync_sessions s ON s.id = t.session_id WHERE t.seq > " + st.value(since) +
		" UNION ALL SELECT " + columns + none + activeSQL
	if len(ids) > 0 {
		places := make([]string, len(ids))
		for i, id := range ids {
			places[i] = st.value(id)
		}
		query += " UNION ALL SELECT " + columns + none + "s.id IN (" + strings.Join(places, ", ") + ")"
	}
	return query + " ORDER BY seq", st.values
}
