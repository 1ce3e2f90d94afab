package console_test

import (
	"fmt"
	"testing"

	"fullsync/api/spec"
	"fullsync/internal/browsertest"
	"fullsync/internal/effort"
	"fullsync/internal/nodetest"
)

// focusState is an expression that says what is wrong with the focus, "" for nothing, and whether the focused element is above
// the previous one.
const focusState = `(() => {
	const it = document.activeElement;
	const dialog = document.querySelector("dialog[open]:modal");
	if (!it || it === document.body) return {wrong: dialog ? "" : "nothing has the focus", away: true};
	if (dialog && !dialog.contains(it)) return {wrong: "the focus has left the dialog"};
	const style = getComputedStyle(it), r = it.getBoundingClientRect();
	if (style.outlineStyle === "none" || parseFloat(style.outlineWidth) < 2) return {wrong: "the focus cannot be seen"};
	const x = Math.min(Math.max(r.left + r.width / 2, 0), innerWidth - 1), y = r.top + Math.min(r.height / 2, 10);
	const top = document.elementFromPoint(x, y);
	if (!top || !it.contains(top) && top.closest("label")?.control !== it) return {wrong: "what has the focus is covered or outside the window"};
	const before = window.hadFocus;
	window.hadFocus = it;
	return {above: Boolean(before?.isConnected) && r.bottom <= before.getBoundingClientRect().top};
})()`

// focusReport is what focusState says.
type focusReport struct {
	Wrong string
	Above bool
	// Away says that the focus is on the browser's own buttons, where it may go even while a dialog is open.
	Away bool
}

// hands is a person who uses the page without a mouse.
type hands struct {
	t    *testing.T
	page *browsertest.Page
}

// look fails the test if nothing has the focus, or if it is not visible.
func (h hands) look(after string) focusReport {
	h.t.Helper()
	f := browsertest.Eval[focusReport](h.page, focusState)
	if f.Wrong != "" {
		h.t.Errorf("after %s: %s: %s", after, f.Wrong, h.page.Focused())
	}
	return f
}

// press presses keys and looks after each.
func (h hands) press(keys ...string) {
	h.t.Helper()
	for _, key := range keys {
		h.page.Press(key)
		h.look(key)
	}
}

// to presses Tab (or another key that moves the focus) until something with that role and name has the focus.
func (h hands) to(key, role, name string) {
	h.t.Helper()
	passed := ""
	for range 60 {
		if at := h.page.Focused(); at.Role == role && at.Name == name {
			return
		}
		h.press(key)
		passed += fmt.Sprintf("\n%s", h.page.Focused())
	}
	h.t.Fatalf("%s never reaches the %s %q; it passes%s", key, role, name, passed)
}

