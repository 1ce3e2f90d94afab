package console_test

import (
	"slices"
	"strings"
	"testing"

	"fullsync/api/spec"
	"fullsync/internal/auth"
	"fullsync/internal/browsertest"
	"fullsync/internal/nodetest"
)

// listen is an expression that makes the page record what a screen reader reads aloud by itself: every text that appears in a
// live region that already existed. Regions are recorded as they are at that moment.
const listen = `(() => {
	window.heard = [];
	const regions = new Set(document.querySelectorAll("[role=status], [role=alert]"));
	for (const region of regions) {
		if (!region.checkVisibility()) continue;
		let last = region.textContent.trim();
		new MutationObserver(() => {
			const now = region.textContent.trim();
			if (now !== last && now) heard.push(region.getAttribute("role") + ": " + now.replace(/\s+/g, " "));
			last = now;
		}).observe(region, {subtree: true, childList: true, characterData: true});
	}
	return true;
})()`

// hears returns once a text that begins like this was read aloud.
func hears(page *browsertest.Page, start string) {
	page.WaitFor("hearing "+start, "window.heard.some(text => text.startsWith("+quote(start)+"))")
}

// quote returns a text as a JavaScript literal.
func quote(s string) string { return `"` + strings.ReplaceAll(s, `"`, `\"`) + `"` }

// TestHeard follows a sync by ear.
func TestHeard(t *testing.T) {
	t.Parallel()
	pair := newPair(t, nodetest.SQLite, 400, nodetest.Config{})
	first := pair.Wire.HoldPage(t, nodetest.ProductsPath, 1)
	page := signIn(t, pair.Main, auth.RoleOperator, browsertest.Options{})
	browsertest.Eval[bool](page, listen)
	page.Button("Start pull").Click()
	hears(page, "status: Full sync pull initiated successfully")
	hears(page, "status: "+pull+": TRANSFERRING. Transferring 400 products")
	nodetest.Await(t, "the first page", first.Reached)
	third := pair.Wire.HoldPage(t, nodetest.ProductsPath, 2)
	first.Open()
	nodetest.Await(t, "the third page", third.Reached)
	hears(page, "status: "+pull+": 50 percent")
	bar := page.Role("progressbar", "Progress: "+pull)
	if h := bar.Heard(); h.Value != "50" {
		t.Errorf("the bar at 50 %% is heard as %s with the value %q", h, h.Value)
	}
	page.Role("article", "Pull from branch into catalog main").Role("heading", "Pull from branch into catalog main").Wait()

	page.Button("Cancel Sync").Click()
	dialog := page.Dialog("Cancel this sync?").Heard()
	if !dialog.Modal || !strings.HasPrefix(dialog.Description, "The pull from branch into catalog main stops at once.") {
		t.Errorf("the dialog is heard as %s, modal %v, described as %q", dialog, dialog.Modal, dialog.Description)
	}
	page.Dialog("Cancel this sync?").Button("Cancel sync").Click()
	hears(page, "status: Sync session cancelled successfully. 200 products were committed before")
	hears(page, "status: "+pull+": CANCELLED. Cancelled by operator")

	page.Link("CANCELLED: show the receipt").Click()
	page.WaitFocus("heading", "Sync session")
	page.Role("region", "Receipt: CANCELLED").WaitText("200")
	page.Role("region", "Time line").Role("list", "").Wait()
	back(page)

	table := page.Role("table", "Recent sessions")
	for _, name := range []string{"Status", "Sync", "Products", "Started", "Duration", "Who", "Actions"} {
		table.Role("columnheader", name).Wait()
	}
	if n := table.Role("cell", "operator; cancelled by operator").Count(); n != 1 {
		t.Errorf("the history has %d cells with who did what", n)
	}
	for _, name := range []string{"Full sync", "Recent sessions"} {
		page.Role("region", name).Role("heading", name).Wait()
	}
	page.Role("form", "Start a sync").Wait()
	visit(page, "Sessions")
	page.WaitFocus("heading", "Sessions")
	page.Role("form", "Filters").Wait()
	visit(page, "Peers")
	page.Role("region", "Peers").Role("heading", "Peers").Wait()
	page.Role("table", "Peers").Role("columnheader", "Last seen").Wait()
	page.AnyOfRole("main").Wait()
	page.AnyOfRole("banner").Wait()
	page.AnyOfRole("contentinfo").Wait()
}

// TestFailureIsHeard: failures interrupt a screen reader, in the form, in the dialog, and at the top.
func TestFailureIsHeard(t *testing.T) {
	t.Parallel()
	pair := newPair(t, nodetest.SQLite, 200, nodetest.Config{})
	gate := pair.Wire.HoldPage(t, nodetest.ProductsPath, 2)
	page := open(t, pair.Main, browsertest.Options{})
	page.Expect(401, nodetest.LoginPath)
	page.Expect(409, nodetest.CancelPath)
	page.Expect(400, nodetest.StartPath)
	browsertest.Eval[bool](page, listen)
	page.Field("Name").Fill("operator")
	page.Field("Password").Fill("wrong")
	page.Press("Enter")
	hears(page, "alert: Wrong name or password")
	fill(page, "operator")
	browsertest.Eval[bool](page, listen)
	page.Field("Catalog").Fill("no such catalog!")
	page.Button("Start pull").Click()
	hears(page, "alert: Invalid request: catalog must be 1 to 63 letters")

	s := pair.Main.Pull(nodetest.Pull{})
	nodetest.Await(t, "the second page", gate.Reached)
	page.Button("Cancel Sync").Click()
	page.Dialog("Cancel this sync?").Wait()
	gate.Open()
	pair.Main.WaitEnd(s.SessionId, spec.COMPLETED)
	page.Dialog("Cancel this sync?").Button("Cancel sync").Click()
	hears(page, "alert: Cannot cancel sync: Sync session is already COMPLETED")
	page.WaitFocus("paragraph", "Cannot cancel sync: Sync session is already COMPLETED")
	if got := page.Find("#failures").Heard(); got.Live != "assertive" {
		t.Errorf("the message is heard as %s, live %q", got, got.Live)
	}
	if all := browsertest.Eval[[]string](page, "window.heard"); slices.Contains(all, "") {
		t.Errorf("heard %q", all)
	}
}
