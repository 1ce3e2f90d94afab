package console_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"fullsync/api/spec"
	"fullsync/internal/auth"
	"fullsync/internal/browsertest"
	"fullsync/internal/nodetest"
)

// hostile is a text that would do something if the page treated it as anything but text.
const hostile = `<img src=x onerror="document.title='broken in'"><b>bold</b>`

// TestRejectsInTheReceipt shows what a session refused, page by page, as text.
func TestRejectsInTheReceipt(t *testing.T) {
	t.Parallel()
	pair := newPair(t, nodetest.SQLite, 30, nodetest.Config{})
	pair.Wire.OnPage(nodetest.ProductsPath, 1, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		page := nodetest.Answered(r, next)
		lines := strings.SplitAfter(string(page.Body), "\n")
		lines[0] = `{"product":{"id":"<u>0</u>","name":"x","price":"<b>1</b>"}}` + "\n"
		for i := range 24 {
			lines[i+1] = fmt.Sprintf(`{"product":{"id":"bad-%d","name":""}}`+"\n", i)
		}
		w.Header().Set("Content-Type", page.Header.Get("Content-Type"))
		_, _ = w.Write([]byte(strings.Join(lines, "")))
	})
	s := pair.Main.Sync(nodetest.Pull{Options: spec.StartOptions{CompressionEnabled: new(false)}})
	page := signIn(t, pair.Main, auth.RoleViewer, browsertest.Options{})
	row(page, s.SessionId).WaitText("5 of 30 products: 5 new, 25 refused")
	page.Link("COMPLETED: show the receipt").Click()
	receipt := page.Role("region", "Receipt: COMPLETED")
	receipt.Role("DisclosureTriangle", "25 products were refused").Click()
	lines := func(count int) {
		t.Helper()
		page.WaitFor(fmt.Sprint(count, " refused products"), fmt.Sprintf(`document.querySelectorAll("#rejects-list li").length === %d`, count))
	}
	lines(20)
	receipt.WaitText("<u>0</u>: price must be a decimal such as 12.50, not \"<b>1</b>\"")
	receipt.Button("Show more").Click()
	lines(25)
	receipt.WaitText("bad-23: name is required")
	receipt.Button("Show more").WaitGone()
	receipt.Field("Search").Fill("BAD-2")
	page.WaitFor("what was searched for", `document.querySelectorAll("#rejects-list li:not([hidden])").length === 5`)
	browsertest.Eval[bool](page, noteFiles)
	receipt.Button("Download all").Click()
	page.WaitFor("the file", `window.saved?.split("\r\n").length === 26`)
	if as, want := browsertest.Eval[string](page, "window.savedAs"), "rejects-"+s.SessionId.String()+".csv"; as != want {
		t.Errorf("saved as %s, want %s", as, want)
	}
	if file := browsertest.Eval[string](page, "window.saved"); !strings.Contains(file, `"bad-23","name is required"`) {
		t.Errorf("saved %s", file)
	}

	// Another receipt does not show them.
	back(page)
	next := pair.Main.Sync(nodetest.Pull{})
	row(page, next.SessionId).WaitText("COMPLETED")
	row(page, next.SessionId).Find(`[data-field="products"]`).Click()
	receipt.WaitText(next.SessionId.String())
	receipt.Find("#rejects").WaitGone()
}

// TestResumeFromTheReceipt resumes a session that was cancelled at 30 of 100 products, after a first try that is refused.
func TestResumeFromTheReceipt(t *testing.T) {
	t.Parallel()
	pair := newPair(t, nodetest.SQLite, 100, nodetest.Config{})
	size := 10
	gate := pair.Wire.HoldPage(t, nodetest.ProductsPath, 4)
	old := pair.Main.Pull(nodetest.Pull{Options: spec.StartOptions{BatchSize: &size}})
	nodetest.Await(t, "the fourth page", gate.Reached)
	committed(pair, old.SessionId, 30)
	pair.Main.Cancel(old, hostile)
	pair.Wire.Reach(nil)
	page := signIn(t, pair.Main, auth.RoleOperator, browsertest.Options{})
	page.Expect(http.StatusUnprocessableEntity, nodetest.StartPath+"/*/resume")
	page.Link("CANCELLED: show the receipt").Click()
	receipt := page.Role("region", "Receipt: CANCELLED")
	receipt.WaitText("Batch 3, up to product P-0000030, was the last one committed; none can follow it.")
	receipt.WaitText("Cancelled by alice: " + hostile)

	switchBranch(t, pair, false)
	receipt.Button("Resume").Click()
	receipt.WaitText("Peer is switched off: Peer branch is switched off; switch it on first.")
	switchBranch(t, pair, true)
	receipt.Button("Resume").Click()
	page.WaitText("Full sync pull resumed successfully")
	card(page).WaitText("COMPLETED")
	card(page).WaitText("100 of 100 products, 30 of them before it resumed")
	id := shownSession(t, page)
	if s := pair.Main.WaitEnd(id, spec.COMPLETED); *s.ResumedFrom != old.SessionId || s.Created != 70 || s.StartedBy != "operator" {
		t.Errorf("resumed as %s", nodetest.Show(s))
	}
	page.Role("region", "Receipt: COMPLETED").WaitText("Resumed from " + old.SessionId.String())
	nodetest.SameCatalog(t, pair.Branch, pair.Main, "main")
}

// switchBranch switches the peer branch on or off at main.
func switchBranch(t *testing.T, pair *nodetest.Pair, on bool) {
	t.Helper()
	a := pair.Main.Call("admin", http.MethodPatch, peersPath+"/"+nodetest.Branch, fmt.Sprintf(`{"isActive":%t}`, on))
	if a.Status != http.StatusOK {
		t.Fatalf("switching the peer: %d %s", a.Status, a.Body)
	}
}
