package console_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"fullsync/api/spec"
	"fullsync/internal/auth"
	"fullsync/internal/browsertest"
	"fullsync/internal/effort"
	"fullsync/internal/nodetest"
)

const peersPath = "/api/admin/sync/peers"

// peerRow finds a peer's row.
func peerRow(page *browsertest.Page, id string) *browsertest.Element {
	return page.Role("table", "Peers").Find("#peer-" + id)
}

// TestAddAndCheckPeers registers a peer after two refused tries, and checks good and bad peers.
func TestAddAndCheckPeers(t *testing.T) {
	t.Parallel()
	pair := newPair(t, nodetest.SQLite, 1, nodetest.Config{})
	page := signIn(t, pair.Main, auth.RoleAdmin, browsertest.Options{})
	visit(page, "Peers")
	peerRow(page, nodetest.Branch).WaitText("never")
	page.Role("DisclosureTriangle", "Add a peer").Click()
	form := page.Role("form", "Add a peer")
	token := pair.Branch.TokenFor("main", auth.RoleNode)

	page.Expect(http.StatusBadRequest, peersPath)
	form.Field("Node id").Fill("closed")
	form.Field("Address").Fill("ftp://branch.example.com")
	form.Field("Token of role node or node-push, issued there").Fill(token)
	form.Button("Add peer").Click()
	form.WaitText("Invalid request: url must begin with http:// or https://.")
	page.Expect(http.StatusConflict, peersPath)
	form.Field("Address").Fill(pair.Wire.URL)
	form.Field("Node id").Fill(nodetest.Branch)
	form.Button("Add peer").Click()
	form.WaitText("Peer already exists: Peer branch is registered already; change it instead.")

	form.Button("Check first").Click()
	form.Find("#add-peer-found").WaitText("Peer branch answered in")
	form.Field("Node id").Fill("wrong")
	form.Button("Check first").Click()
	form.Find("#add-peer-problem").WaitText("Node branch answers at the URL of peer wrong")
	if a := pair.Main.Call("admin", http.MethodGet, peersPath+"/wrong", ""); a.Status != http.StatusNotFound {
		t.Errorf("checking has registered the peer: %d %s", a.Status, a.Body)
	}
	form.Field("Name").Fill(hostile)
	form.Button("Add peer").Click()
	page.WaitText("Peer wrong is registered. Check it to see whether it answers.")
	peerRow(page, "wrong").WaitText(hostile + " (wrong)")
	peerRow(page, "wrong").WaitText(pair.Wire.URL)
	form.Field("Token of role node or node-push, issued there").Wait()
	if left := form.Field("Token of role node or node-push, issued there").Value(); left != "" {
		t.Errorf("the form still holds the token %q", left)
	}
	visit(page, "Overview")
	startForm(page).Field("Pull from").Choose(hostile + " (wrong)")
	visit(page, "Peers")

	peerRow(page, "wrong").Button("Check").Click()
	const another = "Node branch answers at the URL of peer wrong; correct the URL, or register that node under its own id."
	page.Find("#failures").WaitText(another)
	peerRow(page, "wrong").WaitText("offline " + another)
	peerRow(page, nodetest.Branch).Button("Check").Click()
	page.Find("#news").WaitText("Peer branch answered in")
	page.Find("#news").WaitText("and accepts our token of role node, until")
	if text := peerRow(page, nodetest.Branch).Text(); strings.Contains(text, "never") {
		t.Errorf("it has been seen: %s", text)
	}

	pair.Branch.Down()
	peerRow(page, nodetest.Branch).Button("Check").Click()
	page.Find("#failures").Wait()
	peerRow(page, nodetest.Branch).Find(`[data-field="error"]`).WaitText("branch")
	keepsSecret(t, page, token)
}

// keepsSecret fails the test if the page shows or stores a secret, or has sent it in an address.
func keepsSecret(t *testing.T, page *browsertest.Page, secret string) {
	t.Helper()
	const everything = `document.documentElement.outerHTML + JSON.stringify({...localStorage, ...sessionStorage}) + document.cookie`
	if strings.Contains(browsertest.Eval[string](page, everything), secret) {
		t.Error("the page still has the peer's token")
	}
	for _, address := range page.Requests() {
		if strings.Contains(address, secret) || strings.Contains(address, "token=") {
			t.Errorf("a secret in an address: %s", address)
		}
	}
}

