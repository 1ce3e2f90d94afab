package store

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestKindsAreCheckedWithoutAList: bringing a database up to date keeps the rows of sync_changes and what may be in them, whoever has it open, and
// afterwards no connection builds a list for every row.
func TestKindsAreCheckedWithoutAList(t *testing.T) {
	t.Parallel()
	ctx, path := t.Context(), filepath.Join(t.TempDir(), "fullsync.db")
	open := func() *Store {
		s, err := Open(ctx, Options{SQLitePath: path})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return s
	}
	s, beside := open(), open()
	provider, err := s.migrations()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := provider.UpTo(ctx, 44); err != nil {
		t.Fatal(err)
	}
	const insert = "INSERT INTO sync_changes (session_id, batch, product_id, kind) VALUES ('s1', 1, 'p', 'updated')"
	run(t, beside.SQL(), insert)
	if err := s.Migrate(ctx, noEngine, nil); err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]*Store{"that migrated": s, "beside it": beside, "opened since": open()} {
		if _, err := s.SQL().ExecContext(ctx, "UPDATE sync_changes SET kind = 'renamed'"); err == nil {
			t.Errorf("the process %s takes a kind that there is not", name)
		}
		expect(t, name, all(t, s.SQL(), "SELECT kind FROM sync_changes INDEXED BY sync_changes_history WHERE product_id = 'p'"), "updated")
		expect(t, name, all(t, s.SQL(), "PRAGMA integrity_check"), "ok")
		// Last, because EXPLAIN alone does not look whether the tables have changed.
		if program := all(t, s.SQL(), "EXPLAIN "+insert); strings.Contains(program, "OpenEphemeral") || !strings.Contains(program, "IdxInsert") {
			t.Errorf("the process %s makes a list of kinds: %s", name, program)
		}
	}
}
