package console_test

import (
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"fullsync/internal/console"
)

// largestPage is how many bytes the page may have that a browser loads at once, uncompressed and without pictures: index.html, its
// style, and every module that main.js needs. Pages that few people open are loaded when somebody goes there.
const largestPage = 150_000

// largestPart is how many more bytes such a page may need.
const largestPart = 30_000

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
	seen := 0
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

// later matches what a module loads only when it is needed.
var later = regexp.MustCompile(`await import\("\./([^"]+)"\)`)

// TestThePageIsSmall adds up what a browser has to load at once, and for each page that is loaded later.
func TestThePageIsSmall(t *testing.T) {
	t.Parallel()
	imports := regexp.MustCompile(`(?m)^import (?:.* from )?"(\.\.?/[^"]+)";$`)
	var load func(name string, into map[string]int)
	load = func(name string, into map[string]int) {
		if _, known := into[name]; known {
			return
		}
		body := get(t, name).Body.String()
		into[name] = len(body)
		for _, m := range imports.FindAllStringSubmatch(body, -1) {
			load(path.Join(path.Dir(name), m[1]), into)
		}
	}
	sum := func(files map[string]int) (bytes int) {
		for _, size := range files {
			bytes += size
		}
		return bytes
	}
	page := map[string]int{}
	for _, name := range []string{"index.html", "style.css", "main.js"} {
		load(name, page)
	}
	t.Logf("the page has %d bytes in %d files", sum(page), len(page))
	if sum(page) > largestPage {
		t.Errorf("the page has %d bytes, more than %d", sum(page), largestPage)
	}
	parts := later.FindAllStringSubmatch(get(t, "main.js").Body.String(), -1)
	for _, m := range parts {
		with := maps.Clone(page)
		load(m[1], with)
		more := sum(with) - sum(page)
		t.Logf("%s needs %d bytes more", m[1], more)
		if more == 0 || more > largestPart {
			t.Errorf("%s needs %d bytes more, want some and at most %d", m[1], more, largestPart)
		}
	}
	if len(parts) == 0 {
		t.Error("nothing is loaded later")
	}
}

// TestEveryImportIsThere: a misspelled module would break the page, and only in the browser.
func TestEveryImportIsThere(t *testing.T) {
	t.Parallel()
	imports := regexp.MustCompile(`(?m)^import (?:.* from )?"(\.\.?/[^"]+)";$`)
	links := regexp.MustCompile(`(?:src|href)="([^"]+)"`)
	var names []string
	for _, pattern := range []string{"page/*.*", "page/texts/*"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, found...)
	}
	used := map[string]bool{"page/index.html": true}
	for _, name := range names {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range imports.FindAllStringSubmatch(string(content), -1) {
			used[filepath.Join(filepath.Dir(name), m[1])] = true
		}
		for _, m := range later.FindAllStringSubmatch(string(content), -1) {
			used[filepath.Join("page", m[1])] = true
		}
		for _, m := range links.FindAllStringSubmatch(string(content), -1) {
			if !strings.HasPrefix(m[1], "../") && !strings.HasPrefix(m[1], "#") {
				used[filepath.Join("page", m[1])] = true
			}
		}
	}
	for name := range used {
		if _, err := os.Stat(name); err != nil {
			t.Errorf("the page uses %s: %v", name, err)
		}
	}
	for _, name := range names {
		if !used[name] {
			t.Errorf("nothing uses %s", name)
		}
	}
}
