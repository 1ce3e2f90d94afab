package store

import (
	"path/filepath"
	"testing"

	"fullsync/internal/postgrestest"
	"fullsync/internal/session"
)

// TestFiguresOfAnOlderHistory: what was there before anybody counted is counted once, also where the migration was broken off
// and runs again.
func TestFiguresOfAnOlderHistory(t *testing.T) {
	t.Parallel()
	const before, counts = 6, 7 // the migrations
	for name, opt := range map[string]Options{
		"sqlite": {SQLitePath: filepath.Join(t.TempDir(), "fullsync.db")}, "postgres": {URL: postgrestest.NewDatabase(t), Workers: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := Open(t.Context(), opt)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Close() })
			provider, err := s.migrations()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := provider.UpTo(t.Context(), before); err != nil {
				t.Fatal(err)
			}
			skewedHistory(t, s)
			if err := s.Migrate(t.Context(), noEngine, nil); err != nil {
				t.Fatal(err)
			}
			if name == "postgres" { // where its statements commit one by one
				if _, err := s.SQL().ExecContext(t.Context(), "DELETE FROM goose_db_version WHERE version_id = $1", counts); err != nil {
					t.Fatal(err)
				}
				if _, err := provider.ApplyVersion(t.Context(), counts, true); err != nil {
					t.Fatal(err)
				}
			}
			want := map[session.Status]int64{session.Completed: 4000, session.Failed: 1000}
			for range 2 {
				f, err := s.Figures(t.Context())
				if err != nil || f.ByStatus[session.Completed] != want[session.Completed] || f.ByStatus[session.Failed] != want[session.Failed] || f.Processed != 5000 {
					t.Errorf("%v, %d processed, %v; want %v", f.ByStatus, f.Processed, err, want)
				}
				if _, err := s.SQL().ExecContext(t.Context(), "DELETE FROM sync_sessions WHERE id = 's-1'"); err != nil {
					t.Fatal(err)
				}
				want[session.Failed] = 999
			}
		})
	}
}
