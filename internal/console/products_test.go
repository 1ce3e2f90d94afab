package console_test

import (
	"net/http"
	"strings"
	"testing"

	"fullsync/internal/auth"
	"fullsync/internal/browsertest"
	"fullsync/internal/nodetest"
)

// TestProducts goes from the catalogs to a product, searches, changes and deletes it, and deletes the catalog.
func TestProducts(t *testing.T) {
	t.Parallel()
	browsertest.Require(t)
	node := newPair(t, nodetest.SQLite, 0, nodetest.Config{}).Main
	node.Fill("garden", 120)
	const address = "/api/catalogs/garden/products/P-0000077"
	put := func(price string) {
		t.Helper()
		body := `{"name": "Shears", "sku": "77", "price": "` + price + `", "currency": "EUR", "attributes": {"weight": 1.50, "ean": 12345678901234567890}}`
		if a := node.Call("alice", http.MethodPut, address, body); a.Status != http.StatusOK {
			t.Fatalf("changing the product: %d %s", a.Status, a.Body)
		}
	}
	put("12.50")
	page := signIn(t, node, auth.RoleOperator, browsertest.Options{})
	page.Expect(http.StatusPreconditionFailed, address)
	visit(page, "Catalogs")
	table := page.Role("table", "Catalogs")
	table.WaitText("garden 120 none has ended yet")
	table.Link("garden").Click()
	page.WaitFocus("heading", "Catalog garden")
	rows := func(count string) {
		t.Helper()
		page.WaitFor(count+" products", `[...document.querySelectorAll("tbody")].find((b) => b.checkVisibility()).rows.length === `+count)
	}
	rows("50")
	page.Button("Show more").Click()
	rows("100")
	page.Field("Id, SKU or name contains").Fill("SHEARS")
	page.Press("Enter")
	rows("1")
	page.Role("table", "Products").WaitText("P-0000077 Shears 77 12.50 EUR yes")
	if want := node.URL() + "/console/#/catalogs/garden?q=SHEARS"; page.URL() != want {
		t.Errorf("the search is at %s, want %s", page.URL(), want)
	}
	accessible(page)
	page.Field("Id, SKU or name contains").Fill("")
	page.Press("Enter")
	rows("50")
	page.Field("Sorted by").Choose("id, last first")
	page.Find("tbody tr:first-child a[href$='/P-0000120']").Wait()
	page.Field("Sorted by").Choose("name")
	page.Button("Show more").Click()
	rows("100")
	if want := node.URL() + "/console/#/catalogs/garden?sort=name"; page.URL() != want {
		t.Errorf("sorted by name the products are at %s, want %s", page.URL(), want)
	}
	back(page)
	page.Find("tbody tr:first-child a[href$='/P-0000120']").Wait()
	browsertest.Eval[bool](page, `location.assign("#/catalogs/garden?q=SHEARS") ?? true`)
	rows("1")

	browsertest.Eval[bool](page, noteFiles)
	page.Field("As").Choose("CSV")
	page.Button("Export the catalog").Click()
	page.WaitFor("the file", "window.saved")
	if file := browsertest.Eval[string](page, "window.saved"); strings.Count(file, "\n") != 121 || !strings.Contains(file, "P-0000077,77,Shears,12.50,EUR,true,") {
		t.Errorf("exported %s", file)
	}

	page.Link("P-0000077").Click()
	page.WaitFocus("heading", "Product P-0000077")
	page.Field("Name").Fill(hostile)
	page.Button("Save").Click()
	page.WaitText("Product P-0000077 is saved.")
	kept := func(want string) {
		t.Helper()
		if a := node.Call("alice", http.MethodGet, address, ""); !strings.Contains(string(a.Body), want) {
			t.Errorf("the product is %s, without %s", a.Body, want)
		}
	}
	kept(`"attributes":{"ean":12345678901234567890,"weight":1.50}`)
	kept(`"price":"12.50"`)

	// Somebody else has changed it since.
	put("13.00")
	page.Field("Price").Fill("14")
	page.Button("Save").Click()
	page.WaitText("Product P-0000077 has changed since it was read.")
	kept(`"price":"13.00"`)
	page.Reload()
	page.WaitFor("the new price", `[...document.querySelectorAll("input")].some((input) => input.value === "13.00")`)
	page.Button("Delete…").Click()
	question := page.Dialog("Delete product P-0000077?")
	page.WaitFocus("button", "Keep it")
	question.Button("Delete product").Click()
	page.WaitText("Product deleted successfully")
	if n := node.Count("garden"); n != 119 {
		t.Errorf("%d products are left", n)
	}

	viewer := signIn(t, node, auth.RoleViewer, browsertest.Options{})
	browsertest.Eval[bool](viewer, `location.assign("#/catalogs/garden/P-0000001") ?? true`)
	viewer.Field("Attributes, as JSON").Wait()
	if viewer.Button("Save").Visible() || viewer.Button("Delete…").Visible() || !browsertest.Eval[bool](viewer, `document.querySelector("textarea").readOnly`) {
		t.Error("a viewer may change the product")
	}

	browsertest.Eval[bool](page, countedEarlier)
	visit(page, "Catalogs")
	table.WaitText("garden 119, counted Jan 31, 2026")
	node.Put("garden", "late", "Latecomer")
	page.Expect(http.StatusConflict, "/api/catalogs/garden")
	page.Button("Delete…").Click()
	question = page.Dialog("Delete catalog garden?")
	question.Button("Delete 119 products").Click()
	question.WaitText("Catalog garden holds 120 products")
	question.Button("Keep it").Click()
	table.WaitText("garden 120, counted")
	page.Button("Delete…").Click()
	page.Dialog("Delete catalog garden?").Button("Delete 120 products").Click()
	page.WaitText("Catalog garden deleted successfully")
	page.WaitText("There is no catalog yet.")
	waitFocusOnNews(page)
}

// countedEarlier is an expression that makes the page believe that the catalogs were counted for an earlier answer.
const countedEarlier = `(() => {
	const send = window.fetch;
	window.fetch = async (address, init) => {
		const answer = await send(address, init);
		if (!new URL(answer.url).pathname.endsWith("/api/catalogs")) return answer;
		return new Response((await answer.text()).replaceAll('"countedAt":null', '"countedAt":"2026-01-31T10:00:00Z"'), answer);
	};
	return true;
})()`