// TestKeyboardOnly does the whole main job without a mouse.
func TestKeyboardOnly(t *testing.T) {
	t.Parallel()
	pair := newPair(t, nodetest.SQLite, 500, nodetest.Config{})
	branch2 := nodetest.Start(t, nodetest.Config{ID: "annex"})
	pair.Main.AddPeer("annex", branch2.URL(), branch2.TokenFor(nodetest.MainNode, "node"))
	gate := pair.Wire.HoldPage(t, nodetest.ProductsPath, 3)
	page := open(t, pair.Main, browsertest.Options{Width: 1000, Height: 600})
	h := hands{t, page}
	page.WaitFocus("textbox", "Name")
	page.Type("operator")
	h.press("Tab")
	page.Type(password)
	page.Press("Enter")
	page.WaitFocus("heading", "Full sync")
	page.Find(`#connection[data-connection="live"]`).Wait()
	page.WaitFor("the peers", "document.querySelector('#start-form [name=peer] option')")
	h.look("signing in")

	h.to("Tab", "combobox", "Pull from")
	page.Type("branch")
	if chosen := page.Field("Pull from").Value(); chosen != nodetest.Branch {
		t.Errorf("typing chose %q", chosen)
	}
	h.to("Tab", "DisclosureTriangle", "Options")
	h.press("Enter")
	h.to("Tab", "checkbox", "Compare every product afterwards")
	h.press("Space")
	h.to("Tab", "button", "Start pull")
	h.press("Space")
	nodetest.Await(t, "the third page", gate.Reached)
	page.WaitFocus("article", "Pull from branch into catalog main")
	waitProgress(page, 40)
	h.look("starting")
	s := pair.Main.Session(sessionShown(page))
	if !s.Options.VerifyAfterSync {
		t.Errorf("started with %s", nodetest.Show(s))
	}

	h.to("Tab", "button", "Cancel Sync")
	h.press("Enter")
	page.WaitFocus("button", "Keep running")
	h.press("Shift+Tab", "Tab", "Escape")
	page.WaitFocus("button", "Cancel Sync")
	if now := pair.Main.Session(s.SessionId); nodetest.Ended(now) {
		t.Errorf("Escape cancelled: %s", nodetest.Show(now))
	}
	h.press("Space")
	h.to("Shift+Tab", "textbox", "Reason (optional)")
	page.Type("wrong peer")
	h.to("Tab", "button", "Cancel sync")
	page.Press("Enter")
	page.WaitFocus("paragraph", "Sync session cancelled successfully. 200 products were committed before; none can follow.")
	h.look("cancelling")
	if now := pair.Main.Session(s.SessionId); now.Status != spec.CANCELLED || *now.CancelReason != "wrong peer" {
		t.Errorf("after the cancel: %s", nodetest.Show(now))
	}
	h.to("Tab", "button", "Dismiss")
	h.press("Enter") // the message's, which comes first
	page.WaitFocus("heading", "Full sync")

	h.to("Tab", "link", "CANCELLED: show the receipt")
	page.Press("Enter")
	page.WaitFocus("heading", "Sync session")
	h.look("opening the session")
	h.to("Tab", "button", "Copy session id")
	back(page) // the browser's own keys do not work in a test
	page.WaitFocus("link", "CANCELLED: show the receipt")
	h.look("going back")
	for _, name := range []string{"Sessions", "Peers", "Overview"} {
		h.to("Shift+Tab", "link", name)
		page.Press("Enter")
		page.WaitFor("the page "+name, `document.querySelector("#nav a[aria-current]").textContent === "`+name+`" && document.activeElement.matches("h2")`)
		h.look("going to " + name)
	}
	h.to("Shift+Tab", "button", "Sign out")
	page.Press("Enter")
	page.WaitText("Signed out successfully")
	page.WaitFocus("textbox", "Name")
	h.look("signing out")
}

// TestFocusOrder tabs through the whole page: the order is that of the document, and of the screen.
func TestFocusOrder(t *testing.T) {
	t.Parallel()
	effort.SkipUnlessHeavy(t)
	pair := newPair(t, nodetest.SQLite, 300, nodetest.Config{})
	pair.Main.Sync(nodetest.Pull{})
	pair.Wire.HoldPage(t, nodetest.ProductsPath, 1)
	pair.Main.Pull(nodetest.Pull{})
	for _, width := range []int{1280, 320} {
		page := signIn(t, pair.Main, "admin", browsertest.Options{Width: width, Height: 700})
		page.Reload() // so that nothing has the focus
		page.Find(`#connection[data-connection="live"]`).Wait()
		page.Button("Cancel Sync").Wait()
		page.Link("COMPLETED: show the receipt").Wait()
		stops := browsertest.Eval[int](page, `(window.stops = [...document.querySelectorAll("a, button, input, select, summary")].filter(e => e.checkVisibility())).length`)
		if stops < 15 {
			t.Errorf("%d px wide: there are only %d things to act on", width, stops)
		}
		h := hands{t, page}
		for i := range stops {
			page.Press("Tab")
			if f := h.look("Tab"); f.Above {
				t.Errorf("%d px wide: %s lies above what comes before it", width, page.Focused())
			}
			if !browsertest.Eval[bool](page, fmt.Sprintf("document.activeElement === stops[%d]", i)) {
				t.Fatalf("%d px wide: %s is not number %d in the document", width, page.Focused(), i+1)
			}
		}
	}
}

