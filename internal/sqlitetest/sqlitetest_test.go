package sqlitetest_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"fullsync/internal/sqlitetest"
)

func TestADatabaseIsPreparedOnceAndCopied(t *testing.T) {
	t.Parallel()
	var made []string
	copyTo := sqlitetest.Template(func(dir string) error {
		made = append(made, dir)
		return os.WriteFile(filepath.Join(dir, sqlitetest.File), []byte("content"), 0o600)
	})
	for range 2 {
		file := filepath.Join(t.TempDir(), "copy")
		if err := copyTo(file); err != nil {
			t.Fatal(err)
		}
		if data, err := os.ReadFile(file); string(data) != "content" || err != nil {
			t.Errorf("the copy holds %q, %v", data, err)
		}
	}
	if len(made) != 1 {
		t.Fatalf("prepared %d times", len(made))
	}
	if _, err := os.Stat(made[0]); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what was copied from is left behind: %v", err)
	}
}

func TestEveryCopySaysWhyThereIsNoDatabase(t *testing.T) {
	t.Parallel()
	reason := errors.New("no such migration")
	copyTo := sqlitetest.Template(func(string) error { return reason })
	for range 2 {
		file := filepath.Join(t.TempDir(), "copy")
		if err := copyTo(file); !errors.Is(err, reason) {
			t.Errorf("got %v", err)
		}
		if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("a copy of nothing: %v", err)
		}
	}
}
