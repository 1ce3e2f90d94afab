package store_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fullsync/internal/catalog"
	"fullsync/internal/session"
	"fullsync/internal/store"
	"fullsync/internal/transfer"
)

// backdate moves a column of all rows into the past, by whole hours.
func backdate(t *testing.T, s *store.Store, table, column string, hours int) {
	t.Helper()
	earlier := fmt.Sprintf("%s - interval '%d hours'", column, hours)
	if s.Listener() == nil {
		earlier = fmt.Sprintf("strftime('%%Y-%%m-%%d %%H:%%M:%%f+00:00', %s, '%+d hours')", column, -hours)
	}
	if _, err := s.SQL().ExecContext(t.Context(), fmt.Sprintf("UPDATE %s SET %s = %s", table, column, earlier)); err != nil {
		t.Fatal(err)
	}
}

func TestStaleSessionIsTakenOverOnce(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		row := transferring(t, s, "s1")
		if err := s.CommitBatch(ctx, &row, batch(t, 0, 10, "x")); err != nil {
			t.Fatal(err)
		}
		if stale, err := s.StaleSessions(ctx, time.Minute); len(stale.Sessions) != 0 || err != nil {
			t.Fatalf("a fresh heartbeat counts as stale: %d, %v", len(stale.Sessions), err)
		}
		backdate(t, s, "sync_sessions", "last_heartbeat_at", 1)
		stale, err := s.StaleSessions(ctx, time.Minute)
		if len(stale.Sessions) != 1 || err != nil {
			t.Fatalf("%d stale, %v", len(stale.Sessions), err)
		}
		var won atomic.Int64
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				switch err := s.TakeOver(ctx, stale.Sessions[0], noJob); {
				case err == nil:
					won.Add(1)
				case !errors.Is(err, transfer.ErrFenced):
					t.Error(err)
				}
			})
		}
		all.Wait()
		if won.Load() != 1 {
			t.Errorf("%d takeovers of one session", won.Load())
		}
		after := get(t, s, "s1")
		if after.Fence != row.Fence+1 || after.Worker != "" || after.Cursor != row.Cursor || after.BatchSeq != 1 {
			t.Errorf("taken over as %+v", after)
		}
		taken, err := s.ListTakeovers(ctx, "s1")
		if err != nil || len(taken) != 1 || taken[0].Worker != "main-1" || taken[0].BatchSeq != 1 || taken[0].HeartbeatAt == nil {
			t.Errorf("recorded %+v, %v", taken, err)
		}
		if n, err := s.FruitlessTakeovers(ctx, after); n != 1 || err != nil {
			t.Errorf("%d fruitless, %v", n, err)
		}
		again, ok, err := s.ClaimSession(ctx, "s1", after.Fence, "main-2")
		if !ok || err != nil {
			t.Fatal(ok, err)
		}
		if err := s.CommitBatch(ctx, &again, batch(t, 10, 20, "x")); err != nil {
			t.Fatal(err)
		}
		if n, err := s.FruitlessTakeovers(ctx, again); n != 0 || err != nil {
			t.Errorf("%d fruitless after progress, %v", n, err)
		}
	})
}

func TestSessionThatMovedIsNotTakenOver(t *testing.T) {
	for name, move := range map[string]func(context.Context, *store.Store, session.Session) error{
		"a heartbeat came": func(ctx context.Context, s *store.Store, row session.Session) error {
			return s.Heartbeat(ctx, claimOf(row), session.Pulse{})
		},
		"it was cancelled": func(ctx context.Context, s *store.Store, row session.Session) error {
			_, err := s.CancelSession(ctx, row.ID, by(""))
			return err
		},
		"it was handed back": func(ctx context.Context, s *store.Store, row session.Session) error {
			return s.ReleaseSession(ctx, claimOf(row), noJob)
		},
	} {
		t.Run(name, func(t *testing.T) {
			onMigrated(t, func(t *testing.T, s *store.Store) {
				ctx := t.Context()
				row := transferring(t, s, "s1")
				backdate(t, s, "sync_sessions", "last_heartbeat_at", 1)
				seen := get(t, s, "s1")
				if err := move(ctx, s, row); err != nil {
					t.Fatal(err)
				}
				before := get(t, s, "s1")
				if err := s.TakeOver(ctx, seen, noJob); !errors.Is(err, transfer.ErrFenced) {
					t.Errorf("take over: %v", err)
				}
				if err := s.FailLost(ctx, seen, session.Failure(errors.New("lost"))); !errors.Is(err, transfer.ErrFenced) {
					t.Errorf("fail: %v", err)
				}
				if after := get(t, s, "s1"); after.Fence != before.Fence || after.Status != before.Status || after.Worker != before.Worker {
					t.Errorf("changed from %+v to %+v", before, after)
				}
			})
		})
	}
}

// TestRejectsAreInheritedByTheResumed: what was refused before the cursor of a resumed session is not missing at its end.
func TestRejectsAreInheritedByTheResumed(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		for i, id := range []string{"s1", "s2", "s3"} {
			next := prepared(id, "main")
			if i > 0 {
				next.ResumedFrom = fmt.Sprint("s", i)
			}
			if c, err := s.CreateSession(ctx, next, plainly()); !c.OK || err != nil {
				t.Fatal(c, err)
			}
			row, ok, err := s.ClaimSession(ctx, id, 0, "main-1")
			if err != nil || !ok {
				t.Fatal(ok, err)
			}
			if err := s.Advance(ctx, claimOf(row), session.Progressed{Status: session.Transferring, Phase: session.PhaseTransferring}); err != nil {
				t.Fatal(err)
			}
			b := batch(t, 10*i, 10*i+10, "x")
			b.Rejects = []catalog.Reject{{ID: "bad-" + id, Reason: "no name"}}
			if err := s.CommitBatch(ctx, &row, b); err != nil {
				t.Fatal(err)
			}
			if _, err := s.CancelSession(ctx, id, by("")); err != nil {
				t.Fatal(err)
			}
		}
		rejected, err := s.RejectedIDs(ctx, "s3")
		if err != nil || len(rejected) != 3 || !rejected["bad-s1"] {
			t.Errorf("%v, %v", rejected, err)
		}
		if first, err := s.RejectedIDs(ctx, "s1"); err != nil || len(first) != 1 {
			t.Errorf("%v, %v", first, err)
		}
	})
}

func TestWaitingSessionGetsANewJob(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		if c, err := s.CreateSession(ctx, prepared("s1", "main"), plainly()); !c.OK || err != nil {
			t.Fatal(c, err)
		}
		if waiting, err := s.WaitingSessions(ctx, time.Minute); len(waiting) != 0 || err != nil {
			t.Errorf("%d wait long, %v", len(waiting), err)
		}
		backdate(t, s, "sync_sessions", "started_at", 1)
		waiting, err := s.WaitingSessions(ctx, time.Minute)
		if len(waiting) != 1 || err != nil {
			t.Fatalf("%d waiting, %v", len(waiting), err)
		}
		if err := s.Reenqueue(ctx, waiting[0], otherJob); err != nil {
			t.Fatal(err)
		}
		if row := get(t, s, "s1"); row.JobID != 8 || row.Fence != 0 {
			t.Errorf("%+v", row)
		}
		if err := s.Reenqueue(ctx, waiting[0], otherJob); !errors.Is(err, transfer.ErrFenced) {
			t.Errorf("a second replica enqueued it again: %v", err)
		}
		if _, ok, err := s.ClaimSession(ctx, "s1", 0, "main-1"); !ok || err != nil {
			t.Error(ok, err)
		}
	})
}
