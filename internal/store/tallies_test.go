package store_test

import (
	"fmt"
	"maps"
	"sync"
	"testing"
	"time"

	"fullsync/internal/session"
	"fullsync/internal/store"
)

func figures(t *testing.T, s *store.Store) session.Figures {
	t.Helper()
	f, err := s.Figures(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if time.Since(f.At).Abs() > time.Hour {
		t.Fatalf("the figures are of %s", f.At)
	}
	return f
}

// wantCounts compares the figures with the table, which nobody but a test may count, before and after they were added up.
func wantCounts(t *testing.T, s *store.Store, what string) {
	t.Helper()
	rows, err := s.SQL().QueryContext(t.Context(), "SELECT status, count(*) FROM sync_sessions GROUP BY status")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close() //nolint:errcheck // read to its end
	want := map[session.Status]int64{}
	for rows.Next() {
		var status session.Status
		var n int64
		if err := rows.Scan(&status, &n); err != nil {
			t.Fatal(err)
		}
		want[status.Current()] += n
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	for _, folded := range []bool{false, true} {
		if folded {
			if err := s.FoldTallies(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		got := maps.Clone(figures(t, s).ByStatus)
		maps.DeleteFunc(got, func(_ session.Status, n int64) bool { return n == 0 })
		if !maps.Equal(got, want) {
			t.Errorf("%s, added up: %v: %v, the table holds %v", what, folded, got, want)
		}
	}
}

// TestFiguresFollowTheSessions: whatever happens to sessions, by whatever way, is counted.
func TestFiguresFollowTheSessions(t *testing.T) {
	t.Parallel()
	onMigrated(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		wantCounts(t, s, "nothing")
		row := transferring(t, s, "s1")
		if err := s.CommitBatch(ctx, &row, batch(t, 0, 5, "A")); err != nil {
			t.Fatal(err)
		}
		f := figures(t, s)
		if f.Processed != 5 || f.Pending != 95 || f.LastDay.Sessions != 0 || f.Days[0].Received != 0 {
			t.Errorf("while it runs: %+v", f)
		}
		wantCounts(t, s, "one that runs")
		if _, err := s.CancelSession(ctx, "s1", by("")); err != nil {
			t.Fatal(err)
		}
		wantCounts(t, s, "one that was cancelled")
		f = figures(t, s)
		if f.Processed != 5 || f.Pending != 0 || f.LastDay.Sessions != 1 || f.LastDay.Received != 5 || f.LastDay.Bytes != 1000 || f.LastDay.Peers != 1 {
			t.Errorf("when it has ended: %+v", f)
		}
		fillHistory(t, s, 40)
		wantCounts(t, s, "rows that were inserted as they are")
		for _, statement := range []string{
			"UPDATE sync_sessions SET status = 'FAILED' WHERE id = 's001'",
			"UPDATE sync_sessions SET current_step = 'x', status = status",
			"DELETE FROM sync_sessions WHERE id < 's010'",
		} {
			if _, err := s.SQL().ExecContext(ctx, statement); err != nil {
				t.Fatal(err)
			}
			wantCounts(t, s, statement)
		}
		if n, err := s.PruneSessions(ctx, time.Hour, 3); err != nil || n == 0 {
			t.Fatalf("%d pruned, %v", n, err)
		}
		wantCounts(t, s, "pruned")
		if f := figures(t, s); f.Processed != 5 || f.LastDay.Sessions != 1 {
			t.Errorf("what was done is forgotten with its sessions: %+v", f)
		}
	})
}

// TestFoldingLosesNothing: tallies that come while others are added up are neither lost nor counted twice.
func TestFoldingLosesNothing(t *testing.T) {
	t.Parallel()
	onMigrated(t, func(t *testing.T, s *store.Store) {
		const writers, each = 4, 20
		var all, folders sync.WaitGroup
		done := make(chan struct{})
		for i := range writers {
			all.Go(func() {
				for j := range each {
					id := fmt.Sprintf("w%d-%d", i, j)
					if c, err := s.CreateSession(t.Context(), prepared(id, fmt.Sprint("catalog-", i)), plainly()); err != nil || !c.OK {
						t.Error(c, err)
					}
					if ok, err := s.CancelSession(t.Context(), id, by("")); err != nil || !ok {
						t.Error(ok, err)
					}
				}
			})
		}
		for range 2 {
			folders.Go(func() {
				for {
					if err := s.FoldTallies(t.Context()); err != nil {
						t.Error(err)
					}
					select {
					case <-done:
						return
					default:
					}
				}
			})
		}
		all.Wait()
		close(done)
		folders.Wait()
		// The last one of those may have begun before the last session ended.
		if err := s.FoldTallies(t.Context()); err != nil {
			t.Fatal(err)
		}
		if f := figures(t, s); f.ByStatus[session.Cancelled] != writers*each || f.LastDay.Sessions != writers*each {
			t.Errorf("%v, %d of the last day", f.ByStatus, f.LastDay.Sessions)
		}
		if n := tallies(t, s); n > 2 {
			t.Errorf("%d tallies are left", n) // two where the hour has changed meanwhile
		}
	})
}

func tallies(t *testing.T, s *store.Store) (n int) {
	t.Helper()
	if err := s.SQL().QueryRowContext(t.Context(), "SELECT count(*) FROM sync_tallies").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestOldTalliesBecomeFew: however many hours, days and peers there were, what is kept of them is bounded.
func TestOldTalliesBecomeFew(t *testing.T) {
	t.Parallel()
	onMigrated(t, func(t *testing.T, s *store.Store) {
		now := figures(t, s).At
		for hour := range 20 * 24 {
			at := now.Add(-time.Duration(hour) * time.Hour)
			row := prepared(fmt.Sprintf("h%04d", hour), "main")
			row.Status, row.StartedAt, row.CompletedAt, row.TransferredRecords = session.Completed, at, &at, 1
			row.PeerID = fmt.Sprint("branch-", hour%2)
			insertSession(t, s, row)
		}
		before := figures(t, s)
		if err := s.FoldTallies(t.Context()); err != nil {
			t.Fatal(err)
		}
		after := figures(t, s)
		if after.Processed != before.Processed || after.Processed != 20*24 {
			t.Errorf("%d processed before, %d after", before.Processed, after.Processed)
		}
		// By their dates: a day may end while the test runs.
		for _, was := range before.Days[:6] {
			for _, is := range after.Days {
				if is.Begin.Equal(was.Begin) && (is.Sessions != was.Sessions || is.Received != was.Received || is.Peers != was.Peers || is.Sessions == 0) {
					t.Errorf("before %+v, after %+v", was, is)
				}
			}
		}
		// 30 hours by themselves, 9 days of two peers, and the rest.
		if n := tallies(t, s); n > 31+2*9+1 {
			t.Errorf("%d tallies are left", n)
		}
	})
}
