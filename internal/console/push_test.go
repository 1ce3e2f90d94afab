package console_test

import (
	"net/http"
	"testing"

	"github.com/google/uuid"

	"fullsync/api/spec"
	"fullsync/internal/auth"
	"fullsync/internal/browsertest"
	"fullsync/internal/effort"
	"fullsync/internal/nodetest"
)

// What the pages call a push of a [nodetest.Pair]: at main, and at the branch.
const (
	thePush    = "Push to branch from catalog main"
	pushedHere = "Pushed here by main into catalog main"
)

// newPushingPair is a pair whose main node has the products and may push to the branch, where an operator can sign in too.
func newPushingPair(t *testing.T, count int) *nodetest.Pair {
	t.Helper()
	pair := newPair(t, nodetest.SQLite, 0, nodetest.Config{})
	pair.Main.Fill("main", count)
	pair.Branch.AddUser(string(auth.RoleOperator), auth.RoleOperator, password)
	pair.Branch.AddPeer(nodetest.MainNode, pair.Main.URL(), pair.Main.TokenFor(nodetest.Branch, auth.RoleNode))
	token := pair.Branch.TokenFor(nodetest.MainNode, auth.RoleNodePush)
	pair.Main.ChangePeer(nodetest.Branch, spec.PeerChange{Token: &token})
	return pair
}

// choosePush makes the start form one for a push in batches of ten products.
func choosePush(page *browsertest.Page) {
	form := startForm(page)
	form.Field("Direction").Choose("Push to a peer")
	form.Role("DisclosureTriangle", "Options").Click()
	form.Field("Products per batch").Fill("10")
}

// idOf returns the session that an element shows.
func idOf(t *testing.T, card *browsertest.Element) spec.SessionID {
	t.Helper()
	id, err := uuid.Parse(card.Find("code").Text())
	if err != nil {
		t.Fatalf("the card's session id: %v", err)
	}
	return id
}

// TestPushOnBothPages starts a push, watches it on the pages of both nodes, and cancels it at its target.
func TestPushOnBothPages(t *testing.T) {
	t.Parallel()
	pair := newPushingPair(t, 100)
	gate := pair.Wire.HoldPage(t, nodetest.BatchesPath, 4)
	here := signIn(t, pair.Main, auth.RoleOperator, browsertest.Options{})
	there := signIn(t, pair.Branch, auth.RoleOperator, browsertest.Options{})
	choosePush(here)
	accessible(here)
	startForm(here).Field("Push to").Wait()
	startForm(here).Button("Start push").Click()
	here.WaitText("Full sync push initiated successfully")
	nodetest.Await(t, "the fourth batch", gate.Reached)
	sent, received := here.Role("article", thePush), there.Role("article", pushedHere)
	for _, card := range []*browsertest.Element{sent, received} {
		card.WaitText("30 of 100 products")
		card.WaitText("by operator")
	}
	id := idOf(t, received)
	if sentID := idOf(t, sent); sentID != id {
		t.Errorf("main shows session %s, the branch %s", sentID, id)
	}
	row(here, id).WaitText("push to branch from catalog main")
	row(there, id).WaitText("pushed here by main into catalog main")

	received.Button("Cancel Sync").Click()
	question := there.Dialog(cancelTitle)
	question.WaitText("The push by main into catalog main stops at once.")
	question.Field("Reason (optional)").Fill("not now")
	question.Button(cancelSync).Click()
	there.WaitText("Sync session cancelled successfully. 30 products were committed before; none can follow.")
	gate.Open()
	accessible(there)
	sent.WaitText("finished Cancelled by operator: not now")
	if s := pair.Main.WaitEnd(id, spec.CANCELLED); s.TransferredRecords != 30 || pair.Branch.Count("main") != 30 {
		t.Errorf("%d products are at the branch: %s", pair.Branch.Count("main"), nodetest.Show(s))
	}

	// Only the pushing node offers to resume it.
	received.Link("Receipt").Click()
	receipt := there.Role("region", "Receipt: CANCELLED")
	receipt.WaitText("Sync pushed here by main into catalog main")
	receipt.Button("Resume").WaitGone()
	sent.Link("Receipt").Click()
	receipt = here.Role("region", "Receipt: CANCELLED")
	receipt.Button("Resume").Click()
	here.WaitText("Full sync push resumed successfully")
	sent.WaitText("COMPLETED")
	sent.WaitText("100 of 100 products, 30 of them before it resumed")
	nodetest.SameCatalog(t, pair.Main, pair.Branch, "main")
}

