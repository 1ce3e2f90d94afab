package console_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"fullsync/api/spec"
	"fullsync/internal/auth"
	"fullsync/internal/browsertest"
	"fullsync/internal/effort"
	"fullsync/internal/nodetest"
)

// fill signs in on a page that asks for it, and returns once the page knows the peers to choose from.
func fill(page *browsertest.Page, name string) {
	page.Field("Name").Fill(name)
	page.Field("Password").Fill(password)
	page.Button("Sign in").Click()
	waitDesk(page)
}

// once marks the document, and returns a function that fails the test if the document was loaded again since.
func once(t *testing.T, page *browsertest.Page) (same func()) {
	t.Helper()
	browsertest.Eval[bool](page, "window.loadedOnce = true")
	return func() {
		t.Helper()
		if !browsertest.Eval[bool](page, "window.loadedOnce === true") {
			t.Error("the page was loaded again")
		}
	}
}

// TestEventsHeldBack looks through a proxy that passes on everything except events, as a buffering proxy does.
func TestEventsHeldBack(t *testing.T) {
	t.Parallel()
	effort.SkipUnlessHeavy(t)
	pair := newPair(t, nodetest.SQLite, 500, nodetest.Config{})
	proxy, through := nodetest.NewWire(t, pair.Main.URL()), make(chan struct{})
	release := sync.OnceFunc(func() { close(through) })
	t.Cleanup(release)
	proxy.Reach(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.URL.Path == nodetest.EventsPath {
			select {
			case <-through:
			case <-r.Context().Done():
				return
			}
		}
		next.ServeHTTP(w, r)
	})
	page := browsertest.Open(t, proxy.URL+"/console/", browsertest.Options{})
	fill(page, "operator")
	same := once(t, page)
	const polling = "No live events; asking every 3 seconds"
	page.WaitText(polling)

	gate := pair.Wire.HoldPage(t, nodetest.ProductsPath, 3)
	s := pair.Main.Pull(nodetest.Pull{}) // by somebody else, so that the page has to find out
	nodetest.Await(t, "the third page", gate.Reached)
	waitProgress(page, 40)
	page.WaitText(polling)
	gate.Open()
	pair.Main.WaitEnd(s.SessionId, spec.COMPLETED)
	page.Role("article", "Pull from branch into catalog main").WaitText("COMPLETED")
	page.Find("#history-rows tr").WaitText("500 of 500 products")

	release()
	page.Find(`#connection[data-connection="live"]`).WaitText("Live")
	page.WaitNoText(polling)
	polls, streams := asked(page)
	pair.Main.Sync(nodetest.Pull{})
	page.WaitText("500 of 500 products: 500 unchanged")
	if p, s := asked(page); p != polls || s != streams {
		t.Errorf("it is live again and nevertheless asked %d times and opened %d streams", p-polls, s-streams)
	}
	same()
}

// TestNodeDown stops the node under an open page and starts it again. Meanwhile another replica continues the session and ends
// it.
func TestNodeDown(t *testing.T) {
	t.Parallel()
	pair := newPair(t, nodetest.Postgres, 500, nodetest.Config{ID: nodetest.MainNode})
	gate := pair.Wire.HoldPage(t, nodetest.ProductsPath, 3)
	page := signIn(t, pair.Main, auth.RoleOperator, browsertest.Options{})
	same := once(t, page)
	page.Button("Start pull").Click()
	nodetest.Await(t, "the third page", gate.Reached)
	waitProgress(page, 40)

	other := nodetest.Start(t, nodetest.Config{ID: nodetest.MainNode, Database: pair.Main.Database()})
	page.AllowLostConnections()
	pair.Main.Down()
	page.WaitText("Connection lost; what you see may be old. Trying again…")
	page.Button("Start pull").Click()
	const silent = "The node does not answer. It may or may not have got the request; it is safe to look or to try again."
	page.Find("#start-problem").WaitText(silent)
	page.Button("Cancel Sync").Click()
	page.Dialog("Cancel this sync?").Button("Cancel sync").Click()
	page.Dialog("Cancel this sync?").AnyOfRole("alert").WaitText(silent)
	page.Dialog("Cancel this sync?").Button("Keep running").Click()

	id := page.Find("#cards code").Text()
	other.WaitEnd(uuid.MustParse(id), spec.COMPLETED)
	waitProgress(page, 40) // nobody has told it yet
	pair.RestartMain()
	page.Find(`#connection[data-connection="live"]`).Wait()
	page.Role("article", "Pull from branch into catalog main").WaitText("COMPLETED")
	page.Find("#history-rows tr").WaitText("500 of 500 products")
	if shown := page.Find("#cards code").Text(); shown != id {
		t.Errorf("the card shows session %s, and before %s", shown, id)
	}
	same()
}

