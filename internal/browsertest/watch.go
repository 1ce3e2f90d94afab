package browsertest

import (
	"encoding/json"
	"fmt"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/inspector"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/target"
)

// watch notes things that must not happen on a page. Events come from chromedp's goroutine, in the order in which the browser
// sent them.
type watch struct {
	host string
	// crashed is closed when the page has crashed.
	crashed chan struct{}

	mu         sync.Mutex
	problems   []string
	requests   []string
	allowances []*allowance
	// losing counts the current reasons why lost connections are fine.
	losing int
}

// allowance lets the browser's own lines about failed requests pass.
type allowance struct {
	status  string
	path    string
	must    bool
	matched bool
}

// newWatch returns the watch for a page that may talk only to host (name and port).
func newWatch(host string) *watch { return &watch{host: host, crashed: make(chan struct{})} }

// failedStatus finds the status in the browser's line about an answer that it considers an error. If the same path had
// several answers, there is no other way to tell which line is about which answer.
var failedStatus = regexp.MustCompile(`^Failed to load resource: the server responded with a status of (\d+)`)

// Expect announces that the node will answer a request to a path with this status of 400 or above. The browser itself
// reports that as an error: such lines pass, and the test fails if there are none. The path belongs to this origin and has
// no query; it may be a pattern of [path.Match].
func (p *Page) Expect(status int, path string) { p.watch.allow(status, path, true) }

// Allow is like [Page.Expect], for an answer that may or may not come.
func (p *Page) Allow(status int, path string) { p.watch.allow(status, path, false) }

// AllowLostConnections lets the browser's lines about refused and broken connections pass from now until the test calls the
// returned function, or closes the page: for a node that is down on purpose.
func (p *Page) AllowLostConnections() (enough func()) {
	w := p.watch
	w.mu.Lock()
	defer w.mu.Unlock()
	w.losing++
	return sync.OnceFunc(func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.losing--
	})
}

// Requests returns the addresses of all the page's requests so far, in order, including websockets.
func (p *Page) Requests() []string {
	p.watch.mu.Lock()
	defer p.watch.mu.Unlock()
	return slices.Clone(p.watch.requests)
}

// TakeProblems returns what was noted about the page so far, in sentences, and forgets it. It is for tests of things that
// must be refused. What it returns does not fail the test by itself.
func (p *Page) TakeProblems() []string {
	p.t.Helper()
	if err := p.catchUp(); err != nil {
		p.t.Fatalf("looking what was noted about the page: %v", err)
	}
	p.watch.mu.Lock()
	defer p.watch.mu.Unlock()
	taken := p.watch.problems
	p.watch.problems = nil
	return taken
}

// allow adds an allowance.
func (w *watch) allow(status int, path string, must bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.allowances = append(w.allowances, &allowance{status: fmt.Sprint(status), path: path, must: must})
}

// verdict returns the problems of the page, in sentences.
func (w *watch) verdict() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	said := slices.Clone(w.problems)
	for _, a := range w.allowances {
		if a.must && !a.matched {
			said = append(said, fmt.Sprintf("the answer %s to %s was expected, but did not come", a.status, a.path))
		}
	}
	return said
}

// see handles one event.
func (w *watch) see(event any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeAssert {
			w.note("console error: %s", spoken(e.Args))
		}
	case *runtime.EventExceptionThrown:
		w.note("uncaught exception: %s", thrown(e.ExceptionDetails))
	case *log.EventEntryAdded:
		w.entry(e.Entry)
	case *audits.EventIssueAdded:
		if d := e.Issue.Details.ContentSecurityPolicyIssueDetails; d != nil {
			w.note("violation of the Content-Security-Policy: %s %s (%s)", d.ViolatedDirective, d.BlockedURL, d.ContentSecurityPolicyViolationType)
		}
	case *network.EventRequestWillBeSent:
		w.request(e.Request.URL)
	case *network.EventWebSocketCreated:
		w.request(e.URL)
	case *network.EventWebTransportCreated:
		w.request(e.URL)
	case *page.EventWindowOpen:
		w.note("opened another window, %s, which nobody watches", e.URL)
	case *page.EventJavascriptDialogOpening:
		w.note("opened the browser's own %s dialog, which stops the page: %s", e.Type, e.Message)
	case *target.EventAttachedToTarget:
		w.note("started a %s, %s, which nobody watches", e.TargetInfo.Type, e.TargetInfo.URL)
	case *inspector.EventTargetCrashed:
		w.note("crashed")
		close(w.crashed)
	}
}

// note records a problem.
func (w *watch) note(format string, args ...any) {
	w.problems = append(w.problems, fmt.Sprintf(format, args...))
}

// entry handles a line that the browser itself wrote to the console.
func (w *watch) entry(e *log.Entry) {
	if e.Level != log.EntryLevelError || e.Source == log.EntrySourceNetwork && w.allowed(e) {
		return
	}
	w.note("console error of the browser: %s (%s)", e.Text, e.URL)
}

// allowed reports whether a line about a failed request may pass.
func (w *watch) allowed(e *log.Entry) bool {
	at, err := url.Parse(e.URL)
	if err != nil || at.Host != w.host {
		return false
	}
	status := failedStatus.FindStringSubmatch(e.Text)
	if status == nil {
		return w.losing > 0 && strings.Contains(e.Text, "net::ERR_")
	}
	passes := false
	for _, a := range w.allowances {
		if same, _ := path.Match(a.path, at.Path); a.status == status[1] && (same || a.path == at.Path) {
			a.matched, passes = true, true
		}
	}
	return passes
}

// request handles the address of a request. Addresses that contain their own content go nowhere.
func (w *watch) request(address string) {
	w.requests = append(w.requests, address)
	at, err := url.Parse(address)
	if err == nil && (at.Host == w.host || slices.Contains([]string{"data", "blob", "about"}, at.Scheme)) {
		return
	}
	w.note("request to another origin: %.300s", address)
}

// spoken returns the arguments of a console call as text.
func spoken(args []*runtime.RemoteObject) string {
	var words []string
	for _, a := range args {
		var text string
		switch {
		case json.Unmarshal(a.Value, &text) == nil:
		case a.Description != "":
			text = a.Description
		default:
			text = string(a.Value)
		}
		words = append(words, text)
	}
	return strings.Join(words, " ")
}

// thrown returns an exception as text.
func thrown(d *runtime.ExceptionDetails) string {
	text := d.Text
	if d.Exception != nil {
		text += " " + spoken([]*runtime.RemoteObject{d.Exception})
	}
	return fmt.Sprintf("%s (%s:%d)", text, d.URL, d.LineNumber+1)
}
