package store_test

import (
	"context"
	"sync"
	"testing"

	"fullsync/internal/fault"
	"fullsync/internal/store"
)

// TestReplicasMayMigrateAtOnce: all of several replicas that start on an empty database succeed, and each step is done once.
func TestReplicasMayMigrateAtOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, open func() *store.Store) {
		var mu sync.Mutex
		steps := map[int64]int{}
		var all sync.WaitGroup
		for range 4 {
			s := open()
			all.Go(func() {
				err := s.Migrate(t.Context(), engineOf(s).Migrate, func(a store.Applied) { mu.Lock(); defer mu.Unlock(); steps[a.Version]++ })
				if err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		for version, n := range steps {
			if n != 1 {
				t.Errorf("migration %d ran %d times", version, n)
			}
		}
		if len(steps) == 0 {
			t.Error("no migration ran")
		}
		if err := open().CheckSchema(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestSchemaIsCheckedBothWays(t *testing.T) {
	onBoth(t, func(t *testing.T, open func() *store.Store) {
		s := open()
		if err := s.CheckSchema(t.Context()); fault.KindOf(err) != fault.Impossible {
			t.Errorf("an empty database: %v", err)
		}
		migrate(t, s)
		if _, err := s.SQL().ExecContext(t.Context(), "UPDATE settings SET value = '9999' WHERE name = 'oldest_schema'"); err != nil {
			t.Fatal(err)
		}
		refused := s.Migrate(t.Context(), func(context.Context) error { return nil }, nil)
		for name, err := range map[string]error{"check": s.CheckSchema(t.Context()), "migrate": refused} {
			if fault.KindOf(err) != fault.Impossible || fault.Sentence(err, "") == "" {
				t.Errorf("%s of a database that needs a newer binary: %v", name, err)
			}
		}
	})
}

func TestReplicasAgreeOnSettings(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		if id, err := s.NodeID(t.Context()); id != "" || err != nil {
			t.Errorf("new database has node id %q, %v", id, err)
		}
		for _, proposed := range []string{"first", "second"} {
			if id, err := s.KeepNodeID(t.Context(), proposed); id != "first" || err != nil {
				t.Errorf("%s: %q, %v", proposed, id, err)
			}
			if mark, err := s.KeepSealMark(t.Context(), []byte(proposed)); string(mark) != "first" || err != nil {
				t.Errorf("%s: %q, %v", proposed, mark, err)
			}
		}
	})
}