// TestLoginsEndUnderAnOpenPage: a login expires, or ends because the user's password was changed. Nobody clicks.
func TestLoginsEndUnderAnOpenPage(t *testing.T) {
	t.Parallel()
	effort.SkipUnlessHeavy(t)
	pair := newPair(t, nodetest.SQLite, 1, nodetest.Config{})
	node := pair.Main
	page := signIn(t, node, auth.RoleViewer, browsertest.Options{})
	allowEndedLogin(page)
	token, err := node.Token("script", auth.RoleViewer, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	// No login is that short, so the page continues with a token for scripts. It is valid for a few seconds longer than it
	// says, for replicas whose clocks differ.
	browsertest.Eval[bool](page, `sessionStorage.setItem("fullsync.token", "`+token+`"), true`)
	page.Reload()
	page.WaitText("You have been signed out. Unauthorized")
	page.WaitFocus("textbox", "Name")
	if strings.Contains(page.Text(), "History") {
		t.Errorf("what was shown is still there: %s", page.Text())
	}

	fill(page, "viewer")
	page.Find(`#connection[data-connection="live"]`).Wait()
	page.WaitNoText("You have been signed out")
	if _, err := node.Users.SetPassword(t.Context(), string(auth.RoleViewer), password+password); err != nil {
		t.Fatal(err)
	}
	page.AllowLostConnections()
	pair.RestartMain() // otherwise the stream would notice within 15 seconds
	page.WaitText("You have been signed out. Unauthorized")
	page.WaitFocus("textbox", "Name")
}

// allowEndedLogin allows that what the page asks by itself is refused, because its login ends.
func allowEndedLogin(page *browsertest.Page) {
	for _, path := range []string{nodetest.MePath, peersPath, nodetest.StartPath, nodetest.EventsPath, "/api/sync/stats"} {
		page.Allow(http.StatusUnauthorized, path)
	}
}

// TestThrottledLogin: after too many failed logins the page says how long to wait.
func TestThrottledLogin(t *testing.T) {
	t.Parallel()
	node := newPair(t, nodetest.SQLite, 1, nodetest.Config{}).Main
	page := open(t, node, browsertest.Options{})
	page.Expect(429, nodetest.LoginPath)
	for range 5 {
		node.TrySignIn("operator", "wrong")
	}
	if _, err := node.Store.SQL().ExecContext(t.Context(), "UPDATE login_attempts SET wait_until = '2100-01-01 00:00:00.000+00:00'"); err != nil {
		t.Fatal(err)
	}
	page.Field("Name").Fill("operator")
	page.Field("Password").Fill(password)
	page.Button("Sign in").Click()
	page.Find("#sign-in-problem").WaitText("Too many failed logins: Too many logins with this name or from this address have failed. Wait ")
	if _, err := node.Store.SQL().ExecContext(t.Context(), "UPDATE login_attempts SET wait_until = last_at"); err != nil {
		t.Fatal(err)
	}
	page.Button("Sign in").Click() // what was typed is still there
	page.Role("heading", "Full sync").Wait()
}
