// Package browsertest drives a real Chromium in tests. A test opens a [Page] with [Open], finds things on it as people
// do, by role and accessible name or by label, and uses real mouse and key events:
//
//	page := browsertest.Open(t, node.URL()+"/console/", browsertest.Options{})
//	page.Field("Name").Fill("admin")
//	page.Button("Sign in").Click()
//	page.WaitText("Signed in as admin")
//
// Everything waits, up to [Patience], until what it looks for appears. If that does not happen, the test fails with a
// sentence that says what the page shows instead. While a modal dialog is open, nothing on the page behind it can be
// found, just as nobody can reach it.
//
// Every page is watched for its whole life. At its end the test fails for each console error, uncaught exception,
// violation of the Content-Security-Policy and request to another origin, unless it was announced with [Page.Expect],
// [Page.Allow] or [Page.AllowLostConnections].
//
// The pages of a test process share one browser, which [Main] stops: Chromium's headless shell if it is installed, because it is
// much quicker, or else Chromium itself. Each page has its own profile, so two pages are
// two people at two machines; [Page.OpenTab] and [Page.OpenWindow] open more pages for the same person. If no Chromium
// is installed, the test is skipped with a line that says what to install; with FULLSYNC_REQUIRE_BROWSER=1 it fails
// instead. A browser never outlives its test process, even if that is killed.
package browsertest

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"
)

// RequireVariable names the environment variable that turns "skipped, no Chromium here" into a failure when it is set
// to 1.
const RequireVariable = "FULLSYNC_REQUIRE_BROWSER"

// Patience bounds every wait of this package. It is generous because a test machine may be busy; most waits take
// milliseconds.
const Patience = 30 * time.Second

// errNotInstalled is returned when this machine has no browser.
var errNotInstalled = errors.New("no Chromium on this machine (chromium, chromium-browser, google-chrome or chrome in PATH); " +
	"apt-get install chromium")

// The browsers that the tests of this process share: one for most pages, and one with windows for [Options.Tabs]. They are
// package state because they belong to the process.
var (
	process  = shared{programs: quick}
	windowed = shared{programs: full}
)

// shared starts a browser at the first request, and returns the same one, or the same error, from then on.
type shared struct {
	programs []string

	mu      sync.Mutex
	browser *browser
	err     error
}

// Main calls run, which runs the tests of a package, and then stops the browsers they shared, if any. Use it as
//
//	func TestMain(m *testing.M) { os.Exit(browsertest.Main(m.Run)) }
//
// or, if the tests run nodes too, with func() int { return nodetest.Main(m) } in place of m.Run. Without it the browser
// still ends with the process, but nobody waits for it.
func Main(run func() int) int {
	code := run()
	if err := errors.Join(process.close(), windowed.close()); err != nil {
		fmt.Fprintln(os.Stderr, "browsertest: stopping the browser:", err)
		if code == 0 {
			code = 1
		}
	}
	return code
}

// Require skips the test if there is no browser (see [RequireVariable]); [Open] does the same. It is for tests that want
// to know before they start the node that a browser will look at.
func Require(t testing.TB) {
	t.Helper()
	if _, err := process.get(); err != nil {
		missing(t, err)
	}
}

// get returns the shared browser, starting it at the first call.
func (s *shared) get() (*browser, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.browser == nil && s.err == nil {
		s.browser, s.err = start(s.programs)
	}
	return s.browser, s.err
}

// close stops the shared browser, if it was started.
func (s *shared) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.browser == nil {
		return nil
	}
	return s.browser.close()
}

// missing ends the test: it is skipped if no browser is installed and none is required, and fails otherwise.
func missing(t testing.TB, err error) {
	t.Helper()
	if errors.Is(err, errNotInstalled) && !required() {
		t.Skipf("skipped: %v", err)
	}
	t.Fatalf("browsertest: %v", err)
}

// required reports whether something missing must fail a test instead of skipping it.
func required() bool { return os.Getenv(RequireVariable) == "1" }
