package store

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"fullsync/internal/session"
	"fullsync/internal/syncer"
)

// finishedSQL is the very condition of the partial index on finished sessions, as [activeSQL] is of the others.
const finishedSQL = "status IN ('COMPLETED', 'FAILED', 'CANCELLED')"

// newestFirst is the order of every listing, and of every index that serves one.
const newestFirst = " ORDER BY started_at DESC, id DESC"

// statement is an SQL text that grows together with its values.
type statement struct{ values []any }

// value returns the placeholder of v.
func (st *statement) value(v any) string {
	st.values = append(st.values, v)
	return "$" + strconv.Itoa(len(st.values))
}

// listing is what a listing of sessions needs: for every status one walk along an index, which ends after limit sessions. By
// catalog, peer, status and time it meets none that it does not want, whatever the history holds. By direction, outcome and person,
// which pages do not ask for again and again, it throws away what it does not want on the way.
type listing struct {
	statement
	query    syncer.Query
	statuses []session.Status
	// bounds are the conditions on started_at and id, which the indexes know too, and after them those that a walk has to look
	// at each session for.
	bounds string
}

func (s *Store) newListing(q syncer.Query) *listing {
	l := &listing{query: q, statuses: session.Stored(q.Statuses...)}
	if len(l.statuses) == 0 {
		l.statuses = session.Stored(session.Statuses()...)
	}
	if !q.StartedAfter.IsZero() {
		l.bounds += " AND started_at > " + l.value(s.timeParam(q.StartedAfter))
	}
	if !q.StartedBefore.IsZero() {
		l.bounds += " AND started_at < " + l.value(s.timeParam(q.StartedBefore))
	}
	if q.BeforeID != "" {
		l.bounds += " AND (started_at, id) < (" + l.value(s.timeParam(q.BeforeStartedAt)) + ", " + l.value(q.BeforeID) + ")"
	}
	l.sift()
	return l
}

// sift adds the conditions that no index knows.
func (l *listing) sift() {
	if q := l.query; q.Direction != "" {
		l.bounds += " AND direction = " + l.value(string(q.Direction))
	}
	if q := l.query; q.Person != "" {
		person := l.value(q.Person)
		l.bounds += " AND (started_by = " + person + " OR cancelled_by = " + person + ")"
	}
	if q := l.query; q.Outcome != "" {
		outcome := "outcome = " + l.value(string(q.Outcome))
		// The first version stored none; see [session.Session.Current].
		if sign := map[session.Outcome]string{session.Clean: "=", session.Rejects: ">"}[q.Outcome]; sign != "" {
			outcome += " OR outcome = '' AND status = 'COMPLETED' AND rejected_records " + sign + " 0"
		}
		l.bounds += " AND (" + outcome + ")"
		if slices.Contains(l.statuses, session.Completed) {
			l.statuses = []session.Status{session.Completed}
		}
	}
}

// key returns the condition that selects the sessions of one status. The catalog, the peer and the status are one text in the
// index, because only that index can answer then: with columns of their own PostgreSQL would, by what it believes to be
// rare, sometimes walk along another index and throw away what it meets.
func (l *listing) key(status session.Status) string {
	column, text := "status", string(status)
	if l.query.PeerID != "" {
		column, text = "peer_id || ' ' || "+column, l.query.PeerID+" "+text
	}
	if l.query.Catalog != "" {
		column, text = "catalog || ' ' || "+column, l.query.Catalog+" "+text
	}
	return "(" + column + ") = " + l.value(text)
}

// limit ends a walk. The number is part of the text: for an unknown one PostgreSQL would expect a tenth of the table.
func (l *listing) limit() string {
	if l.query.Limit == 0 {
		return ""
	}
	return " LIMIT " + strconv.Itoa(l.query.Limit)
}

// sql returns the statement that selects the columns and, last, the expression now.
func (l *listing) sql(now string) string {
	choose := "SELECT " + sessionRow().columns + ", " + now + " FROM sync_sessions WHERE "
	if len(l.statuses) == 1 {
		return choose + l.key(l.statuses[0]) + l.bounds + newestFirst + l.limit()
	}
	walks := make([]string, len(l.statuses))
	for i, status := range l.statuses {
		walks[i] = "SELECT * FROM (SELECT id, started_at FROM sync_sessions WHERE " + l.key(status) + l.bounds + newestFirst + l.limit() + ") AS walk"
	}
	return choose + "id IN (SELECT id FROM (" + strings.Join(walks, " UNION ALL ") + ") AS walks" + newestFirst + l.limit() + ")" + newestFirst
}

// FindSessions implements [syncer.Sessions].
func (s *Store) FindSessions(ctx context.Context, q syncer.Query) ([]session.Session, time.Time, error) {
	l := s.newListing(q)
	return s.querySessions(ctx, l.sql(s.nowSQL()), l.values...)
}

// catalogStatusSQL selects the active sessions of a catalog and the finished one that started last.
func (s *Store) catalogStatusSQL() string {
	columns := sessionRow().columns
	return "SELECT " + columns + ", " + s.nowSQL() + " FROM sync_sessions WHERE catalog = $1 AND " + activeSQL +
		" UNION ALL SELECT " + columns + ", " + s.nowSQL() + " FROM sync_sessions WHERE id = (SELECT id FROM sync_sessions WHERE catalog = $1 AND " +
		finishedSQL + newestFirst + " LIMIT 1)"
}

// shownSessions is sessions and the database's time when they were read.
type shownSessions struct {
	rows []session.Session
	now  time.Time
}

// sharedSessions is querySessions for a statement with one value that many ask for at the same time.
func (s *Store) sharedSessions(ctx context.Context, shared *together[shownSessions], query, value string) ([]session.Session, time.Time, error) {
	f, err := shared.ask(ctx, value, func(ctx context.Context) (f shownSessions, err error) {
		f.rows, f.now, err = s.querySessions(ctx, query, value)
		return f, err
	})
	return slices.Clone(f.rows), f.now, s.translate(err)
}

// CatalogStatus implements [syncer.Sessions].
func (s *Store) CatalogStatus(ctx context.Context, catalogName string) ([]session.Session, time.Time, error) {
	return s.sharedSessions(ctx, &s.catalogStatus, s.statusSQL, catalogName)
}
