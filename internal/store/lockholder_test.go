package store_test

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"fullsync/internal/store"
)

// holderVariable makes this test's process the one that holds the lock.
const holderVariable = "FULLSYNC_TEST_HOLD_LOCK"

func TestLockHolderIsNamed(t *testing.T) {
	if path := os.Getenv(holderVariable); path != "" {
		holdLock(t, path)
		return
	}
	path := filepath.Join(t.TempDir(), "fullsync.db")
	s := openStore(t, store.Options{SQLitePath: path})
	migrate(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if pid, ok := store.LockHolder(path); ok {
		t.Errorf("nobody holds the lock, but %d is named", pid)
	}
	holder := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestLockHolderIsNamed$")
	holder.Env = append(os.Environ(), holderVariable+"="+path)
	release, err := holder.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := holder.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(out, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if pid, ok := store.LockHolder(path); !ok || pid != holder.Process.Pid {
		t.Errorf("named %d, %v; the holder is %d", pid, ok, holder.Process.Pid)
	}
	_ = release.Close()
	if err := holder.Wait(); err != nil {
		t.Error(err)
	}
}

// holdLock takes the write lock, says so on stdout, and holds it until stdin ends.
func holdLock(t *testing.T, path string) {
	s := openStore(t, store.Options{SQLitePath: path})
	tx, err := s.SQL().BeginTx(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = os.Stdout.WriteString("!")
	_, _ = io.ReadAll(os.Stdin)
	_ = tx.Rollback()
}
