// Package console is the built-in admin page: plain HTML, CSS and JavaScript modules, compiled in. They use nothing but the
// public API of their own node. There is no build step: the browser gets what is in page/, but for the comments in its scripts.
package console

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"regexp"
	"sync"
	"time"
)

//go:embed page
var embedded embed.FS

// policy is the page's Content-Security-Policy: its own files and its own node, and nothing else. The browser never submits
// forms itself, so that a password does not end up in an address if a script did not load.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'none'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// comments finds what a script does not need: lines that are comments, and blocks of such lines.
var comments = regexp.MustCompile(`(?m)^[ \t]*(?://.*|/\*\*(?:[^*]|\*[^/])*\*/)$`)

// Page is the admin page. It is safe for concurrent use.
type Page struct{ files map[string]file }

// read makes the page once for all the nodes of a process.
var read = sync.OnceValues(readPage)

// New returns the page. It returns an error only if the program was built wrongly.
func New() (*Page, error) { return read() }

func readPage() (*Page, error) {
	p := &Page{files: map[string]file{}}
	root, err := fs.Sub(embedded, "page")
	if err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	err = fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		if path.Ext(name) == ".js" {
			content = withoutComments(content)
		}
		sum := sha256.Sum256(content)
		p.files[name] = file{
			name: name, content: content, kind: kindOf(name),
			tag: `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`,
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	p.files[""] = p.files["index.html"]
	return p, nil
}

// withoutComments leaves every line of a script where it is, so that a browser names the same ones as the file has.
func withoutComments(script []byte) []byte {
	return comments.ReplaceAllFunc(script, func(comment []byte) []byte { return bytes.Repeat([]byte("\n"), bytes.Count(comment, []byte("\n"))) })
}

// File returns the handler that serves the file with that name, and whether the file exists. The empty name means the page
// itself.
func (p *Page) File(name string) (http.Handler, bool) {
	f, ok := p.files[name]
	return f, ok
}

// file is one file of the page.
type file struct {
	name, kind, tag string
	content         []byte
}

// ServeHTTP serves the file with headers that isolate the page. Browsers ask every time whether it has changed, so that after
// an update no part of the page is older than the others.
func (f file) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", f.kind)
	h.Set("Content-Security-Policy", policy)
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-cache")
	h.Set("ETag", f.tag)
	http.ServeContent(w, r, f.name, time.Time{}, bytes.NewReader(f.content))
}

// kindOf returns the content type for a file's name. JavaScript and SVG are fixed here because package mime also reads the
// machine's own table, and its types could make browsers refuse a module.
func kindOf(name string) string {
	switch path.Ext(name) {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	}
	return mime.TypeByExtension(path.Ext(name))
}
