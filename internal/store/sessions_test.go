package store_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fullsync/internal/fault"
	"fullsync/internal/postgrestest"
	"fullsync/internal/session"
	"fullsync/internal/store"
	"fullsync/internal/syncer"
)

func TestOneActiveSessionPerCatalog(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		var won atomic.Int64
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() {
				c, err := s.CreateSession(t.Context(), prepared(fmt.Sprint("s", i), "main"), plainly())
				if err != nil {
					t.Error(err)
				}
				if c.OK {
					won.Add(1)
				}
			})
		}
		all.Wait()
		if won.Load() != 1 {
			t.Errorf("%d starts won", won.Load())
		}
		if c, err := s.CreateSession(t.Context(), prepared("other", "second"), plainly()); !c.OK || err != nil {
			t.Errorf("another catalog is not free: %+v, %v", c, err)
		}
	})
}

func TestCancelNeedsAnActiveSession(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		if ok, err := s.CancelSession(ctx, "unknown", by("")); ok || err != nil {
			t.Errorf("unknown: %v, %v", ok, err)
		}
		transferring(t, s, "s1")
		if ok, err := s.CancelSession(ctx, "s1", by("wrong peer")); !ok || err != nil {
			t.Fatalf("cancel: %v, %v", ok, err)
		}
		first := get(t, s, "s1")
		if first.Status != session.Cancelled || first.CompletedAt == nil || first.CancelledBy != "alice" || first.CancelReason != "wrong peer" ||
			first.ErrorMessage != "Cancelled by alice: wrong peer" {
			t.Errorf("cancelled as %+v", first)
		}
		if ok, err := s.CancelSession(ctx, "s1", syncer.Cancellation{By: "bob"}); ok || err != nil {
			t.Errorf("second: %v, %v", ok, err)
		}
		if again := get(t, s, "s1"); again.CancelledBy != "alice" || !again.CompletedAt.Equal(*first.CompletedAt) {
			t.Errorf("the second cancel changed the row to %+v", again)
		}
		if c, err := s.CreateSession(ctx, prepared("s2", "main"), plainly()); !c.OK || err != nil {
			t.Errorf("a new session cannot start: %+v, %v", c, err)
		}
	})
}

// TestJobsLeaveACancelItsConnections: whatever the job engine does with all of its own.
func TestJobsLeaveACancelItsConnections(t *testing.T) {
	s := openStore(t, store.Options{URL: postgrestest.NewDatabase(t), Workers: 1})
	migrate(t, s)
	transferring(t, s, "s1")
	pool := s.Listener()
	for range pool.Config().MaxConns {
		conn, err := pool.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(conn.Release)
	}
	patient, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	if ok, err := s.CancelSession(patient, "s1", by("")); !ok || err != nil {
		t.Errorf("cancel: %v, %v", ok, err)
	}
	bounded, stop := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer stop()
	if err := s.JobsSQL().PingContext(bounded); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the job engine has other connections: %v", err)
	}
}

func TestSessionsAreFoundNewestFirstPageByPage(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		for i := range 7 {
			id := fmt.Sprint("s", i)
			if c, err := s.CreateSession(ctx, prepared(id, "main"), plainly()); !c.OK || err != nil {
				t.Fatal(c, err)
			}
			if i < 6 {
				if _, err := s.CancelSession(ctx, id, by("")); err != nil {
					t.Fatal(err)
				}
			}
		}
		seen := map[string]bool{}
		var last session.Session
		for q := (syncer.Query{Limit: 2}); ; q.BeforeID, q.BeforeStartedAt = last.ID, last.StartedAt {
			rows, _, err := s.FindSessions(ctx, q)
			if err != nil {
				t.Fatal(err)
			}
			if len(rows) == 0 {
				break
			}
			for _, r := range rows {
				if seen[r.ID] || !last.StartedAt.IsZero() && r.StartedAt.After(last.StartedAt) {
					t.Errorf("%s out of order or twice", r.ID)
				}
				seen[r.ID], last = true, r
			}
		}
		if len(seen) != 7 {
			t.Errorf("saw %d of 7", len(seen))
		}
		active, _, err := s.FindSessions(ctx, syncer.Query{Statuses: session.ActiveStatuses(), Catalog: "main", PeerID: "branch"})
		if err != nil || len(active) != 1 || active[0].ID != "s6" || !active[0].Options.VerifyAfterSync {
			t.Errorf("active %+v, %v", active, err)
		}
		if none, _, err := s.FindSessions(ctx, syncer.Query{StartedAfter: active[0].StartedAt}); err != nil || len(none) != 0 {
			t.Errorf("after the newest: %d, %v", len(none), err)
		}
		if rest, _, err := s.FindSessions(ctx, syncer.Query{StartedBefore: active[0].StartedAt, Catalog: "main"}); err != nil || len(rest) > 6 || len(rest) == 0 {
			t.Errorf("before the newest: %d, %v", len(rest), err)
		}
	})
}

func TestUnknownSession(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		if _, _, err := s.GetSession(t.Context(), "nope"); fault.KindOf(err) != fault.NotFound {
			t.Errorf("%v", err)
		}
	})
}
