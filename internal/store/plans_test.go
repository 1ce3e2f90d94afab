package store

import (
	"encoding/json"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"fullsync/internal/session"
	"fullsync/internal/syncer"
)

// shown is every statement that is asked for again and again, on a history as [skewedHistory] makes it.
func shown(s *Store) map[string]listing {
	middle := time.Date(2026, 1, 3, 0, 0, 0, 0, time.UTC)
	all := map[string]listing{
		"status":            {statement: statement{values: []any{"main"}}, bounds: s.statusSQL},
		"status of garden":  {statement: statement{values: []any{"garden"}}, bounds: s.statusSQL},
		"status of nothing": {statement: statement{values: []any{"nothing"}}, bounds: s.statusSQL},
		"state":             {bounds: s.stateSQL()},
		"figures":           {bounds: s.figuresSQL()},
		"session":           {statement: statement{values: []any{"s-17"}}, bounds: s.sessionSQL()},
	}
	for name, q := range map[string]syncer.Query{
		"list":                {},
		"page":                {BeforeID: "s-1", BeforeStartedAt: middle},
		"after":               {StartedAfter: middle},
		"before":              {StartedBefore: middle},
		"failed":              {Statuses: []session.Status{session.Failed}},
		"failed, page":        {Statuses: []session.Status{session.Failed}, BeforeID: "s-1", BeforeStartedAt: middle},
		"failed or cancelled": {Statuses: []session.Status{session.Failed, session.Cancelled}},
		"active":              {Statuses: session.ActiveStatuses()},
		"peer":                {PeerID: "branch-2"},
		"peer, completed":     {PeerID: "branch-2", Statuses: []session.Status{session.Completed}},
		"peer, failed":        {PeerID: "branch-1", Statuses: []session.Status{session.Failed}},
		"no peer":             {PeerID: "nobody"},
		"catalog":             {Catalog: "garden"},
		"catalog, failed":     {Catalog: "main", Statuses: []session.Status{session.Failed}},
		"no catalog":          {Catalog: "nothing"},
		"catalog and peer":    {Catalog: "main", PeerID: "branch-2"},
		"pulls":               {Direction: session.Pull},
		"everything": {
			Catalog: "garden", PeerID: "branch-2", Statuses: []session.Status{session.Failed, session.Completed},
			StartedAfter: middle, StartedBefore: middle.AddDate(1, 0, 0), BeforeID: "s-1", BeforeStartedAt: middle.AddDate(0, 1, 0),
		},
	} {
		q.Limit = 21
		l := s.newListing(q)
		l.bounds = l.sql(s.nowSQL())
		all[name] = *l
	}
	return all
}

// skewedHistory writes sessions such that what is rare by the statistics is nowhere near the newest: 4,000 completed ones of
// catalog main with branch-1, and 1,000 failed ones of catalog garden with branch-2 long before.
func skewedHistory(t *testing.T, s *Store) {
	t.Helper()
	series, at := "generate_series(1, 5000) AS series(i)", "timestamptz '2026-01-01' + i * interval '1 minute'"
	if s.name() == "sqlite" {
		series = "(WITH RECURSIVE series(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM series WHERE i < 5000) SELECT i FROM series)"
		at = "strftime('%Y-%m-%d %H:%M:%f+00:00', '2026-01-01', '+' || i || ' minutes')"
	}
	_, err := s.SQL().ExecContext(t.Context(), `INSERT INTO sync_sessions (id, catalog, direction, peer_id, source_node_id, target_node_id, method,
		options, status, phase, current_step, progress, transferred_records, created_records, updated_records, unchanged_records, deleted_records,
		rejected_records, transferred_bytes, started_at, started_by, completed_at, error_message, cancelled_by, cancel_reason, waiting_for, attempts,
		worker, fence, batch_seq, cursor, job_id)
		SELECT 's-' || i, CASE WHEN i > 1000 THEN 'main' ELSE 'garden' END, 'pull', CASE WHEN i > 1000 THEN 'branch-1' ELSE 'branch-2' END, '', 'here',
		'http', '{}', CASE WHEN i > 1000 THEN 'COMPLETED' ELSE 'FAILED' END, 'finished', '', 100, 1, 0, 0, 0, 0, 0, 0, `+at+`, 'alice', `+at+`,
		'', '', '', '', 1, '', 1, 0, '', 0 FROM `+series)
	if err != nil {
		t.Fatal(err)
	}
}

