package browsertest

import (
	"errors"
	"os"
	"strings"
	"testing"
)

func TestAMissingBrowserSkipsUnlessRequired(t *testing.T) {
	for _, c := range []struct {
		required string
		err      error
		want     string
	}{
		{"", errNotInstalled, "skip"},
		{"1", errNotInstalled, "fatal"},
		{"", errors.New("no space left"), "fatal"},
	} {
		t.Setenv(RequireVariable, c.required)
		r := &recorder{TB: t}
		r.run(func() { missing(r, c.err) })
		if r.did != c.want {
			t.Errorf("required=%q, %v: the test's end is %q, want %q", c.required, c.err, r.did, c.want)
		}
		wantOne(t, r.said, c.err.Error())
	}
	if !strings.Contains(errNotInstalled.Error(), "apt-get install chromium") {
		t.Error("the reason does not say what to install")
	}
}

func TestTheBrowserIsLookedForInPath(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PATH", dir)
	if program, ok := find(quick); ok {
		t.Errorf("found %s in an empty directory", program)
	}
	if _, err := start(quick); !errors.Is(err, errNotInstalled) {
		t.Errorf("starting without a browser: %v", err)
	}
	for _, name := range []string{"chrome", "google-chrome", "chromium-browser", "chromium", "chromium-headless-shell"} {
		if err := os.WriteFile(dir+"/"+name, []byte("#!/bin/sh\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		if program, ok := find(quick); !ok || program != dir+"/"+name {
			t.Errorf("found %q, want %s", program, name)
		}
	}
	if program, ok := find(full); !ok || program != dir+"/chromium" {
		t.Errorf("found %q for pages in tabs", program)
	}
}

func TestABrowserThatDoesNotStartSaysSo(t *testing.T) {
	for content, want := range map[string]string{
		"#!/bin/sh\necho out of paper >&2; exit 3\n": "out of paper",
		"no program": "exec format error",
	} {
		dir := t.TempDir()
		t.Setenv("PATH", dir+":/usr/bin:/bin")
		t.Setenv("TMPDIR", dir)
		if err := os.WriteFile(dir+"/chromium", []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
		_, err := start(full)
		if err == nil || !strings.Contains(err.Error(), dir+"/chromium") || !strings.Contains(err.Error(), want) {
			t.Errorf("it says: %v", err)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 1 {
			t.Errorf("it left %v (%v)", left, err)
		}
	}
}
