package console_test

import (
	"testing"

	"fullsync/internal/auth"
	"fullsync/internal/browsertest"
	"fullsync/internal/effort"
	"fullsync/internal/nodetest"
)

// TestFirstRun: an empty node shows what to do next, and each of it works at once.
func TestFirstRun(t *testing.T) {
	t.Parallel()
	browsertest.Require(t)
	node := nodetest.Start(t, nodetest.Config{ID: nodetest.MainNode})
	for _, role := range []auth.Role{auth.RoleAdmin, auth.RoleViewer} {
		node.AddUser(string(role), role, password)
	}
	enter := func(name string) *browsertest.Page {
		page := open(t, node, browsertest.Options{})
		page.Field("Name").Fill(name)
		page.Field("Password").Fill(password)
		page.Button("Sign in").Click()
		page.Role("region", "This node is empty").Wait()
		return page
	}
	viewer := enter("viewer")
	if viewer.Link("Add a peer").Visible() || viewer.Button("Load a sample catalog").Visible() {
		t.Error("a viewer is offered what it may not do")
	}
	page := enter("admin")
	accessible(page)
	page.Link("Add a peer").Click()
	page.WaitFocus("heading", "Peers")
	page.Field("Node id").Wait()
	back(page)

	dropFile(page, "#welcome", "products.ndjson", `{"id":"p-1","name":"One","attributes":{"weight":1.50}}`+"\n"+`{"id":"p-2","name":"Two"}`+"\n")
	page.WaitFocus("heading", "Import a file")
	page.Role("table", "The first products, as they would come in").WaitText(`1 p-1 One yes {"weight":1.50}`)
	page.Button("Import").Click()
	page.Role("region", "Receipt: COMPLETED").WaitText("2 of 2 products: 2 new")
	visit(page, "Overview")
	page.Find("#figures").WaitText("Products here 2")
	page.Role("region", "This node is empty").WaitGone()

	viewer.Reload()
	viewer.Role("heading", "Full sync").Wait()
	if n := node.Count("main"); n != 2 {
		t.Errorf("%d products are there", n)
	}
}

// TestSampleCatalog: loading it makes products to try things with.
func TestSampleCatalog(t *testing.T) {
	t.Parallel()
	effort.SkipUnlessHeavy(t)
	browsertest.Require(t)
	node := nodetest.Start(t, nodetest.Config{ID: nodetest.MainNode})
	node.AddUser(string(auth.RoleOperator), auth.RoleOperator, password)
	page := open(t, node, browsertest.Options{})
	page.Field("Name").Fill("operator")
	page.Field("Password").Fill(password)
	page.Button("Sign in").Click()
	page.Button("Load a sample catalog").Click()
	page.WaitText("Loaded 100 products into catalog main.")
	page.WaitFocus("heading", "Catalog main")
	if n := node.Count("main"); n != 100 {
		t.Errorf("%d products are there", n)
	}
}
