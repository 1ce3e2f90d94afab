package auth

import (
	"bytes"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"fullsync/internal/fault"
)

func TestSecretIsCreatedOnceAndKept(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "data", "jwt.secret")
	first, created, err := LoadOrCreateSecret(path)
	if err != nil || !created {
		t.Fatalf("first call: created %v, %v", created, err)
	}
	if raw, err := base64.StdEncoding.DecodeString(string(first)); err != nil || len(raw) != 32 {
		t.Errorf("the secret decodes to %d bytes, %v", len(raw), err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	second, created, err := LoadOrCreateSecret(path)
	if err != nil || created || !bytes.Equal(first, second) {
		t.Errorf("second call: created %v, same %v, %v", created, bytes.Equal(first, second), err)
	}
	if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 1 {
		t.Errorf("the directory holds %d files, want 1", len(left))
	}
}

func TestProcessesStartingAtOnceAgree(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "jwt.secret")
	const n = 32
	var (
		wg      sync.WaitGroup
		begin   = make(chan struct{})
		secrets [n]string
		made    [n]bool
	)
	for i := range n {
		wg.Go(func() {
			<-begin
			secret, created, err := LoadOrCreateSecret(path)
			if err != nil {
				t.Error(err)
			}
			secrets[i], made[i] = string(secret), created
		})
	}
	close(begin)
	wg.Wait()
	makers := 0
	for i := range n {
		if secrets[i] != secrets[0] {
			t.Fatal("two processes have different secrets")
		}
		if made[i] {
			makers++
		}
	}
	if makers != 1 {
		t.Errorf("%d processes created the secret, want 1", makers)
	}
}

func TestBadSecretFileIsRefused(t *testing.T) {
	t.Parallel()
	good := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32))
	for name, tc := range map[string]struct {
		text string
		mode os.FileMode
		code string
	}{
		"readable by the group": {good, 0o640, "SECRET_EXPOSED"},
		"readable by others":    {good, 0o604, "SECRET_EXPOSED"},
		"empty":                 {"", 0o600, "SECRET_INVALID"},
		"too short":             {good[:20], 0o600, "SECRET_INVALID"},
		"rubbish":               {"this is not a secret at all, is it? no!", 0o600, "SECRET_INVALID"},
		"endless":               {good + strings.Repeat("\n", 5000), 0o600, "SECRET_INVALID"},
	} {
		path := filepath.Join(t.TempDir(), "jwt.secret")
		if err := os.WriteFile(path, []byte(tc.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, tc.mode); err != nil {
			t.Fatal(err)
		}
		_, created, err := LoadOrCreateSecret(path)
		fe, ok := err.(*fault.Error)
		if !ok || fe.Code != tc.code || created {
			t.Errorf("%s: %v, created %v; want %s", name, err, created, tc.code)
			continue
		}
		if strings.Contains(fe.Sentence(), filepath.Dir(path)) || tc.text != "" && strings.Contains(fe.Sentence(), tc.text) {
			t.Errorf("%s: the sentence gives something away: %s", name, fe.Sentence())
		}
	}
	if _, _, err := LoadOrCreateSecret(t.TempDir()); fault.KindOf(err) != fault.Invalid {
		t.Errorf("a directory: %v, want Invalid", err)
	}
}
