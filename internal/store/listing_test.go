package store_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"fullsync/internal/session"
	"fullsync/internal/store"
	"fullsync/internal/syncer"
)

// fillHistory writes n finished sessions and returns them, newest first. Several begin at the same moment.
func fillHistory(t *testing.T, s *store.Store, n int) (all []session.Session) {
	t.Helper()
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	ends := []session.Status{session.Completed, session.Failed, session.Completed, session.Cancelled}
	for i := range n {
		row := prepared(fmt.Sprintf("s%03d", i), []string{"main", "garden", "main"}[i%3])
		row.PeerID, row.Status = fmt.Sprint("branch-", i%5), ends[i%len(ends)]
		row.StartedAt = begin.Add(time.Duration(i/4) * time.Minute)
		at := row.StartedAt.Add(30 * time.Second)
		row.CompletedAt, row.ErrorMessage, row.Cursor = &at, "why", "here"
		row.Direction, row.StartedBy = []session.Direction{session.Pull, session.Pull, session.Push}[i%3], []string{"alice", "bob"}[i%2]
		switch {
		case row.Status == session.Cancelled:
			row.CancelledBy = "carol"
		case i%8 == 0: // as the first version wrote it
			row.Rejected = int64(i % 16)
		case row.Status == session.Completed:
			row.Outcome = []session.Outcome{session.Clean, session.Rejects, session.DeletesWithheld}[i%3]
		}
		insertSession(t, s, row)
		all = append(all, row)
	}
	slices.Reverse(all)
	slices.SortStableFunc(all, func(a, b session.Session) int { return b.StartedAt.Compare(a.StartedAt) })
	return all
}

// insertSession writes a row as it is.
func insertSession(t *testing.T, s *store.Store, row session.Session) {
	t.Helper()
	// As the databases keep times: SQLite compares them as text.
	text := func(at time.Time) string { return at.UTC().Format("2006-01-02 15:04:05.000-07:00") }
	_, err := s.SQL().ExecContext(t.Context(), `INSERT INTO sync_sessions (id, catalog, direction, peer_id, source_node_id, target_node_id,
		method, options, status, phase, current_step, progress, transferred_records, created_records, updated_records, unchanged_records,
		deleted_records, rejected_records, transferred_bytes, started_at, started_by, completed_at, error_message, cancelled_by, cancel_reason,
		waiting_for, attempts, worker, fence, batch_seq, cursor, job_id, outcome)
		VALUES ($1, $2, $13, $3, $3, 'main', 'http', '{"batchSize":10}', $4, 'finished', '', 0, $8, 0, 0, 0, $9, $10, $11, $5, $14, $6, $7, $15, '', '', 1, '', 1, 0,
		$12, 0, $16)`,
		row.ID, row.Catalog, row.PeerID, row.Status, text(row.StartedAt), text(*row.CompletedAt), row.ErrorMessage, row.TransferredRecords, row.Deleted,
		row.Rejected, row.TransferredBytes, row.Cursor, row.Direction, row.StartedBy, row.CancelledBy, row.Outcome)
	if err != nil {
		t.Fatal(err)
	}
}

