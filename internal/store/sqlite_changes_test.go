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
	if _, err := beside.SQL().ExecContext(ctx, insert); err != nil {
		t.Fatal(err)
	}
	if err := s.Migrate(ctx, noEngine, nil); err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]*Store{"that migrated": s, "beside it": beside, "opened since": open()} {
		if _, err := s.SQL().ExecContext(ctx, "UPDATE sync_changes SET kind = 'renamed'"); err == nil {
			t.Errorf("the process %s takes a kind that there is not", name)
		}
		if rows := columnOf(t, s, "SELECT kind FROM sync_changes INDEXED BY sync_changes_history WHERE product_id = 'p'", 0); len(rows) != 1 || rows[0] != "updated" {
			t.Errorf("the process %s finds %q", name, rows)
		}
		if found := columnOf(t, s, "PRAGMA integrity_check", 0); found[0] != "ok" {
			t.Errorf("the process %s: %q", name, found)
		}
		// Last, because EXPLAIN alone does not look whether the tables have changed.
		if program := strings.Join(columnOf(t, s, "EXPLAIN "+insert, 1), " "); strings.Contains(program, "OpenEphemeral") || !strings.Contains(program, "IdxInsert") {
			t.Errorf("the process %s makes a list of kinds: %s", name, program)
		}
	}
}

// columnOf returns one column of what a query finds.
func columnOf(t *testing.T, s *Store, query string, column int) (values []string) {
	t.Helper()
	rows, err := s.SQL().QueryContext(t.Context(), query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		value, into := "", make([]any, len(columns))
		for i := range into {
			into[i] = new(any)
		}
		into[column] = &value
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		values = append(values, value)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return values
}
