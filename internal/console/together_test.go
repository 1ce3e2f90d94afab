package console_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"

	"fullsync/api/spec"
	"fullsync/internal/auth"
	"fullsync/internal/browsertest"
	"fullsync/internal/effort"
	"fullsync/internal/nodetest"
)

// pull is what the page calls the sync that these tests start.
const pull = "pull from branch into catalog main"

// waitProgress returns once the pull's card shows that percentage.
func waitProgress(page *browsertest.Page, percent int) {
	page.WaitFor(fmt.Sprintf("%d percent", percent), fmt.Sprintf("document.querySelector('#cards progress')?.value === %d", percent))
}

// asked returns how often a page has asked for the state and how often for a stream of events. After an event a page may ask for
// that one session, which does not count.
func asked(page *browsertest.Page) (polls, streams int) {
	for _, address := range page.Requests() {
		switch {
		case strings.HasSuffix(address, nodetest.EventsPath):
			streams++
		case strings.Contains(address, nodetest.StartPath+"?pageSize="):
			polls++
		}
	}
	return polls, streams
}

// TestTwoPeople: each sees what the other does, and by an event: that page does not ask for the state.
func TestTwoPeople(t *testing.T) {
	t.Parallel()
	effort.SkipUnlessHeavy(t)
	pair := newPair(t, nodetest.Postgres, 500, nodetest.Config{})
	gate := pair.Wire.HoldPage(t, nodetest.ProductsPath, 3)
	actor := signIn(t, pair.Main, auth.RoleOperator, browsertest.Options{})
	watcher := signIn(t, pair.Main, auth.RoleViewer, browsertest.Options{})
	watcher.WaitText("No sync has run here yet.")
	polls, streams := asked(watcher)
	// Both pages use this machine's clock.
	browsertest.Eval[bool](actor, `addEventListener("submit", () => { window.acted = Date.now(); }, true), true`)
	browsertest.Eval[bool](watcher, `new MutationObserver(() => {
		if (document.querySelector("#cards [data-status=CANCELLED]")) window.seen ??= Date.now();
	}).observe(document.getElementById("cards"), {subtree: true, childList: true, attributes: true}), true`)

	actor.Button("Start pull").Click()
	nodetest.Await(t, "the third page", gate.Reached)
	for _, page := range []*browsertest.Page{actor, watcher} {
		waitProgress(page, 40)
	}
	actor.Button("Cancel Sync").Click()
	actor.Dialog("Cancel this sync?").Button("Cancel sync").Click()
	for _, page := range []*browsertest.Page{actor, watcher} {
		page.Role("article", "Pull from branch into catalog main").WaitText("CANCELLED")
		page.Find("#history-rows tr").WaitText("operator; cancelled by operator")
		page.Find(`#connection[data-connection="live"]`).Wait()
	}
	if p, s := asked(watcher); p != polls || s != streams {
		t.Errorf("the other page asked %d times for the state and opened %d streams meanwhile", p-polls, s-streams)
	}
	t.Logf("from the click of one to the sight of the other: %d ms",
		browsertest.Eval[int64](watcher, "window.seen")-browsertest.Eval[int64](actor, "window.acted"))
}

// TestAnotherReplica: the page of one replica shows live what another replica is doing.
func TestAnotherReplica(t *testing.T) {
	t.Parallel()
	effort.SkipUnlessHeavy(t)
	pair := newPair(t, nodetest.Postgres, 500, nodetest.Config{ID: nodetest.MainNode})
	gate := pair.Wire.HoldPage(t, nodetest.ProductsPath, 2)
	s := pair.Main.Pull(nodetest.Pull{})
	nodetest.Await(t, "the second page", gate.Reached) // so the replica that is already there is working on it
	other := nodetest.Start(t, nodetest.Config{ID: nodetest.MainNode, Database: pair.Main.Database()})
	page := signIn(t, other, auth.RoleOperator, browsertest.Options{})
	waitProgress(page, 20)
	later := pair.Wire.HoldPage(t, nodetest.ProductsPath, 2)
	gate.Open()
	nodetest.Await(t, "a later page", later.Reached)
	waitProgress(page, 60)

	page.Button("Cancel Sync").Click()
	page.Dialog("Cancel this sync?").Button("Cancel sync").Click()
	page.WaitText("Sync session cancelled successfully. 300 products were committed before; none can follow.")
	nodetest.Await(t, "the end of the worker's request", later.Left)
	if now := pair.Main.Session(s.SessionId); now.Status != spec.CANCELLED || pair.Main.Count("main") != 300 {
		t.Errorf("%d products are here: %s", pair.Main.Count("main"), nodetest.Show(now))
	}
}

// sessionShown returns the id of the session on the first card.
func sessionShown(page *browsertest.Page) spec.SessionID {
	return uuid.MustParse(page.Find("#cards article:first-child code").Text())
}
