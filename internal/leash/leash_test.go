package leash_test

import (
	"os"
	"path/filepath"
	"testing"

	"fullsync/internal/leash"
)

func TestTheScriptGoesOnWhenReleased(t *testing.T) {
	t.Parallel()
	note := filepath.Join(t.TempDir(), "note")
	l, err := leash.New(nil, `read -r told; read -r _; echo "$told $1" >"$2"`, "argument", note)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Tell(42); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(note); err == nil {
		t.Error("the script did not wait")
	}
	for range 2 {
		if err := l.Release(); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(note); err != nil || string(got) != "42 argument\n" {
		t.Errorf("the script wrote %q, %v", got, err)
	}
}

func TestAFailedScriptIsReported(t *testing.T) {
	t.Parallel()
	l, err := leash.New(nil, "read -r _; exit 3")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Release(); err == nil {
		t.Error("no error")
	}
}
