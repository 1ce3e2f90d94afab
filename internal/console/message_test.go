package console_test

import (
	"net/http"
	"strings"
	"testing"

	"fullsync/api/spec"
	"fullsync/internal/auth"
	"fullsync/internal/browsertest"
	"fullsync/internal/nodetest"
)

// TestFailuresStayUntilTheyAreRead: neither another failure nor a success removes a failure. Only a person does, by dismissing it
// or doing the next thing.
func TestFailuresStayUntilTheyAreRead(t *testing.T) {
	t.Parallel()
	pair := newPair(t, nodetest.SQLite, 1, nodetest.Config{})
	pair.Main.AddPeer("one", pair.Wire.URL, pair.Branch.TokenFor("main", auth.RoleNode))
	pair.Main.AddPeer("two", pair.Wire.URL, pair.Branch.TokenFor("main", auth.RoleNode))
	toMain := nodetest.NewWire(t, pair.Main.URL())
	page := signInAt(t, toMain.URL, auth.RoleAdmin, browsertest.Options{})
	visit(page, "Peers")
	arrived, release := make(chan struct{}, 2), map[string]chan struct{}{"one": make(chan struct{}), nodetest.Branch: make(chan struct{})}
	toMain.Reach(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		for id, through := range release {
			if strings.HasSuffix(r.URL.Path, id+"/check") {
				arrived <- struct{}{}
				select {
				case <-through:
				case <-r.Context().Done():
				}
			}
		}
		next.ServeHTTP(w, r)
	})
	failures := page.Find("#failures")
	failed := func(id string) string { return "Node branch answers at the URL of peer " + id }
	for _, id := range []string{"one", nodetest.Branch} {
		peerRow(page, id).Button("Check").Click()
		nodetest.Await(t, "the check of "+id, arrived)
	}
	peerRow(page, "two").Button("Check").Click()
	failures.WaitText(failed("two"))
	close(release["one"])
	failures.WaitText(failed("one"))
	close(release[nodetest.Branch])
	page.Find("#news").WaitText("Peer branch answered in")
	for _, id := range []string{"one", "two"} {
		if text := failures.Text(); !strings.Contains(text, failed(id)) {
			t.Errorf("the failure of %s is gone; there is %q", id, text)
		}
	}
	accessible(page)

	page.Find("#failures div:first-child").Button("Dismiss").Click()
	page.WaitFor("one failure", `document.querySelectorAll("#failures p").length === 1`)
	failures.WaitText(failed("one"))
	page.WaitFocus("heading", "Peers")
	peerRow(page, nodetest.Branch).Button("Check").Click()
	page.WaitFor("no failure", `document.querySelectorAll("#failures p").length === 0`)
}

// TestAFailedCardStays: even if the next sync comes, unless this person started it.
func TestAFailedCardStays(t *testing.T) {
	t.Parallel()
	pair := newPair(t, nodetest.SQLite, 10, nodetest.Config{})
	page := signIn(t, pair.Main, auth.RoleOperator, browsertest.Options{})
	gate := pair.Wire.HoldPage(t, nodetest.WhoPath, 1)
	first := pair.Main.Pull(nodetest.Pull{})
	card(page).Wait() // a session that ends before the page has seen it gets no card
	nodetest.Await(t, "the question how much there is", gate.Reached)
	pair.Wire.Reach(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { w.WriteHeader(http.StatusBadGateway) })
	gate.Open()
	pair.Main.WaitEnd(first.SessionId, spec.FAILED)
	page.Find("#cards article.card[data-status=FAILED]").Wait()
	gate = pair.Wire.HoldPage(t, nodetest.ProductsPath, 1)
	second := pair.Main.Pull(nodetest.Pull{})
	page.Find("#cards article.card[data-status=TRANSFERRING]").Wait()
	gate.Open()
	pair.Main.WaitEnd(second.SessionId, spec.COMPLETED)
	page.Find("#cards article.card[data-status=COMPLETED]").Wait()
	page.Find("#cards article.card[data-status=FAILED]").Wait()

	gate = pair.Wire.HoldPage(t, nodetest.ProductsPath, 1)
	startForm(page).Button("Start pull").Click()
	page.Find("#cards article.card[data-status=TRANSFERRING]").Wait()
	page.Find("#cards article.card[data-status=FAILED]").WaitGone()
	gate.Open()
}