// TestEveryListing: every filter, alone and together with the others, and every page of it, finds what it should, in order.
func TestEveryListing(t *testing.T) {
	t.Parallel()
	onMigrated(t, func(t *testing.T, s *store.Store) {
		all := fillHistory(t, s, 60)
		active := transferring(t, s, "now")
		all = append([]session.Session{active}, all...)
		var queries []syncer.Query
		for _, statuses := range [][]session.Status{
			nil, {session.Failed}, {session.Failed, session.Cancelled}, {session.Preparing}, session.ActiveStatuses(),
			{session.Completed, session.Failed, session.Cancelled, session.Transferring},
		} {
			for _, catalogName := range []string{"", "main", "garden", "none"} {
				for _, peerID := range []string{"", "branch", "branch-1", "none"} {
					queries = append(queries,
						syncer.Query{Statuses: statuses, Catalog: catalogName, PeerID: peerID},
						syncer.Query{Statuses: statuses, Catalog: catalogName, PeerID: peerID, Limit: 4},
						syncer.Query{
							Statuses: statuses, Catalog: catalogName, PeerID: peerID, Limit: 7,
							StartedAfter: all[50].StartedAt, StartedBefore: all[5].StartedAt,
						})
				}
			}
		}
		for _, outcome := range []session.Outcome{session.Clean, session.Rejects, session.DeletesWithheld, session.Planned} {
			queries = append(queries, syncer.Query{Outcome: outcome}, syncer.Query{Outcome: outcome, Limit: 3, Direction: session.Push},
				syncer.Query{Outcome: outcome, Statuses: []session.Status{session.Failed}})
		}
		for _, person := range []string{"alice", "bob", "carol", "nobody"} {
			queries = append(queries, syncer.Query{Person: person}, syncer.Query{Person: person, Direction: session.Pull, Catalog: "main", Limit: 5})
		}
		for _, q := range queries {
			var want []string
			for _, row := range all {
				if (len(q.Statuses) == 0 || slices.Contains(q.Statuses, row.Status)) && (q.Catalog == "" || q.Catalog == row.Catalog) &&
					(q.PeerID == "" || q.PeerID == row.PeerID) && (q.StartedAfter.IsZero() || row.StartedAt.After(q.StartedAfter)) &&
					(q.StartedBefore.IsZero() || row.StartedAt.Before(q.StartedBefore)) && (q.Direction == "" || q.Direction == row.Direction) &&
					(q.Outcome == "" || q.Outcome == row.Current().Outcome) && (q.Person == "" || q.Person == row.StartedBy || q.Person == row.CancelledBy) {
					want = append(want, row.ID)
				}
			}
			if got := everyPage(t, s, q); !slices.Equal(got, want) {
				t.Errorf("%+v\n got %v\nwant %v", q, got, want)
			}
		}
	})
}

// everyPage returns the ids of a listing, page by page.
func everyPage(t *testing.T, s *store.Store, q syncer.Query) (ids []string) {
	t.Helper()
	for len(ids) < 1000 {
		rows, now, err := s.FindSessions(t.Context(), q)
		if err != nil {
			t.Fatalf("%+v: %v", q, err)
		}
		if len(rows) > 0 && time.Since(now).Abs() > time.Hour {
			t.Errorf("%+v: the database's time is %s", q, now)
		}
		for _, row := range rows {
			ids = append(ids, row.ID)
		}
		if q.Limit == 0 || len(rows) < q.Limit {
			return ids
		}
		last := rows[len(rows)-1]
		q.BeforeID, q.BeforeStartedAt = last.ID, last.StartedAt
	}
	return ids
}

func TestStatusOfACatalog(t *testing.T) {
	t.Parallel()
	onMigrated(t, func(t *testing.T, s *store.Store) {
		if rows, _, err := s.CatalogStatus(t.Context(), "main"); err != nil || len(rows) != 0 {
			t.Errorf("nothing yet: %v, %v", rows, err)
		}
		all := fillHistory(t, s, 20)
		newest := func(catalogName string) session.Session {
			return all[slices.IndexFunc(all, func(row session.Session) bool { return row.Catalog == catalogName })]
		}
		rows, now, err := s.CatalogStatus(t.Context(), "garden")
		if err != nil || len(rows) != 1 || rows[0].ID != newest("garden").ID || time.Since(now).Abs() > time.Hour {
			t.Errorf("garden at %s: %+v, %v", now, rows, err)
		}
		transferring(t, s, "now")
		rows, _, err = s.CatalogStatus(t.Context(), "main")
		if err != nil || len(rows) != 2 || rows[0].ID != "now" || rows[1].ID != newest("main").ID {
			t.Fatalf("main: %+v, %v", rows, err)
		}
		// The rows are whole, whatever their columns.
		if rows[0].Options != (session.Options{BatchSize: 10, VerifyAfterSync: true}) || rows[0].Worker != "main-1" || rows[0].ClaimedAt == nil ||
			rows[0].TotalRecords == nil || *rows[0].TotalRecords != 100 || rows[0].CompletedAt != nil || rows[0].JobID != 7 {
			t.Errorf("the active one is %+v", rows[0])
		}
		if rows[1].ErrorMessage != "why" || rows[1].Cursor != "here" || !rows[1].CompletedAt.Equal(*newest("main").CompletedAt) ||
			rows[1].Options.BatchSize != 10 || rows[1].ClaimedAt != nil {
			t.Errorf("the last one is %+v", rows[1])
		}
	})
}
