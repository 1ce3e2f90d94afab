package browsertest

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// TestWhatMustNotHappenIsCaught runs one misbehaving page for each case.
func TestWhatMustNotHappenIsCaught(t *testing.T) {
	t.Parallel()
	Require(t)
	for _, c := range []struct {
		name, body, script string
		want               []string
	}{
		{"a console error", "", `console.error("no", 2, new Error("three"))`, []string{"console error: no 2 Error: three"}},
		{"a failed assertion", "", `console.assert(false, "of this")`, []string{"console error: of this"}},
		{"an exception", "", `setTimeout(() => { throw new Error("lost") })`, []string{"uncaught exception: Uncaught Error: lost", "/page.js:1"}},
		{"a rejection", "", `Promise.reject(new Error("lost"))`, []string{"uncaught exception: Uncaught (in promise) Error: lost"}},
		{"an answer of 404", "", `await fetch("/refuse/404")`, []string{"status of 404", "/refuse/404"}},
		{"a new window", "", `window.open("/other")`, []string{"opened another window", "/other"}},
		{"an inline script", `<script>document.title = "no"</script>`, "", []string{"Content-Security-Policy: script-src-elem"}},
		{"an inline style", `<p style="color: red">red</p>`, "", []string{"Content-Security-Policy: style-src-attr"}},
		{"an evaluated script", "", `try { eval("1") } catch {}`, []string{"Content-Security-Policy: script-src"}},
		{"a picture from elsewhere", `<img alt="no" src="http://elsewhere.example/p.png">`, "", []string{"elsewhere.example/p.png"}},
		{"a request to elsewhere", "", `await fetch("http://elsewhere.example/x").catch(() => {})`, []string{"elsewhere.example/x"}},
		{"a websocket to elsewhere", "", `try { new WebSocket("ws://elsewhere.example/w") } catch {}`, []string{"elsewhere.example/w"}},
		// A worker that has not begun when the page is closed does nothing, and nobody hears of it. This one fails once it
		// runs, because it has no document.
		{"a worker", "", `await new Promise((begun) => { new Worker("/page.js").onerror = begun })`, []string{"worker"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			said := recorded(t, func(t testing.TB) { visit(t, c.body, c.script) })
			for _, part := range c.want {
				if !slices.ContainsFunc(said, func(s string) bool { return strings.Contains(s, part) }) {
					t.Errorf("%q is not in:\n%s", part, strings.Join(said, "\n"))
				}
			}
			t.Logf("said:\n%s", strings.Join(said, "\n"))
		})
	}
}

// TestRequestsToElsewhereAreCaughtWithoutAPolicy: even if no policy of the page stops them.
func TestRequestsToElsewhereAreCaughtWithoutAPolicy(t *testing.T) {
	t.Parallel()
	Require(t)
	for name, script := range map[string]string{
		"fetch":      `fetch("http://elsewhere.example/x").catch(() => {})`,
		"beacon":     `navigator.sendBeacon("http://elsewhere.example/x")`,
		"websocket":  `new WebSocket("ws://elsewhere.example/x")`,
		"events":     `new EventSource("http://elsewhere.example/x")`,
		"picture":    `new Image().src = "http://elsewhere.example/x"`,
		"other port": `fetch("http://127.0.0.1:1/elsewhere.example/x").catch(() => {})`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/html")
				_, _ = w.Write([]byte("<!doctype html><link rel=icon href=data:,><script>" + script + "</script>"))
			}))
			defer server.Close()
			said := recorded(t, func(t testing.TB) { Open(t, server.URL+"/", Options{}) })
			if !slices.ContainsFunc(said, func(s string) bool {
				return strings.Contains(s, "request to another origin: ") && strings.Contains(s, "elsewhere.example/x")
			}) {
				t.Errorf("said:\n%s", strings.Join(said, "\n"))
			}
		})
	}
}

func TestAnnouncedAnswersPass(t *testing.T) {
	t.Parallel()
	p := visit(t, "", "")
	p.Expect(409, "/refuse/409")
	p.Allow(401, "/refuse/*")
	for _, status := range []string{"409", "409", "401"} {
		Eval[int](p, `fetch("/refuse/`+status+`?catalog=main").then(r => r.status)`)
	}
	if n := len(p.Requests()); n < 4 {
		t.Errorf("%d requests, want those of the page and three more: %q", n, p.Requests())
	}
}

func TestOtherAnswersDoNotPass(t *testing.T) {
	t.Parallel()
	Require(t)
	wantOne(t, recorded(t, func(t testing.TB) {
		p := visit(t, "", "")
		p.Allow(409, "/refuse/*")
		p.Allow(403, "/elsewhere")
		Eval[int](p, `fetch("/refuse/403").then(r => r.status)`)
	}), "status of 403")
	wantOne(t, recorded(t, func(t testing.TB) { visit(t, "", "").Expect(409, "/refuse/409") }),
		"the answer 409 to /refuse/409 was expected, but did not come")
}

func TestTakenProblemsDoNotFailTheTest(t *testing.T) {
	t.Parallel()
	Require(t)
	wantOne(t, recorded(t, func(r testing.TB) {
		p := visit(r, "", "")
		Eval[bool](p, `console.error("wanted"), true`)
		wantOne(t, p.TakeProblems(), "console error: wanted")
		Eval[bool](p, `console.error("unwanted"), true`)
	}), "console error: unwanted")
}

func TestLostConnectionsPassOnlyWhileAllowed(t *testing.T) {
	t.Parallel()
	Require(t)
	lost := `fetch("/").then(() => false, () => true)`
	try := func(t testing.TB, f func(p *Page)) {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = w.Write([]byte("<!doctype html><link rel=icon href=data:,>"))
		}))
		p := Open(t, server.URL+"/", Options{})
		server.CloseClientConnections()
		server.Close()
		f(p)
	}
	try(t, func(p *Page) {
		enough := p.AllowLostConnections()
		if !Eval[bool](p, lost) {
			t.Error("the connection is not lost")
		}
		enough()
	})
	wantOne(t, recorded(t, func(t testing.TB) {
		try(t, func(p *Page) {
			p.AllowLostConnections()()
			Eval[bool](p, lost)
		})
	}), "net::ERR_CONNECTION_REFUSED")
}