// TestSwitchAndRemovePeers switches a peer off and on, and removes it: first it decides against it, then it is refused because a
// sync is reading from the peer, then it works.
func TestSwitchAndRemovePeers(t *testing.T) {
	t.Parallel()
	pair := newPair(t, nodetest.SQLite, 30, nodetest.Config{})
	toMain := nodetest.NewWire(t, pair.Main.URL())
	page := signInAt(t, toMain.URL, auth.RoleAdmin, browsertest.Options{})
	defer page.AllowLostConnections()()
	branch := peerRow(page, nodetest.Branch)
	offered := func(yes bool) {
		t.Helper()
		page.WaitFor("the peer in the form", map[bool]string{true: "", false: "!"}[yes]+`document.querySelector("#start-form [name=peer] option:enabled")`)
	}

	visit(page, "Peers")
	offered(true)
	branch.Button("Switch off").Click()
	branch.WaitText("switched off")
	offered(false)
	visit(page, "Overview")
	startForm(page).WaitText("No peer is switched on. An admin can switch one on under Peers.")
	visit(page, "Peers")
	branch.Button("Switch on").Click()
	branch.Button("Switch off").Wait()
	offered(true)

	gate := pair.Wire.HoldPage(t, nodetest.ProductsPath, 1)
	s := pair.Main.Pull(nodetest.Pull{})
	nodetest.Await(t, "the first page", gate.Reached)
	page.Expect(http.StatusConflict, peersPath+"/"+nodetest.Branch)
	branch.Button("Remove").Click()
	asking := page.Dialog("Remove peer branch?")
	page.WaitFocus("button", "Keep it")
	asking.WaitText("The products that came from it stay.")
	asking.Button("Remove peer").Click()
	asking.WaitText("Peer is in use")
	asking.Button("Keep it").Click()
	asking.WaitGone()
	page.WaitFocus("button", "Remove")
	branch.Wait()
	gate.Open()
	pair.Main.WaitEnd(s.SessionId, spec.COMPLETED)

	branch.Button("Remove").Click()
	if text := asking.Find(".problem").Text(); text != "" {
		t.Errorf("the dialog still says %q", text)
	}
	asking.Find(`input[name="reason"]`).WaitGone()
	asking.Button("Remove peer").Click()
	page.WaitText("Peer removed successfully")
	branch.WaitGone()
	waitFocusOnNews(page)
	page.WaitText("There are no peers yet.")
	visit(page, "Overview")
	page.WaitText("This node knows no peer yet. An admin can add one under Peers.")
	if a := pair.Main.Call("admin", http.MethodGet, peersPath+"/"+nodetest.Branch, ""); a.Status != http.StatusNotFound {
		t.Errorf("the peer: %d %s", a.Status, a.Body)
	}
	if pair.Main.Count("main") != 30 {
		t.Error("its products are gone")
	}
}

// TestRemovePeerTwice: the answer to the first try is lost, and the second finds no peer. It is gone, which is what was wanted.
func TestRemovePeerTwice(t *testing.T) {
	t.Parallel()
	pair := newPair(t, nodetest.SQLite, 1, nodetest.Config{})
	toMain := nodetest.NewWire(t, pair.Main.URL())
	page := signInAt(t, toMain.URL, auth.RoleAdmin, browsertest.Options{})
	defer page.AllowLostConnections()()
	page.Allow(http.StatusNotFound, peersPath+"/"+nodetest.Branch)
	toMain.Reach(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.Method != http.MethodDelete {
			next.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	})
	visit(page, "Peers")
	peerRow(page, nodetest.Branch).Button("Remove").Click()
	asking := page.Dialog("Remove peer branch?")
	asking.Button("Remove peer").Click()
	asking.WaitText("The node does not answer.")
	toMain.Reach(nil)
	asking.Button("Remove peer").Click()
	asking.WaitGone()
	page.WaitText("Peer branch is removed.")
	peerRow(page, nodetest.Branch).WaitGone()
}

// TestChangeAPeer changes everything about a peer on its own page, which says at once what is wrong with it.
func TestChangeAPeer(t *testing.T) {
	t.Parallel()
	effort.SkipUnlessHeavy(t)
	pair := newPair(t, nodetest.SQLite, 1, nodetest.Config{})
	page := signIn(t, pair.Main, auth.RoleAdmin, browsertest.Options{})
	visit(page, "Peers")
	peerRow(page, nodetest.Branch).Link(nodetest.Branch).Click()
	page.WaitFocus("heading", "Peer branch")
	form := page.Role("form", "Change the peer")
	form.Field("Name").Wait()

	// Somebody else changes the same peer, first something else and then the same.
	meanwhile := func(body string) {
		t.Helper()
		if a := pair.Main.Call("alice", http.MethodPatch, peersPath+"/"+nodetest.Branch, body); a.Status != http.StatusOK {
			t.Fatalf("%s: %d %s", body, a.Status, a.Body)
		}
	}
	meanwhile(`{"nodeName": "Pier"}`)
	form.Field("Fields that its pulls leave as they are here").Fill("price")
	form.Button("Save and check").Click()
	page.WaitFor("the other name", `document.querySelector("[name=called]").value === "Pier"`)
	meanwhile(`{"nodeName": "Quay"}`)
	form.Field("Name").Fill("Harbour")
	form.Button("Save and check").Click()
	page.WaitText("Somebody else has changed this meanwhile: Name is now “Quay”. What you have typed is still here")
	form.Field("Fields that its pulls leave as they are here").Fill("price, attributes.shelf")
	form.Field("New token (only to replace the present one)").Fill(pair.Branch.TokenFor("main", auth.RoleNodePush))
	form.Button("Save and check").Click()
	page.Find("#news").WaitText("We may pull from it and push to it.")
	page.WaitText("State online")
	if left := form.Field("New token (only to replace the present one)").Value(); left != "" {
		t.Errorf("the form still holds the token %q", left)
	}
	a := pair.Main.Call("admin", http.MethodGet, peersPath+"/"+nodetest.Branch, "")
	for _, want := range []string{`"nodeName":"Harbour"`, `"keepFields":["price","attributes.shelf"]`} {
		if !strings.Contains(string(a.Body), want) {
			t.Errorf("the peer is %s, without %s", a.Body, want)
		}
	}

	form.Field("New token (only to replace the present one)").Fill("nonsense")
	form.Button("Save and check").Click()
	page.Find("#failures").WaitText("refused our token (401)")
	page.WaitText("State offline")
	page.Expect(http.StatusUnprocessableEntity, peersPath+"/"+nodetest.Branch)
	form.Field("Address").Fill("https://elsewhere.example.com")
	form.Button("Save and check").Click()
	page.WaitText("token")
	page.Link("All its sessions").Click()
	page.WaitFocus("heading", "Sessions")
	if peer := page.Field("Peer").Value(); peer != nodetest.Branch {
		t.Errorf("the sessions of %q are shown", peer)
	}
}
