package console_test

import (
	"net/http"
	"testing"

	"fullsync/api/spec"
	"fullsync/internal/auth"
	"fullsync/internal/browsertest"
	"fullsync/internal/nodetest"
)

// TestWithheldDeletes: a person sees what was not deleted, and approves the number of deletes. A viewer gets no such offer.
func TestWithheldDeletes(t *testing.T) {
	t.Parallel()
	pair := newThinned(t)
	page := signIn(t, pair.Main, auth.RoleOperator, browsertest.Options{})
	form := startForm(page)
	form.Role("DisclosureTriangle", "Options").Click()
	form.Field("At the end, delete products that came from the source and no longer exist there").Tick(true)
	form.Field("Compare every product afterwards").Tick(true)
	form.Button("Start pull").Click()
	card(page).WaitText("COMPLETED Transferred and verified 75 products")
	if c := ink(page, "#cards .badge[data-field=status]", "--warn"); c[0] != c[1] {
		t.Errorf("a sync that withheld deletes is %s, and amber is %s", c[0], c[1])
	}
	card(page).Link("Receipt").Click()
	receipt := page.Role("region", "Receipt: COMPLETED")
	receipt.WaitText("Left undone")
	receipt.WaitText("The target: 100 products, SHA-256 ")
	receipt.Role("DisclosureTriangle", "25 products are missing at branch and were not deleted").Click()
	receipt.WaitText("P-0000001: withheld")
	accessible(page)
	receipt.Button("Delete 25 products…").Click()
	question := page.Dialog("Delete 25 products?")
	question.WaitText("it deletes the listed products, except those that are back at branch")
	accessible(page)
	question.Button("Delete 25 products").Click()
	question.WaitGone()
	receipt.WaitText("25 removed")
	last := pair.Main.Session(shownSession(t, page))
	if last.Status != spec.COMPLETED || last.Deleted != 25 || pair.Main.Count("main") != 75 {
		t.Errorf("after the approval: %d products, %s", pair.Main.Count("main"), nodetest.Show(last))
	}
	receipt.WaitText("Content compared, before the deletes The source: 75 products, SHA-256 ")
	visit(page, "Overview")
	form.Button("Start pull").Click()
	page.Find("#news").WaitText("COMPLETED: pull from branch into catalog main, 75 of 75 products: 75 unchanged.")
	card(page).Link("Receipt").Click()
	receipt.WaitText("Content compared Both sides hold the same 75 products: SHA-256 ")

	viewer := signIn(t, pair.Main, auth.RoleViewer, browsertest.Options{})
	row(viewer, *last.Options.ApprovedDeletes).Find(`[data-field="products"]`).Click()
	viewer.Role("region", "Receipt: COMPLETED").WaitText("25 products are missing at branch")
	viewer.Role("region", "Receipt: COMPLETED").Button("Delete 25 products…").WaitGone()
}

// newThinned is a pair whose main node has 100 products of the branch, which has lost 25 of them since.
func newThinned(t *testing.T) *nodetest.Pair {
	t.Helper()
	pair := newPair(t, nodetest.SQLite, 100, nodetest.Config{})
	pair.Wire.Compares()
	pair.Main.Sync(nodetest.Pull{})
	_, err := pair.Branch.Store.SQL().ExecContext(t.Context(), "DELETE FROM products WHERE id IN (SELECT id FROM products ORDER BY id LIMIT 25)")
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

// TestARefusedApproval says why and keeps the question open, so that it can be tried again; nothing was deleted.
func TestARefusedApproval(t *testing.T) {
	t.Parallel()
	pair := newThinned(t)
	yes := true
	s := pair.Main.Sync(nodetest.Pull{Options: spec.StartOptions{DeleteMissing: &yes}})
	page := signIn(t, pair.Main, auth.RoleOperator, browsertest.Options{})
	page.Expect(http.StatusUnprocessableEntity, nodetest.StartPath+"/*/deletes/approve")
	row(page, s.SessionId).Find(`[data-field="products"]`).Click()
	page.Role("region", "Receipt: COMPLETED").Button("Delete 25 products…").Click()
	question := page.Dialog("Delete 25 products?")
	page.WaitFocus("button", "Keep them")
	switchBranch(t, pair, false)
	question.Button("Delete 25 products").Click()
	question.WaitText("Peer is switched off: Peer branch is switched off; switch it on first.")
	accessible(page)
	if n := pair.Main.Count("main"); n != 100 {
		t.Errorf("after the refusal there are %d products", n)
	}
	switchBranch(t, pair, true)
	question.Button("Delete 25 products").Click()
	question.WaitGone()
	page.Find("#receipt").WaitText("25 removed")
}

// TestReceiptSaysWhyItReadEverything: because the other node cannot compare.
func TestReceiptSaysWhyItReadEverything(t *testing.T) {
	t.Parallel()
	pair := newPair(t, nodetest.SQLite, 20, nodetest.Config{})
	pair.Main.Sync(nodetest.Pull{})
	s := pair.Main.Sync(nodetest.Pull{})
	page := signIn(t, pair.Main, auth.RoleViewer, browsertest.Options{})
	row(page, s.SessionId).Find(`[data-field="products"]`).Click()
	page.Role("region", "Receipt: COMPLETED").WaitText("Why everything was read Peer branch runs an earlier version of fullsync")
}
