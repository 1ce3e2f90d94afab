package console_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"fullsync/api/spec"
	"fullsync/internal/auth"
	"fullsync/internal/browsertest"
	"fullsync/internal/effort"
	"fullsync/internal/nodetest"
)

// traffic counts the event streams that are currently open on the way to a node, and holds back requests.
type traffic struct {
	wire *nodetest.Wire

	mu sync.Mutex
	// open are the streams, by the token with which each was opened.
	open map[string]int
	// held are the path endings to hold back, and until when.
	held map[string]chan struct{}
	// waiting is how many requests are held back.
	waiting int
}

// newTraffic returns the traffic on a wire to the node.
func newTraffic(t *testing.T, node *nodetest.Node) *traffic {
	t.Helper()
	c := &traffic{wire: nodetest.NewWire(t, node.URL()), open: map[string]int{}, held: map[string]chan struct{}{}}
	c.wire.Reach(c.pass)
	return c
}

func (c *traffic) pass(w http.ResponseWriter, r *http.Request, next http.Handler) {
	if r.URL.Path == nodetest.EventsPath {
		token := r.Header.Get("Authorization")
		c.count(token, 1)
		defer c.count(token, -1)
	}
	if gate := c.gate(r.URL.Path); gate != nil {
		select {
		case <-gate:
		case <-r.Context().Done():
			return
		}
	}
	next.ServeHTTP(w, r)
}

func (c *traffic) count(token string, by int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open[token] += by; c.open[token] == 0 {
		delete(c.open, token)
	}
}

func (c *traffic) gate(path string) chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	for suffix, gate := range c.held {
		if strings.HasSuffix(path, suffix) {
			c.waiting++
			return gate
		}
	}
	return nil
}

// hold holds back requests whose path has that ending, until the test ends.
func (c *traffic) hold(t *testing.T, suffix string) {
	t.Helper()
	gate := make(chan struct{})
	t.Cleanup(func() { close(gate) })
	c.holdUntil(suffix, gate)
}

// holdUntil is [traffic.hold] until gate is closed.
func (c *traffic) holdUntil(suffix string, gate chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held[suffix] = gate
}

// settle returns once there are that many streams, from that many logins.
func (c *traffic) settle(t *testing.T, streams, logins int) {
	t.Helper()
	has := func() (int, int) {
		c.mu.Lock()
		defer c.mu.Unlock()
		all := 0
		for _, n := range c.open {
			all += n
		}
		return all, len(c.open)
	}
	nodetest.Eventually(t, fmt.Sprintf("%d streams of %d logins", streams, logins), func() bool {
		s, l := has()
		return s == streams && l == logins
	}, func() string {
		s, l := has()
		return fmt.Sprintf("there are %d streams of %d logins", s, l)
	})
}

// enter signs in on a page that has just been opened.
func enter(page *browsertest.Page, name string) *browsertest.Page {
	page.Allow(http.StatusServiceUnavailable, nodetest.EventsPath)
	fill(page, name)
	return page
}

// live returns once the page says "Live".
func live(page *browsertest.Page) { page.Find(`#connection[data-connection="live"]`).WaitText("Live") }

// TestCancelWithTenTabsOpen: each tab has its own login. A browser opens six connections to a node for all of them, and a cancel
// must not wait for a stream to end. Once all ten are visible, once nine are in the background.
func TestCancelWithTenTabsOpen(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		another func(p *browsertest.Page) *browsertest.Page
		tabs    bool
	}{
		"windows": {another: func(p *browsertest.Page) *browsertest.Page {
			return p.OpenWindow("/console/", browsertest.Options{})
		}},
		"tabs": {tabs: true, another: func(p *browsertest.Page) *browsertest.Page {
			return p.OpenTab("/console/", browsertest.Options{})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pair := newPair(t, nodetest.SQLite, 500, nodetest.Config{})
			gate := pair.Wire.HoldPage(t, nodetest.ProductsPath, 3)
			traffic := newTraffic(t, pair.Main)
			first := signInAt(t, traffic.wire.URL, auth.RoleOperator, browsertest.Options{Tabs: c.tabs})
			all := []*browsertest.Page{first}
			for len(all) < 10 {
				page := enter(c.another(first), "operator")
				live(page)
				all = append(all, page)
			}
			traffic.settle(t, 1, 1)

			s := pair.Main.Pull(nodetest.Pull{})
			nodetest.Await(t, "the third page", gate.Reached)
			last := all[len(all)-1]
			seen := all
			if c.tabs {
				seen = all[len(all)-1:]
			}
			for _, page := range seen {
				waitProgress(page, 40)
			}
			last.Button("Cancel Sync").Click()
			last.Dialog(cancelTitle).Button(cancelSync).Click()
			last.WaitText("Sync session cancelled successfully. 200 products were committed before; none can follow.")
			took := browsertest.Eval[float64](last, `performance.getEntriesByType("resource").find((e) => e.name.endsWith("/cancel")).duration`)
			t.Logf("the cancel was answered after %.0f ms", took)
			pair.Main.WaitEnd(s.SessionId, spec.CANCELLED)
			for _, page := range seen {
				card(page).WaitText("CANCELLED")
			}
			first.ToFront()
			row(first, s.SessionId).WaitText("alice; cancelled by operator")
			live(first)
			traffic.settle(t, 1, 1)
		})
	}
}

