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

// TestChangesOfASession: the session's page shows what it did to each product, before and after; it can be searched and downloaded.
func TestChangesOfASession(t *testing.T) {
	t.Parallel()
	pair := newPair(t, nodetest.SQLite, 60, nodetest.Config{})
	size := 3
	first := pair.Main.Sync(nodetest.Pull{Options: spec.StartOptions{BatchSize: &size}})
	dearer := pair.Branch.Call("alice", http.MethodPut, "/api/catalogs/main/products/P-0000007", fmt.Sprintf(`{"name": %q, "price": "13.37"}`, hostile))
	if dearer.Status != http.StatusOK {
		t.Fatalf("changing a product: %d %s", dearer.Status, dearer.Body)
	}
	pair.Branch.Put("main", "Z-1", "new")
	s := pair.Main.Sync(nodetest.Pull{})
	page := signIn(t, pair.Main, auth.RoleViewer, browsertest.Options{})
	row(page, s.SessionId).Find(`[data-field="products"]`).Click()
	page.Role("DisclosureTriangle", "What it changed, product by product").Click()
	table := page.Role("table", "Changes")
	table.WaitText("P-0000007 updated")
	table.WaitText(hostile)
	table.WaitText("Z-1 created")
	accessible(page)
	form := page.Role("form", "Search changes")
	form.Field("Kind").Choose("created")
	page.WaitFor("one change", `document.querySelectorAll("#changes tbody tr").length === 1`)
	form.Field("Kind").Choose("all")
	form.Field("Product contains").Fill("p-0000007")
	page.Press("Enter")
	page.WaitFor("one change", `document.querySelectorAll("#changes tbody tr").length === 1`)
	browsertest.Eval[bool](page, noteFiles)
	form.Button("Download all").Click()
	page.WaitFor("the file", `window.saved`)
	if file := browsertest.Eval[string](page, "window.saved"); !strings.HasPrefix(file, "batch,productId,kind,field,before,after") || strings.Contains(file, "Z-1") {
		t.Errorf("saved %s", file)
	}
	table.Link("P-0000007").Click()
	page.WaitFocus("heading", "Product P-0000007")
	page.WaitFor("its name", `[...document.querySelectorAll("input")].some((input) => input.value.startsWith("<img"))`)
	past := page.Role("table", "What syncs did to it")
	past.WaitText("pull from branch alice updated")
	past.WaitText(hostile)
	past.WaitText("created")
	const priced = `[...document.querySelectorAll("[aria-label='What syncs did to it'] tbody tr")].find((row) => row.textContent.includes("13.37")).querySelector("a").hash`
	if by, want := browsertest.Eval[string](page, priced), "#/sessions/"+s.SessionId.String(); by != want {
		t.Errorf("the price was changed by %s, want %s", by, want)
	}

	// A search in a long list takes several requests. The page makes them by itself.
	browsertest.Eval[bool](page, `location.assign("#/sessions/`+first.SessionId.String()+`") ?? true`)
	page.Role("DisclosureTriangle", "What it changed, product by product").Click()
	table.WaitText("P-0000001 created")
	form.Field("Product contains").Fill("p-0000060")
	page.Press("Enter")
	table.WaitText("P-0000060 created")
}

// noteFiles is an expression that makes the page record what it saves, instead of saving it.
const noteFiles = `(() => {
	URL.createObjectURL = (file) => { file.text().then((text) => { window.saved = text; }); return "#saved"; };
	HTMLAnchorElement.prototype.click = function() { window.savedAs = this.download; };
	return true;
})()`