// TestATokenThatMayNotPush: the form shows what the node says about it, and nothing starts.
func TestATokenThatMayNotPush(t *testing.T) {
	t.Parallel()
	pair := newPair(t, nodetest.SQLite, 10, nodetest.Config{})
	page := signIn(t, pair.Main, auth.RoleOperator, browsertest.Options{})
	page.Expect(http.StatusUnprocessableEntity, nodetest.StartPath)
	choosePush(page)
	startForm(page).Button("Start push").Click()
	startForm(page).Find(".problem").WaitText("fullsync token --role node-push")
	accessible(page)
	page.WaitFocus("button", "Start push")
	page.WaitText("No sync is running.")

	startForm(page).Field("Direction").Choose("Pull from a peer")
	startForm(page).Field("Pull from").Wait()
	startForm(page).Button("Start pull").Click()
	card(page).WaitText("COMPLETED")
	if text := startForm(page).Find(".problem").Text(); text != "" {
		t.Errorf("beside a pull that succeeded there is still %q", text)
	}
}

// TestPushesSideBySide: a pull and two pushes of one catalog each have a card and a Cancel. A second push to the same peer meets
// the first, and takes its place.
func TestPushesSideBySide(t *testing.T) {
	t.Parallel()
	effort.SkipUnlessHeavy(t)
	pair := newPushingPair(t, 100)
	annex := nodetest.Start(t, nodetest.Config{ID: "annex"})
	toAnnex := nodetest.NewWire(t, annex.URL())
	pair.Main.AddPeer("annex", toAnnex.URL, annex.TokenFor(nodetest.MainNode, auth.RoleNodePush))
	pair.Branch.Put("main", "Z-own", "what a pull would bring")
	page := signIn(t, pair.Main, auth.RoleOperator, browsertest.Options{})
	page.Expect(http.StatusConflict, nodetest.StartPath)
	choosePush(page)
	startForm(page).Field("Push to").Choose("branch (branch)")

	size := 10
	start := func(gate *nodetest.Gate, what nodetest.Pull) spec.SessionID {
		what.Options.BatchSize = &size
		s := pair.Main.Pull(what)
		nodetest.Await(t, "the request that is held", gate.Reached)
		return s.SessionId
	}
	pulling := start(pair.Wire.HoldPage(t, nodetest.ProductsPath, 1), nodetest.Pull{})
	pushing := start(pair.Wire.HoldPage(t, nodetest.BatchesPath, 2), nodetest.Pull{Push: true})
	gate := toAnnex.HoldPage(t, nodetest.BatchesPath, 1)
	start(gate, nodetest.Pull{Push: true, Peer: "annex"})
	toBranch, besides := page.Role("article", thePush), page.Role("article", "Push to annex from catalog main")
	toBranch.Button("Cancel Sync").Wait()
	besides.Button("Cancel Sync").Wait()
	card(page).Button("Cancel Sync").Click()
	page.Dialog(cancelTitle).WaitText("The pull from branch into catalog main stops at once.")
	page.Dialog(cancelTitle).Button(cancelSync).Click()
	card(page).WaitText("CANCELLED")
	pair.Main.WaitEnd(pulling, spec.CANCELLED)

	startForm(page).Button("Start push").Click()
	page.Dialog(runningTitle).Button(replaceIt).Click()
	page.Dialog(runningTitle).WaitGone()
	row(page, pushing).WaitText("CANCELLED")
	toBranch.WaitText("COMPLETED")
	besides.Button("Cancel Sync").Wait()
	gate.Open()
	besides.WaitText("COMPLETED")
	toBranch.Wait() // what runs beside a card does not take its place
	card(page).WaitText("CANCELLED")
}

