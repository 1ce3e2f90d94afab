package app_test

import (
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"fullsync/api/spec"
	"fullsync/internal/certtest"
	"fullsync/internal/nodetest"
)

// packed returns text packed with gzip.
func packed(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// sends sends an answer of a type.
func sends(kind, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		_, _ = w.Write([]byte(body))
	}
}

// onPages answers a list by the number of its page.
func onPages(pages ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		for i, page := range pages {
			if r.URL.Query().Get("page") == fmt.Sprint(i+1) {
				_, _ = w.Write([]byte(page))
				return
			}
		}
		http.NotFound(w, r)
	}
}

const (
	onePage  = `[{"id":1,"name":"One"},{"id":2,"name":"Two"}]`
	nextPage = `[{"id":3,"name":"Three"},{"id":4,"name":"Four"}]`
)

// TestBadFeeds each fail with a sentence that says what happened. Nothing is changed, and nothing deleted.
func TestBadFeeds(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	quiet := func(s *httptest.Server) *httptest.Server { // what it would log is what the test is about
		s.Config.ErrorLog = log.New(io.Discard, "", 0)
		return s
	}
	untrusted := quiet(httptest.NewUnstartedServer(sends("text/csv", "id,name\n1,One\n")))
	untrusted.StartTLS()
	t.Cleanup(untrusted.Close)
	past := quiet(httptest.NewUnstartedServer(sends("text/csv", "id,name\n1,One\n")))
	expired, err := certtest.Past()
	if err != nil {
		t.Fatal(err)
	}
	past.TLS = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{expired}}
	past.StartTLS()
	t.Cleanup(past.Close)

	rows := []struct {
		name, path, sentence string
		answer               http.HandlerFunc
	}{
		{"login", "", "is a web page (HTML)", sends("text/html", "<!DOCTYPE html><html><body>Sign in</body></html>")},
		{"login-redirect", "", "is a web page (HTML)", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/login", http.StatusFound) }},
		{"empty", "", "holds no products", sends("text/csv", "")},
		{"only-header", "", "holds no products", sends("text/csv", "id,name\n")},
		{"empty-list", "", "holds no products", sends("application/json", "[]")},
		{"empty-object", "", "holds no products", sends("application/json", `{"products":[],"count":0}`)},
		{"half", "", "sent half an answer", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = w.Write([]byte("id,name\n1,One\n2,Tw"))
		}},
		{"half-list", "", "ends in the middle", sends("application/json", `[{"id":1,"name":"One"},{"id":2,"na`)},
		{"bomb", "", "unpacks to more than", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/gzip")
			// Packing 80 MB at once takes a busy machine longer than a node waits.
			_, _ = w.Write(append(packed(t, "id,name\n1,"), bytes.Repeat(packed(t, strings.Repeat("a", 1<<20)), 80)...))
		}},
		{"circle", "", "redirects more than 5 times", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/circle", http.StatusFound) }},
		{"metadata", "", "never connects to those", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://169.254.169.254/latest", http.StatusFound)
		}},
		{"to-file", "", "no plain web address", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "file:///etc/passwd", http.StatusFound)
		}},
		{"gone", "", "there is nothing at its URL (410)", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGone) }},
		{"refused", "", "asks who we are (401)", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }},
		{"broken", "", "answers with 500", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }},
		{"not-asked", "", "(304), although it was not asked", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotModified) }},
		{"part", "", "2 of 90 products, and does not say where the others are", sends("application/json", `{"products":`+onePage+`,"total":90}`)},
		{"same-page", "?page=1", "is the same as the one before", sends("application/json", onePage)},
		{"login-page", "?page=1", "page 2 of its list is no list", onPages(onePage, "<html>Sign in</html>")},
		{"error-page", "?page=1", `page 2 of its list is an error of its server: "Too deep"`, onPages(`{"data":`+onePage+`}`, `{"errors":[{"message":"Too deep"}],"data":null}`)},
		{"lost-page", "?page=1", "there is nothing at its URL (404)", onPages(onePage, nextPage)},
		{"moved", "", "another number of products now", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Wp-Totalpages", "2")
			w.Header().Set("X-Wp-Total", map[bool]string{true: "3", false: "4"}[r.URL.Query().Get("page") == "2"])
			sends("application/json", onePage)(w, r)
		}},
		{"elsewhere", "", "is on another host", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Link", `<https://elsewhere.example/p?page=2>; rel="next"`)
			sends("application/json", onePage)(w, r)
		}},
		{"no-name", "", "has no column for the product's name", sends("text/csv", "id,colour\n1,red\n")},
	}
	main := nodetest.Start(t, nodetest.Config{})
	main.Import("main", nodetest.Product(t, `{"id":"1","name":"here"}`))
	expect := func(name, url, sentence string) {
		t.Helper()
		addFeed(t, main, name, url, "")
		s := main.WaitEnd(main.Pull(nodetest.Pull{Peer: name, Options: spec.StartOptions{DeleteMissing: new(true)}}).SessionId, spec.FAILED)
		said := value(s.ErrorMessage)
		if !strings.Contains(said, sentence) || !strings.Contains(said, name) || !strings.ContainsAny(said[len(said)-1:], ".?") || strings.Contains(said, "127.0.0.1") {
			t.Errorf("%s: %s: %s", name, value(s.ErrorCode), said)
		}
	}
	for _, row := range rows {
		mux.HandleFunc("/"+row.name, row.answer)
		expect(row.name, server.URL+"/"+row.name+row.path, row.sentence)
	}
	expect("untrusted", untrusted.URL, "signed by nobody whom this node trusts")
	expect("past", past.URL, "has expired")
	expect("no-tls", strings.Replace(server.URL, "http:", "https:", 1), "does not speak https")
	expect("nobody", "http://127.0.0.1:1/feed", "cannot be reached")
	if p := main.Products("main"); len(p) != 1 || p[0].Name != "here" {
		t.Errorf("products = %+v", p)
	}
	if p := main.Peer("empty"); !strings.Contains(value(p.LastError), "holds no products") {
		t.Errorf("the list of peers says of an empty feed: %v", p.LastError)
	}
}