// TestDialogsKeepTheFocus tabs on and on in each dialog.
func TestDialogsKeepTheFocus(t *testing.T) {
	t.Parallel()
	effort.SkipUnlessHeavy(t)
	pair := newPair(t, nodetest.SQLite, 300, nodetest.Config{})
	pair.Main.Sync(nodetest.Pull{})
	pair.Wire.HoldPage(t, nodetest.ProductsPath, 1)
	pair.Main.Pull(nodetest.Pull{})
	page := signIn(t, pair.Main, "operator", browsertest.Options{})
	page.Expect(409, nodetest.StartPath)
	h := hands{t, page}
	for _, d := range []struct{ opener, dialog, role, first string }{
		{"Cancel Sync", "Cancel this sync?", "button", "Keep running"},
		{"Start pull", "Full sync already in progress", "button", "Watch it"},
	} {
		h.to("Tab", "button", d.opener)
		page.Press("Enter")
		page.WaitFocus(d.role, d.first)
		for _, key := range []string{"Tab", "Shift+Tab"} {
			away, visited := false, map[string]bool{}
			for range 9 {
				page.Press(key)
				now := h.look(key)
				if now.Away && away {
					t.Errorf("%s does not come back into the dialog %s", key, d.dialog)
				}
				away = now.Away
				visited[page.Focused().Name] = true
			}
			if len(visited) < 3 {
				t.Errorf("%s in the dialog %s visits %v", key, d.dialog, visited)
			}
		}
		page.Press("Escape")
		page.Dialog(d.dialog).WaitGone()
		page.WaitFocus("button", d.opener)
		h.look("closing the dialog " + d.dialog)
	}
}

// TestTheFocusOutlivesWhatHadIt: when a session ends some buttons disappear, and a person on one of them must not be sent back
// to the top.
func TestTheFocusOutlivesWhatHadIt(t *testing.T) {
	t.Parallel()
	effort.SkipUnlessHeavy(t)
	pair := newPair(t, nodetest.SQLite, 300, nodetest.Config{})
	page := signIn(t, pair.Main, "operator", browsertest.Options{})
	h := hands{t, page}
	end := func(reach func()) {
		t.Helper()
		gate := pair.Wire.HoldPage(t, nodetest.ProductsPath, 2)
		s := pair.Main.Pull(nodetest.Pull{})
		nodetest.Await(t, "the second page", gate.Reached)
		page.Find("#cards article[data-status=TRANSFERRING]").Wait() // the names of buttons say it too
		reach()
		gate.Open()
		pair.Main.WaitEnd(s.SessionId, spec.COMPLETED)
		page.Find("#cards article").WaitText("COMPLETED")
	}
	const card = "Pull from branch into catalog main"
	end(func() { h.to("Tab", "button", "Cancel Sync") })
	page.WaitFocus("article", card)
	h.look("the end")
	end(func() { h.to("Tab", "button", "Cancel") })
	page.Find("#history-rows tr:first-child").WaitText("COMPLETED")
	page.WaitFocus("link", "COMPLETED: show the receipt")
	h.look("the end")
	end(func() {
		h.to("Shift+Tab", "button", "Cancel Sync")
		h.press("Enter")
		page.WaitFocus("button", "Keep running")
	})
	page.Press("Enter")
	page.Dialog("Cancel this sync?").WaitGone()
	page.WaitFocus("heading", "Full sync")
	h.look("closing the dialog")
	h.to("Tab", "button", "Dismiss") // the card's
	h.press("Enter")
	page.WaitFocus("heading", "Full sync")
	// A row that no longer matches the filter.
	visit(page, "Sessions")
	page.Field("Status").Choose("active ones")
	gate := pair.Wire.HoldPage(t, nodetest.ProductsPath, 2)
	s := pair.Main.Pull(nodetest.Pull{})
	nodetest.Await(t, "the second page", gate.Reached)
	h.to("Tab", "link", "TRANSFERRING: show the sync")
	gate.Open()
	pair.Main.WaitEnd(s.SessionId, spec.COMPLETED)
	page.WaitFocus("heading", "Sessions")
	h.look("the end")
}