// TestPushToSeveral starts a push to two peers, of which one is refused. What was chosen is offered again after a reload.
func TestPushToSeveral(t *testing.T) {
	t.Parallel()
	effort.SkipUnlessHeavy(t)
	pair := newPushingPair(t, 20)
	pair.Main.AddPeer("annex", pair.Wire.URL, pair.Branch.TokenFor(nodetest.MainNode, auth.RoleNode))
	page := signIn(t, pair.Main, auth.RoleOperator, browsertest.Options{})
	choosePush(page)
	form := startForm(page)
	form.Field("Push to").Choose("Several peers")
	form.Field("branch").Tick(true)
	form.Field("annex").Tick(true)
	accessible(page)
	form.Field("At the end, delete products that came from the source and no longer exist there").Tick(true)
	form.Field("Products to delete without approval").Fill("7")
	form.WaitText("If more than 7 products or 10 % of them would go, none is deleted until somebody has looked at the list and approved it.")
	form.Field("At the end, delete products that came from the source and no longer exist there").Tick(false)
	form.Button("Start push").Click()
	page.Find("#failures").WaitText("Push to annex: ")
	page.Role("article", thePush).WaitText("COMPLETED")
	nodetest.SameCatalog(t, pair.Main, pair.Branch, "main")

	page.Reload()
	waitDesk(page)
	page.WaitFor("the same choice", `document.querySelector("#start-form [name=peer]").value === "*"`)
	for _, peer := range []string{"branch", "annex"} {
		if !browsertest.Eval[bool](page, `document.querySelector("#several [value=`+peer+`]").checked`) {
			t.Errorf("%s is not offered again", peer)
		}
	}
	if size := form.Field("Products per batch").Value(); size != "10" {
		t.Errorf("the last start had batches of 10; now the form offers %q", size)
	}
}

// TestACancelThatTheTargetHasNotConfirmed: the page says so, and no longer when the node has heard from the target.
func TestACancelThatTheTargetHasNotConfirmed(t *testing.T) {
	t.Parallel()
	pair := newPushingPair(t, 100)
	gate := pair.Wire.HoldPage(t, nodetest.BatchesPath, 2)
	page := signIn(t, pair.Main, auth.RoleOperator, browsertest.Options{})
	choosePush(page)
	startForm(page).Button("Start push").Click()
	nodetest.Await(t, "the second batch", gate.Reached)
	pair.Wire.Reach(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { w.WriteHeader(http.StatusBadGateway) })
	sent := page.Role("article", thePush)
	sent.Button("Cancel Sync").Click()
	page.Dialog(cancelTitle).WaitText("The push to branch from catalog main stops here at once, and branch is told.")
	page.Dialog(cancelTitle).Button(cancelSync).Click()
	page.Find("#news").WaitText("branch has not confirmed it yet: a batch may still land there until")
	const unconfirmed = "not confirmed by branch yet"
	id := idOf(t, sent)
	row(page, id).WaitText(unconfirmed)
	sent.WaitText("finished Cancelled by operator; " + unconfirmed)
	accessible(page)

	pair.Wire.Reach(nil)
	nodetest.Eventually(t, "the confirmation", func() bool { return *pair.Main.Session(id).TargetConfirmed })
	page.WaitFor("the confirmation", `!document.getElementById("desk").innerText.includes("`+unconfirmed+`")`)
	row(page, id).WaitText("CANCELLED")
}
