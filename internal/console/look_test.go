package console_test

import (
	"net/http"
	"strings"
	"testing"

	"fullsync/internal/auth"
	"fullsync/internal/browsertest"
	"fullsync/internal/effort"
	"fullsync/internal/nodetest"
)

// tour shows each main state of the page, one after the other, and calls look in each. Names and addresses are as long as
// allowed. It signs in as an admin, who sees most.
func tour(t *testing.T, look func(page *browsertest.Page, state string)) {
	t.Helper()
	pair := newPair(t, nodetest.SQLite, 300, nodetest.Config{})
	long := strings.Repeat("n", 64)
	pair.Main.AddPeer(long, "https://"+strings.Repeat("branch-of-the-shop.", 8)+"example.com:8443/"+strings.Repeat("a-long-path/", 8), "token")
	page := open(t, pair.Main, browsertest.Options{})
	page.Expect(401, nodetest.LoginPath)
	page.Expect(409, nodetest.StartPath)
	page.Button("Sign in").Wait()
	look(page, "sign in")
	page.Field("Name").Fill("admin")
	page.Field("Password").Fill("wrong")
	page.Button("Sign in").Click()
	page.WaitText("The name or the password is wrong.")
	look(page, "wrong password")
	fill(page, "admin")
	page.WaitText("No sync has run here yet.")
	page.Role("DisclosureTriangle", "Options").Click()
	look(page, "overview, options open")
	visit(page, "Peers")
	page.Find("#peer-rows tr:nth-child(2)").Wait()
	page.Role("DisclosureTriangle", "Add a peer").Click()
	look(page, "peers")
	visit(page, "Overview")

	count := pair.Wire.HoldPage(t, nodetest.WhoPath, 1)
	page.Button("Start pull").Click()
	nodetest.Await(t, "the question how much there is", count.Reached)
	page.WaitFor("a bar without a value", "document.querySelector('progress:indeterminate')")
	look(page, "preparing")
	second := pair.Wire.HoldPage(t, nodetest.ProductsPath, 2)
	count.Open()
	nodetest.Await(t, "the second page", second.Reached)
	pair.Wire.Reach(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if strings.HasSuffix(r.URL.Path, nodetest.ProductsPath) {
			<-r.Context().Done() // on a busy machine the node gives up on the second page before all has been looked at, and asks again
			return
		}
		next.ServeHTTP(w, r)
	})
	page.WaitFor("33 percent", "document.querySelector('#cards progress')?.value === 33")
	look(page, "running")

	page.Button("Start pull").Click()
	page.Dialog("Full sync already in progress").Wait()
	look(page, "already in progress")
	page.Dialog("Full sync already in progress").Button("Watch it").Click()
	page.Button("Cancel Sync").Click()
	ask := page.Dialog("Cancel this sync?")
	ask.Field("Reason (optional)").Fill(strings.Repeat("w", 500))
	look(page, "confirmation")
	ask.Button("Cancel sync").Click()
	page.WaitText("Sync session cancelled successfully.")
	look(page, "cancelled")
	page.Link("CANCELLED: show the receipt").Click()
	page.Role("region", "Receipt: CANCELLED").Wait()
	look(page, "session and receipt")
	visit(page, "Sessions")
	page.Find("#history-rows tr").Wait()
	look(page, "sessions")
}

// overflow is an expression that names the elements that are wider than the window, or cannot be reached in it, one per line.
const overflow = `(() => {
	const wrong = [], name = (e) => e.cloneNode().outerHTML.slice(0, 120);
	const room = document.documentElement.clientWidth;
	if (document.documentElement.scrollWidth > room) wrong.push("the page is " + document.documentElement.scrollWidth + " px wide");
	const dialog = document.querySelector("dialog[open]:modal");
	if (dialog && dialog.scrollWidth > dialog.clientWidth) wrong.push("the dialog is " + dialog.scrollWidth + " px wide inside");
	for (const e of (dialog ?? document.body).querySelectorAll("*")) {
		if (!e.checkVisibility({visibilityProperty: true}) || e.closest(".unseen, thead, option")) continue;
		const r = e.getBoundingClientRect();
		if (r.right > room + 0.5 || r.left < -0.5) wrong.push(name(e) + " goes from " + r.left + " to " + r.right);
		if (e.matches("button, input, select, summary, a") && (r.width < 16 || r.height < 16)) wrong.push(name(e) + " is too small: " + r.width + " × " + r.height);
	}
	return wrong.slice(0, 8).join("\n");
})()`

// accessible checks the page with the checker of accessibility, in light and dark colours. That takes as long as opening another page.
func accessible(page *browsertest.Page) {
	if effort.Heavy() {
		page.Axe()
	}
}

// fits checks how a page looks in narrow and wide windows, and whether it is [accessible]. 640
// pixels are a window of 1280 at a zoom of 200 %. What fits does not depend on the colours, nor contrast on the width.
func fits(t *testing.T, page *browsertest.Page, state string) {
	t.Helper()
	for _, width := range []int{1920, 640, 320} {
		page.Resize(width, 800)
		if wrong := browsertest.Eval[string](page, overflow); wrong != "" {
			t.Errorf("%s, %d px wide:\n%s", state, width, wrong)
		}
	}
	before := t.Failed()
	if accessible(page); t.Failed() && !before {
		t.Errorf("that was: %s", state)
	}
	page.Resize(1280, 800)
	if wrong := browsertest.Eval[string](page, overflow); wrong != "" {
		t.Errorf("%s, 1280 px wide:\n%s", state, wrong)
	}
}

// TestEveryStateFits looks at every main state.
func TestEveryStateFits(t *testing.T) {
	t.Parallel()
	effort.SkipUnlessHeavy(t)
	tour(t, func(page *browsertest.Page, state string) { fits(t, page, state) })
}

// TestDarkIsDark compares the brightness of paper and ink.
func TestDarkIsDark(t *testing.T) {
	t.Parallel()
	effort.SkipUnlessHeavy(t)
	node := newPair(t, nodetest.SQLite, 1, nodetest.Config{}).Main
	const inkIsBrighter = `(() => {
		const brightness = (color) => color.match(/\d+/g).slice(0, 3).reduce((sum, part) => sum + Number(part), 0);
		const style = getComputedStyle(document.body);
		return brightness(style.color) > brightness(style.backgroundColor);
	})()`
	for _, dark := range []bool{false, true} {
		page := open(t, node, browsertest.Options{Dark: dark})
		page.Button("Sign in").Wait()
		if got := browsertest.Eval[bool](page, inkIsBrighter); got != dark {
			t.Errorf("dark %v: the ink is brighter than the paper: %v", dark, got)
		}
	}
}

// TestReducedMotion: nothing moves for people who asked for that; for others something does.
func TestReducedMotion(t *testing.T) {
	t.Parallel()
	effort.SkipUnlessHeavy(t)
	pair := newPair(t, nodetest.SQLite, 300, nodetest.Config{})
	pair.Wire.HoldPage(t, nodetest.WhoPath, 1)
	pair.Main.Pull(nodetest.Pull{})
	for _, reduced := range []bool{false, true} {
		page := signIn(t, pair.Main, auth.RoleViewer, browsertest.Options{ReducedMotion: reduced})
		page.WaitFor("a bar without a value", "document.querySelector('progress:indeterminate')")
		if moving := browsertest.Eval[int](page, "document.getAnimations().length"); (moving == 0) != reduced {
			t.Errorf("reduced motion %v: %d animations run", reduced, moving)
		}
	}
}
