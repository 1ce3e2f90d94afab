package browsertest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		os.Exit(child())
	}
	os.Exit(Main(m.Run))
}

// childVariable tells a copy of this test binary to start a browser, print its directory and wait until it is killed.
const childVariable = "BROWSERTEST_CHILD"

// child starts a browser, prints its directory and waits for ever. It returns 1 if it cannot.
func child() int {
	b, err := windowed.get()
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println(b.dir)
	select {}
}

// policy is as strict as that of the admin page.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'"

// site serves a page with this body at / and the script at /page.js, with the policy. /refuse/STATUS answers with that
// status.
func site(t testing.TB, body, script string) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", policy)
		_, _ = fmt.Fprintf(w, `<!doctype html><html lang="en"><head><title>Page</title><link rel="icon" href="/icon"><script type="module" src="/page.js"></script></head>`+
			`<body><main><h1>Catalog</h1>%s</main></body></html>`, body)
	})
	mux.HandleFunc("/page.js", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/javascript")
		_, _ = fmt.Fprint(w, script+"\ndocument.documentElement.dataset.ready = 1;")
	})
	mux.HandleFunc("/icon", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("/refuse/{status}", func(w http.ResponseWriter, r *http.Request) {
		var status int
		_, _ = fmt.Sscan(r.PathValue("status"), &status)
		w.WriteHeader(status)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	return server.URL
}

// visit opens a new page of such a site and waits until its script has run.
func visit(t testing.TB, body, script string) *Page {
	t.Helper()
	p := Open(t, site(t, body, script)+"/", Options{})
	p.WaitFor("the script", "document.documentElement.dataset.ready")
	return p
}

// impatient shortens waits that are meant to fail.
func impatient(p *Page) *Page {
	p.patience = 500 * time.Millisecond
	return p
}

// recorder stands in for a test and records how it went.
type recorder struct {
	testing.TB
	said     []string
	did      string
	cleanups []func()
}

// recorded runs a test to its end, including its cleanups, and returns its failures.
func recorded(t *testing.T, test func(t testing.TB)) []string {
	t.Helper()
	r := &recorder{TB: t}
	r.run(func() { test(r) })
	for _, f := range slices.Backward(r.cleanups) {
		r.run(f)
	}
	return r.said
}

// run runs f, which may end its goroutine.
func (r *recorder) run(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	<-done
}

func (r *recorder) Helper() {}

func (r *recorder) Failed() bool { return len(r.said) > 0 }

func (r *recorder) Logf(string, ...any) {}

func (r *recorder) Cleanup(f func()) { r.cleanups = append(r.cleanups, f) }

func (r *recorder) Errorf(format string, args ...any) {
	r.said = append(r.said, fmt.Sprintf(format, args...))
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	r.did = "fatal"
	runtime.Goexit()
}

func (r *recorder) Fatal(args ...any) { r.Fatalf("%s", fmt.Sprint(args...)) }

func (r *recorder) Skipf(format string, args ...any) {
	r.said = append(r.said, fmt.Sprintf(format, args...))
	r.did = "skip"
	runtime.Goexit()
}

// wantOne fails the test unless there is exactly one sentence, and it contains all of these.
func wantOne(t *testing.T, said []string, parts ...string) {
	t.Helper()
	if len(said) != 1 {
		t.Fatalf("%d sentences, want one with %q:\n%s", len(said), parts, strings.Join(said, "\n"))
	}
	for _, part := range parts {
		if !strings.Contains(said[0], part) {
			t.Errorf("%q is not in:\n%s", part, said[0])
		}
	}
}