// TestWhatIsShownCostsTheSameWithAnyHistory: no statement reads more rows than it shows, but for a few per status.
func TestWhatIsShownCostsTheSameWithAnyHistory(t *testing.T) {
	t.Parallel()
	s, d := openMigrated(t)
	for _, analysed := range []bool{false, true} {
		if analysed {
			skewedHistory(t, s)
			if _, err := s.SQL().ExecContext(t.Context(), "ANALYZE"); err != nil {
				t.Fatal(err)
			}
		}
		// Kept plans are the same for all values; both kinds must do.
		for _, mode := range []string{"force_generic_plan", "force_custom_plan"} {
			conn, err := d.show.Acquire(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := conn.Exec(t.Context(), "SET plan_cache_mode = "+mode); err != nil {
				t.Fatal(err)
			}
			for name, l := range shown(s) {
				var text string
				err := conn.QueryRow(t.Context(), "EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) "+l.bounds, l.values...).Scan(&text)
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				var plans []struct{ Plan planNode }
				if err := json.Unmarshal([]byte(text), &plans); err != nil {
					t.Fatal(err)
				}
				// 6 statuses of 21 sessions each, and the sessions themselves.
				if read := plans[0].Plan.read(); read > 7*21 {
					t.Errorf("%s with a %s reads %.0f rows:\n%s", name, mode, read, text)
				}
				if analysed && plans[0].Plan.scans() {
					t.Errorf("%s with a %s scans:\n%s", name, mode, text)
				}
			}
			conn.Release()
		}
	}
}

// planNode is a part of a plan as PostgreSQL explains it.
type planNode struct {
	Type    string  `json:"Node Type"`
	Table   string  `json:"Relation Name"`
	Rows    float64 `json:"Actual Rows"`
	Loops   float64 `json:"Actual Loops"`
	Removed float64 `json:"Rows Removed by Filter"`
	Recheck float64 `json:"Rows Removed by Index Recheck"`
	Plans   []planNode
}

// scans says whether the plan reads all sessions.
func (n planNode) scans() bool {
	return n.Table == "sync_sessions" && n.Type == "Seq Scan" || slices.ContainsFunc(n.Plans, planNode.scans)
}

// read returns how many sessions the plan has read.
func (n planNode) read() (rows float64) {
	if n.Table == "sync_sessions" {
		rows = n.Loops * (n.Rows + n.Removed + n.Recheck)
	}
	for _, part := range n.Plans {
		rows += part.read()
	}
	return rows
}

// TestWhatIsShownFollowsAnIndexOnSQLite: every table of sessions is searched along an index whose leading column is given.
func TestWhatIsShownFollowsAnIndexOnSQLite(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), Options{SQLitePath: filepath.Join(t.TempDir(), "fullsync.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	if err := s.Migrate(t.Context(), noEngine, nil); err != nil {
		t.Fatal(err)
	}
	skewedHistory(t, s)
	// The last alternative is one row: the first catalog's, or a partial index that holds active sessions only.
	fine := regexp.MustCompile(`^SEARCH \S+ USING (COVERING )?INDEX \S+ \((<expr>|\w+)[=>]\?|^SCAN sync_sessions USING (COVERING )?INDEX sync_sessions_(last|active|active_catalog)$`)
	for name, l := range shown(s) {
		rows, err := s.SQL().QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+l.bounds, l.values...)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for rows.Next() {
			var id, parent, unused int
			var detail string
			if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
				t.Fatal(err)
			}
			if strings.Contains(detail, "sync_sessions") && !fine.MatchString(detail) {
				t.Errorf("%s: %s", name, detail)
			}
		}
		if err := rows.Err(); err != nil {
			t.Error(err)
		}
		_ = rows.Close() //nolint:sqlclosecheck // before the next ones are asked for
	}
}