// TestCancelBesideSlowAnswers: six peers that do not answer are being checked, one for each connection that a browser has.
func TestCancelBesideSlowAnswers(t *testing.T) {
	t.Parallel()
	effort.SkipUnlessHeavy(t)
	pair := newPair(t, nodetest.SQLite, 500, nodetest.Config{})
	gate := pair.Wire.HoldPage(t, nodetest.ProductsPath, 3)
	traffic := newTraffic(t, pair.Main)
	traffic.hold(t, "/check")
	for i := range 6 {
		pair.Main.AddPeer(fmt.Sprint("slow-", i), pair.Wire.URL, pair.Branch.TokenFor("main", auth.RoleNode))
	}
	page := signInAt(t, traffic.wire.URL, auth.RoleAdmin, browsertest.Options{})
	defer page.AllowLostConnections()()
	s := pair.Main.Pull(nodetest.Pull{})
	nodetest.Await(t, "the third page", gate.Reached)
	waitProgress(page, 40)
	visit(page, "Peers")
	for i := range 6 {
		peerRow(page, fmt.Sprint("slow-", i)).Button("Check").Click()
	}
	visit(page, "Overview")
	page.Button("Cancel Sync").Click()
	page.Dialog(cancelTitle).Button(cancelSync).Click()
	page.WaitText("Sync session cancelled successfully.")
	pair.Main.WaitEnd(s.SessionId, spec.CANCELLED)
	if traffic.waiting == 0 {
		t.Error("nothing was held back")
	}
}

// TestAnotherTabTakesOver: if the tab that reads the stream is closed, is hidden, signs out, crashes or falls silent, another
// takes over and misses nothing.
func TestAnotherTabTakesOver(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		goes, back func(leader, cover *browsertest.Page)
		covered    bool // whether there is another tab in the leader's window
	}{
		"closed": {goes: func(leader, _ *browsertest.Page) { leader.Close() }},
		"hidden": {
			goes:    func(_, cover *browsertest.Page) { cover.ToFront() },
			back:    func(leader, _ *browsertest.Page) { leader.ToFront() },
			covered: true,
		},
		"signed out": {goes: func(leader, _ *browsertest.Page) {
			leader.Allow(401, nodetest.StartPath+"/*") // if it is just asking for the session
			leader.Button("Sign out").Click()
			leader.WaitText("Signed out successfully")
		}},
		"crashed": {goes: func(leader, _ *browsertest.Page) { leader.Crash() }},
		"silent": { // like a tab that hangs
			goes: func(leader, _ *browsertest.Page) {
				browsertest.Eval[bool](leader, `window.say = BroadcastChannel.prototype.postMessage, BroadcastChannel.prototype.postMessage = () => {}, true`)
			},
			back: func(leader, _ *browsertest.Page) {
				browsertest.Eval[bool](leader, `BroadcastChannel.prototype.postMessage = window.say, true`)
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pair := newPair(t, nodetest.SQLite, 500, nodetest.Config{})
			traffic := newTraffic(t, pair.Main)
			// The pages are opened from an unrelated one, because pages that a page has opened end with it.
			outside := openAt(t, traffic.wire.URL, browsertest.Options{Tabs: c.covered})
			leader := enter(outside.OpenWindow("/console/", browsertest.Options{}), "operator")
			live(leader)
			var cover *browsertest.Page
			if c.covered {
				cover = outside.OpenTab("/console/", browsertest.Options{}) // in the same window
				leader.ToFront()
				live(leader)
			}
			other := enter(outside.OpenWindow("/console/", browsertest.Options{}), "operator")
			live(other)
			traffic.settle(t, 1, 1)
			if _, streams := asked(other); streams != 0 {
				t.Errorf("the second tab has opened %d streams", streams)
			}

			gate := pair.Wire.HoldPage(t, nodetest.ProductsPath, 3)
			first := pair.Main.Pull(nodetest.Pull{})
			nodetest.Await(t, "the third page", gate.Reached)
			waitProgress(other, 40)
			c.goes(leader, cover)
			gate.Open()
			pair.Main.WaitEnd(first.SessionId, spec.COMPLETED)
			card(other).WaitText("COMPLETED")
			nodetest.Eventually(t, "a stream of the other tab", func() bool { _, streams := asked(other); return streams > 0 }, other.Text)
			live(other)
			pair.Main.Sync(nodetest.Pull{})
			other.WaitText("500 of 500 products: 500 unchanged")
			if c.back == nil {
				traffic.settle(t, 1, 1)
				return
			}
			c.back(leader, cover)
			leader.WaitText("500 of 500 products: 500 unchanged")
			live(leader)
			live(other)
			traffic.settle(t, 1, 1)
		})
	}
}

