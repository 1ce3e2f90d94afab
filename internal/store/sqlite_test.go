package store_test

import (
	"os"
	"path/filepath"
	"testing"

	"fullsync/internal/session"
	"fullsync/internal/store"
)

// TestSQLiteFilesAreForNobodyElse looks at the modes of everything in the data directory, of a new database and of one that an
// earlier version made for everybody to read.
func TestSQLiteFilesAreForNobodyElse(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	path := filepath.Join(dir, "fullsync.db")
	for _, name := range []string{"new", "from an earlier version"} {
		s, err := store.Open(t.Context(), store.Options{SQLitePath: path})
		if err != nil {
			t.Fatal(err)
		}
		migrate(t, s)
		checkModes(t, name, dir, "fullsync.db", "fullsync.db-wal", "fullsync.db-shm", "fullsync.db.lock", "fullsync.reserve")
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func checkModes(t *testing.T, name, dir string, want ...string) {
	t.Helper()
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%s: the directory's mode is %v, %v", name, info.Mode(), err)
	}
	found := map[string]bool{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		found[entry.Name()] = true
		if info, err := entry.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: the mode of %s is %v, %v", name, entry.Name(), info.Mode(), err)
		}
	}
	for _, file := range want {
		if !found[file] {
			t.Errorf("%s: there is no %s", name, file)
		}
	}
}

// TestSQLiteFileThatIsTakenAway: what would be written to a file that is no longer there is refused, and so is traffic.
func TestSQLiteFileThatIsTakenAway(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	s := openStore(t, store.Options{SQLitePath: filepath.Join(dir, "fullsync.db")})
	migrate(t, s)
	row := transferring(t, s, "s-1")
	if err := s.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	_, cancelErr := s.CancelSession(t.Context(), row.ID, by("it is gone"))
	_, startErr := s.CreateSession(t.Context(), prepared("s-2", "other"), plainly())
	for what, err := range map[string]error{
		"ready": s.Ready(t.Context()), "cancel": cancelErr, "start": startErr,
		"batch": s.CommitBatch(t.Context(), &row, batch(t, 0, 3, "a")), "heartbeat": s.Heartbeat(t.Context(), claimOf(row), session.Pulse{}),
	} {
		t.Run(what, func(t *testing.T) {
			sentence(t, err, "DATABASE_MOVED", "no longer in the data directory", "restore a backup")
		})
	}
}

// TestSQLiteFileThatCannotBeUsed opens what is no database, and what may not be written to.
func TestSQLiteFileThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	noise := filepath.Join(dir, "noise.db")
	if err := os.WriteFile(noise, []byte("id;name;price\n1;a;9,90\n and so on, for longer than the header of a database is\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	refused(t, store.Options{SQLitePath: noise}, "DATABASE_DAMAGED", "Restore a backup")
	refused(t, store.Options{SQLitePath: filepath.Join(noise, "fullsync.db")}, "DATA_DIR", "FULLSYNC_DATA_DIR")
	if err := os.Mkdir(filepath.Join(dir, "folder.db"), 0o700); err != nil {
		t.Fatal(err)
	}
	refused(t, store.Options{SQLitePath: filepath.Join(dir, "folder.db")}, "DATABASE_UNUSABLE", "FULLSYNC_DATA_DIR")
}
