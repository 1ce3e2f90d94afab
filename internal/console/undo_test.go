package console_test

import (
	"testing"

	"github.com/google/uuid"

	"fullsync/api/spec"
	"fullsync/internal/auth"
	"fullsync/internal/browsertest"
	"fullsync/internal/effort"
	"fullsync/internal/nodetest"
)

// TestApplyAPlanAndPutItBack applies a dry run exactly, without a mouse, and then reverts that sync. Both questions say how many
// products they are about.
func TestApplyAPlanAndPutItBack(t *testing.T) {
	t.Parallel()
	pair := newPair(t, nodetest.SQLite, 60, nodetest.Config{})
	pair.Wire.Compares()
	pair.Main.Sync(nodetest.Pull{})
	pair.Branch.Put("main", "P-0000007", "dearer")
	pair.Branch.Put("main", "Z-1", "new")
	page := signIn(t, pair.Main, auth.RoleOperator, browsertest.Options{})
	h := hands{t, page}
	startForm(page).Button("Dry run").Click()
	plan := page.Role("region", "Receipt: COMPLETED")
	plan.WaitText("dry run of a pull from branch")
	planned := shownID(t, page)
	h.to("Tab", "button", "Apply exactly this…")
	h.press("Enter")
	question := page.Dialog("Apply exactly this?")
	question.WaitText("It changes 2 products in catalog main: 1 new, 1 changed. If either side is no longer as the dry run saw it, nothing is written.")
	page.WaitFocus("button", "Do not apply it")
	accessible(page)
	h.to("Tab", "button", "Change 2 products")
	page.Press("Enter")
	question.WaitGone()
	plan.WaitText("It applied the dry run " + planned.String())
	applied := pair.Main.Session(shownID(t, page))
	if applied.PlanId == nil || *applied.PlanId != planned || applied.Created != 1 || applied.Updated != 1 {
		t.Errorf("applied: %s", nodetest.Show(applied))
	}

	plan.Button("Put back what it changed…").Click()
	undo := page.Dialog("Put back 2 products?")
	undo.WaitText("The pull from branch into catalog main changed 2 products in catalog main: 1 new, 1 changed.")
	undo.Button("Leave them").Click()
	undo.WaitGone()
	plan.Button("Put back what it changed…").Click()
	undo.Button("Put back 2 products").Click()
	undo.WaitGone()
	page.WaitFor("the revert", `document.title.startsWith("COMPLETED: revert of ")`)
	plan.WaitText("2 of 2 products: 1 changed, 1 removed")
	page.WaitText("Last batch: 2 products committed")
	reverted := pair.Main.Session(shownID(t, page))
	if reverted.RevertOf == nil || *reverted.RevertOf != applied.SessionId || reverted.Deleted != 1 || reverted.Updated != 1 {
		t.Errorf("reverted: %s", nodetest.Show(reverted))
	}

	// A plan that one side has moved away from is refused, and nothing is written.
	visit(page, "Overview")
	startForm(page).Button("Dry run").Click()
	plan.Button("Apply exactly this…").Wait()
	pair.Branch.Put("main", "Z-2", "newer")
	plan.Button("Apply exactly this…").Click()
	question.Button("Change 2 products").Click()
	page.WaitFor("the refusal", `document.title.startsWith("FAILED: ")`)
	if n := pair.Main.Count("main"); n != 60 {
		t.Errorf("there are %d products after a plan that no longer fits", n)
	}
}

// TestAPlanOfAPush: the questions name the peer that would change.
func TestAPlanOfAPush(t *testing.T) {
	t.Parallel()
	effort.SkipUnlessHeavy(t)
	pair := newPushingPair(t, 20)
	pair.Wire.Compares()
	page := signIn(t, pair.Main, auth.RoleOperator, browsertest.Options{})
	choosePush(page)
	startForm(page).Button("Dry run").Click()
	plan := page.Role("region", "Receipt: COMPLETED")
	plan.WaitText("dry run of a push to branch")
	plan.Button("Put back what it changed…").WaitGone()
	plan.Button("Apply exactly this…").Click()
	question := page.Dialog("Apply exactly this?")
	question.WaitText("It changes 20 products at branch: 20 new.")
	question.Button("Change 20 products").Click()
	question.WaitGone()
	page.WaitFor("the push", `document.title.startsWith("COMPLETED: push to branch ")`)
	nodetest.SameCatalog(t, pair.Main, pair.Branch, "main")
}

// TestCancelAndPutBack cancels a sync and has its first batches put back.
func TestCancelAndPutBack(t *testing.T) {
	t.Parallel()
	pair := newPair(t, nodetest.SQLite, 300, nodetest.Config{})
	gate := pair.Wire.HoldPage(t, nodetest.ProductsPath, 3)
	page := signIn(t, pair.Main, auth.RoleOperator, browsertest.Options{})
	s := pair.Main.Pull(nodetest.Pull{})
	nodetest.Await(t, "the third page", gate.Reached)
	waitProgress(page, 66)
	page.Button("Cancel Sync").Click()
	question := page.Dialog(cancelTitle)
	question.Field("Put back what it has changed so far").Tick(true)
	accessible(page)
	question.Button(cancelSync).Click()
	question.WaitGone()
	gate.Open()
	cancelled := pair.Main.WaitEnd(s.SessionId, spec.CANCELLED)
	if cancelled.RevertedBy == nil {
		t.Fatalf("nothing puts it back: %s", nodetest.Show(cancelled))
	}
	pair.Main.WaitEnd(*cancelled.RevertedBy, spec.COMPLETED)
	row(page, *cancelled.RevertedBy).WaitText("COMPLETED")
	if n := pair.Main.Count("main"); n != 0 {
		t.Errorf("%d products are left", n)
	}
}

// shownID returns the session whose page is shown.
func shownID(t *testing.T, page *browsertest.Page) spec.SessionID {
	t.Helper()
	id, err := uuid.Parse(browsertest.Eval[string](page, `location.hash.replace("#/sessions/", "")`))
	if err != nil {
		t.Fatalf("the address is not that of a session: %v", err)
	}
	return id
}