// TestPagesOfLists are found by what a list says of itself, or counted to. Some shops need no credentials.
func TestPagesOfLists(t *testing.T) {
	t.Parallel()
	items := func(from, to int) string {
		var all []string
		for i := from; i < to; i++ {
			all = append(all, fmt.Sprintf(`{"id":"p-%02d","name":"Product %d"}`, i, i))
		}
		return "[" + strings.Join(all, ",") + "]"
	}
	// numbered returns a number in the query, or another one.
	numbered := func(r *http.Request, name string, otherwise int) int {
		n := otherwise
		_, _ = fmt.Sscan(r.URL.Query().Get(name), &n)
		return n
	}
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	part := func(r *http.Request, name string) (from, to int) {
		from = min(numbered(r, name, 0), 25)
		return from, min(from+10, 25)
	}
	for path, body := range map[string]func(*http.Request) string{
		"/page": func(r *http.Request) string { n := min(10*numbered(r, "page", 1), 35); return items(n-10, min(n, 25)) },
		"/medusa": func(r *http.Request) string {
			from, to := part(r, "offset")
			return fmt.Sprintf(`{"products":%s,"count":25,"offset":%d,"limit":10}`, items(from, to), from)
		},
		"/link": func(r *http.Request) string {
			from, to := part(r, "from")
			next := "null"
			if to < 25 {
				next = fmt.Sprintf(`"/link?from=%d"`, to)
			}
			return fmt.Sprintf(`{"count":25,"next":%s,"results":%s}`, next, items(from, to))
		},
		"/graphql": func(r *http.Request) string {
			var from int
			_, _ = fmt.Sscanf(r.URL.Query().Get("variables"), `{"skip":%d}`, &from)
			from = min(from, 25)
			return fmt.Sprintf(`{"data":{"products":{"totalItems":25,"items":%s}}}`, items(from, min(from+10, 25)))
		},
	} {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("X-Key") != "k" && r.URL.Query().Get("key") != "k" {
				w.WriteHeader(http.StatusForbidden)
				return
			}
			sends("application/json", body(r))(w, r)
		})
	}
	main := nodetest.Start(t, nodetest.Config{})
	for i, query := range []string{"/page?page=1", "/page?page={page}", "/medusa", "/medusa?offset=0", "/link", `/graphql?query=q&variables=%7B%22skip%22%3A{offset}%7D`} {
		name, auth := fmt.Sprintf("list-%d", i), []string{`{"kind":"header","name":"X-Key","value":"k"}`, `{"kind":"query","name":"key","value":"k"}`}[i%2]
		addFeed(t, main, name, server.URL+query, fmt.Sprintf(`,"auth":%s,"catalog":%q`, auth, name))
		s := main.Sync(nodetest.Pull{Peer: name, Catalog: name})
		if s.Created != 25 || main.Count(name) != 25 {
			t.Errorf("%s: %d created", query, s.Created)
		}
	}
}
