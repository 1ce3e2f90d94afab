package console_test

import (
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"fullsync/internal/console"
)

// largestPage is how many bytes the whole page may have, uncompressed and without pictures.
const largestPage = 150_000

func get(t *testing.T, name string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	page, err := console.New()
	if err != nil {
		t.Fatal(err)
	}
	file, ok := page.File(name)
	if !ok {
		t.Fatalf("the page has no file %q", name)
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/console/"+name, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	file.ServeHTTP(w, r)
	return w
}

func TestEveryFileIsServedWithThePolicy(t *testing.T) {
	t.Parallel()
	kinds := map[string]string{
		".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8",
		".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
	}
	lines := func(text string) int { return strings.Count(text, "\n") }
	seen, size := 0, 0
	err := fs.WalkDir(os.DirFS("page"), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		seen++
		w := get(t, name)
		content, err := os.ReadFile(filepath.Join("page", name))
		if w.Code != http.StatusOK || lines(w.Body.String()) != lines(string(content)) || err != nil {
			t.Errorf("%s: %d, %d lines of %d, %v", name, w.Code, lines(w.Body.String()), lines(string(content)), err)
		}
		if filepath.Ext(name) == ".js" && strings.Contains(w.Body.String(), "\n// ") || filepath.Ext(name) != ".js" && w.Body.String() != string(content) {
			t.Errorf("%s is sent as\n%s", name, w.Body)
		}
		if filepath.Ext(name) != ".svg" {
			size += w.Body.Len()
		}
		if got, want := w.Header().Get("Content-Type"), kinds[filepath.Ext(name)]; got != want || got == "" {
			t.Errorf("%s: content type %q, want %q", name, got, want)
		}
		csp := w.Header().Get("Content-Security-Policy")
		for _, part := range []string{"default-src 'none'", "script-src 'self'", "form-action 'none'", "frame-ancestors 'none'"} {
			if !strings.Contains(csp, part) {
				t.Errorf("%s: the policy %q lacks %s", name, csp, part)
			}
		}
		if strings.Contains(csp, "unsafe") || strings.Contains(csp, "*") {
			t.Errorf("%s: the policy %q lets too much in", name, csp)
		}
		return nil
	})
	if err != nil || seen == 0 {
		t.Errorf("%d files, %v", seen, err)
	}
	t.Logf("the page has %d bytes", size)
	if size > largestPage {
		t.Errorf("the page has %d bytes, more than %d", size, largestPage)
	}
	if index, start := get(t, "index.html"), get(t, ""); index.Body.String() != start.Body.String() {
		t.Error("the empty name must serve index.html")
	}
}

func TestUnknownFilesAreNone(t *testing.T) {
	t.Parallel()
	page, err := console.New()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"nothing.js", "../console.go", "page/index.html", "/index.html", "."} {
		if _, ok := page.File(name); ok {
			t.Errorf("%q must not be found", name)
		}
	}
}

func TestUnchangedFilesAreNotSentAgain(t *testing.T) {
	t.Parallel()
	first := get(t, "main.js")
	if first.Header().Get("Cache-Control") != "no-cache" {
		t.Errorf("Cache-Control is %q; a browser must ask every time", first.Header().Get("Cache-Control"))
	}
	tag := first.Header().Get("ETag")
	if again := get(t, "main.js", "If-None-Match", tag); again.Code != http.StatusNotModified || again.Body.Len() > 0 {
		t.Errorf("with the tag %s: %d and %d bytes, want 304 and none", tag, again.Code, again.Body.Len())
	}
	if other := get(t, "live.js", "If-None-Match", tag); other.Code != http.StatusOK {
		t.Errorf("another file with that tag: %d", other.Code)
	}
}

// TestEveryImportIsThere: a misspelled module would break the page, and only in the browser.
func TestEveryImportIsThere(t *testing.T) {
	t.Parallel()
	imports := regexp.MustCompile(`(?m)^import (?:.* from )?"\./([^"]+)";$`)
	links := regexp.MustCompile(`(?:src|href)="([^"]+)"`)
	names, err := filepath.Glob("page/*")
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{"index.html": true}
	for _, name := range names {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range imports.FindAllStringSubmatch(string(content), -1) {
			used[m[1]] = true
		}
		for _, m := range links.FindAllStringSubmatch(string(content), -1) {
			if !strings.HasPrefix(m[1], "../") && !strings.HasPrefix(m[1], "#") {
				used[m[1]] = true
			}
		}
	}
	for name := range used {
		if _, err := os.Stat(filepath.Join("page", name)); err != nil {
			t.Errorf("the page uses %s: %v", name, err)
		}
	}
	for _, name := range names {
		if !used[filepath.Base(name)] {
			t.Errorf("nothing uses %s", name)
		}
	}
}