// TestUsersShareNothing: if there are three users in one browser, two have a stream each and the third polls, because some of the
// six connections must be left. When one of the two signs out, that stream ends and the third user gets one.
func TestUsersShareNothing(t *testing.T) {
	t.Parallel()
	effort.SkipUnlessHeavy(t)
	pair := newPair(t, nodetest.SQLite, 500, nodetest.Config{})
	traffic := newTraffic(t, pair.Main)
	const polling = "No live events; asking every 3 seconds"
	viewer := signInAt(t, traffic.wire.URL, auth.RoleViewer, browsertest.Options{})
	operator := enter(viewer.OpenWindow("/console/", browsertest.Options{}), "operator")
	live(operator)
	traffic.settle(t, 2, 2)
	admin := enter(viewer.OpenWindow("/console/", browsertest.Options{}), "admin")
	admin.WaitText(polling)
	traffic.settle(t, 2, 2)
	s := pair.Main.Sync(nodetest.Pull{})
	for _, page := range []*browsertest.Page{viewer, operator, admin} {
		row(page, s.SessionId).WaitText("500 of 500 products: 500 new")
	}
	traffic.settle(t, 2, 2)

	operator.Button("Sign out").Click()
	operator.WaitText("Signed out successfully")
	live(admin)
	traffic.settle(t, 2, 2)
	live(viewer)
}

// TestALoginEndsThatOnlyListens: the tab does not have its own stream, which would end with its token.
func TestALoginEndsThatOnlyListens(t *testing.T) {
	t.Parallel()
	effort.SkipUnlessHeavy(t)
	pair := newPair(t, nodetest.SQLite, 1, nodetest.Config{})
	traffic := newTraffic(t, pair.Main)
	leader := signInAt(t, traffic.wire.URL, auth.RoleViewer, browsertest.Options{})
	other := enter(leader.OpenWindow("/console/", browsertest.Options{}), "viewer")
	live(other)
	allowEndedLogin(other)
	token := browsertest.Eval[string](other, `sessionStorage.getItem("fullsync.token")`)
	if a, err := pair.Main.Raw(t.Context(), token, http.MethodPost, "/api/auth/logout", ""); err != nil || a.Status != http.StatusOK {
		t.Fatalf("signing out: %v %d %s", err, a.Status, a.Body)
	}
	other.WaitText("You have been signed out. Unauthorized")
	live(leader)
	traffic.settle(t, 1, 1)
}

// TestABrowserThatCannotShare: it cannot agree with its other tabs, so it polls.
func TestABrowserThatCannotShare(t *testing.T) {
	t.Parallel()
	effort.SkipUnlessHeavy(t)
	pair := newPair(t, nodetest.SQLite, 500, nodetest.Config{})
	traffic := newTraffic(t, pair.Main)
	page := openAt(t, traffic.wire.URL, browsertest.Options{Before: "delete window.BroadcastChannel"})
	fill(page, "viewer")
	page.WaitText("No live events; asking every 3 seconds")
	s := pair.Main.Sync(nodetest.Pull{})
	row(page, s.SessionId).WaitText("500 of 500 products: 500 new")
	if _, streams := asked(page); streams != 0 {
		t.Errorf("it has opened %d streams", streams)
	}
}
