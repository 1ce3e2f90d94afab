package store_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"fullsync/internal/fault"
	"fullsync/internal/session"
	"fullsync/internal/store"
	"fullsync/internal/syncer"
)

func TestReplaceLeavesExactlyOneActiveSession(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		replacing := syncer.Creation{Enqueue: noJob, Replace: &syncer.Cancellation{By: "bob", Reason: "replaced"}}
		transferring(t, s, "s0")
		var won atomic.Int64
		var all sync.WaitGroup
		for i := range 10 {
			all.Go(func() {
				c, err := s.CreateSession(t.Context(), prepared(fmt.Sprint("n", i), "main"), replacing)
				if err != nil {
					t.Error(err)
				}
				if c.OK {
					won.Add(1)
				}
			})
		}
		all.Wait()
		active, _, err := s.FindSessions(t.Context(), syncer.Query{Statuses: session.ActiveStatuses()})
		if err != nil || len(active) != 1 || won.Load() == 0 {
			t.Errorf("%d active after %d replacements: %v", len(active), won.Load(), err)
		}
		if old := get(t, s, "s0"); old.Status != session.Cancelled || old.CancelledBy != "bob" {
			t.Errorf("the replaced session is %s by %q", old.Status, old.CancelledBy)
		}
		figures, err := s.Figures(t.Context())
		if err != nil || figures.ByStatus[session.Cancelled] != won.Load() {
			t.Errorf("%v after %d replacements: %v", figures.ByStatus, won.Load(), err)
		}
	})
}

func TestStartKeysAreKeptWithTheirSession(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		key := syncer.StartKey{Subject: "alice", Key: "k", RequestHash: "h"}
		keyed := syncer.Creation{Enqueue: noJob, Key: &key}
		if c, err := s.CreateSession(ctx, prepared("s1", "main"), keyed); !c.OK || err != nil {
			t.Fatal(c, err)
		}
		if c, err := s.CreateSession(ctx, prepared("s2", "second"), keyed); c.OK || fault.KindOf(err) != fault.Conflict {
			t.Errorf("the same key started another session: %+v, %v", c, err)
		}
		if _, _, err := s.GetSession(ctx, "s2"); fault.KindOf(err) != fault.NotFound {
			t.Errorf("a refused start left a session: %v", err)
		}
		if kept, ok, err := s.FindStartKey(ctx, "alice", "k"); !ok || err != nil || kept.SessionID != "s1" || kept.RequestHash != "h" || kept.Attached {
			t.Errorf("%+v, %v, %v", kept, ok, err)
		}
		if _, ok, err := s.FindStartKey(ctx, "bob", "k"); ok || err != nil {
			t.Errorf("alice's key is bob's: %v, %v", ok, err)
		}
		if err := s.AttachKey(ctx, syncer.StartKey{Subject: "bob", Key: "k", RequestHash: "x"}, "s1"); err != nil {
			t.Error(err)
		}
		if kept, ok, err := s.FindStartKey(ctx, "bob", "k"); !ok || err != nil || !kept.Attached {
			t.Errorf("%+v, %v, %v", kept, ok, err)
		}
		backdate(t, s, "sync_start_keys", "created_at", 25)
		if _, ok, err := s.FindStartKey(ctx, "alice", "k"); ok || err != nil {
			t.Errorf("a key of yesterday is still kept: %v, %v", ok, err)
		}
	})
}

func TestPruneKeepsTheActiveAndTheNewest(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		for i := range 5 {
			transferring(t, s, fmt.Sprint("s", i))
			if i < 4 {
				if _, err := s.CancelSession(ctx, fmt.Sprint("s", i), by("")); err != nil {
					t.Fatal(err)
				}
			}
		}
		if n, err := s.PruneSessions(ctx, 3600e9, 0); n != 0 || err != nil {
			t.Errorf("%d young sessions pruned, %v", n, err)
		}
		backdate(t, s, "sync_sessions", "completed_at", 2)
		backdate(t, s, "sync_sessions", "started_at", 2)
		if n, err := s.PruneSessions(ctx, 3600e9, 2); n != 2 || err != nil {
			t.Errorf("%d pruned, want 2 (%v)", n, err)
		}
		left, _, err := s.FindSessions(ctx, syncer.Query{})
		if err != nil || len(left) != 3 || left[0].ID != "s4" || left[2].ID != "s2" {
			t.Errorf("left %d, %v", len(left), err)
		}
	})
}
