package console_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"fullsync/api/spec"
	"fullsync/internal/auth"
	"fullsync/internal/browsertest"
	"fullsync/internal/nodetest"
	"fullsync/internal/source/feed"
)

// dropFile drops a file on an element, as the mouse would; bytes is what is in it.
func dropFile(page *browsertest.Page, selector, name, bytes string) {
	browsertest.Eval[bool](page, fmt.Sprintf(`(() => {
		const brought = new DataTransfer();
		brought.items.add(new File([new Uint8Array(%s)], %q));
		const drop = (kind) => document.querySelector(%q).dispatchEvent(new DragEvent(kind, {dataTransfer: brought, bubbles: true, cancelable: true}));
		return drop("dragover"), drop("drop"), true;
	})()`, strings.ReplaceAll(fmt.Sprint([]byte(bytes)), " ", ","), name, selector))
}

const (
	importPath  = "/api/catalogs/main/imports"
	previewPath = importPath + "/preview"
	// german is a file that says nothing by itself: the columns have names of their own, the ü is in windows-1252, and 1.355 may be two prices.
	german = "Artikelnummer;Bezeichnung;Preis\n1;M\xfctze;1.355\n2;Schal;12,50\n;Niemand;1\n"
)

// TestImportPage brings a file: it is shown and mapped before anything starts, outlives an ended login and a catalog in use, and is imported as
// it was shown.
func TestImportPage(t *testing.T) {
	t.Parallel()
	pair := newPair(t, nodetest.SQLite, 300, nodetest.Config{})
	traffic := newTraffic(t, pair.Main)
	page := signInAt(t, traffic.wire.URL, auth.RoleOperator, browsertest.Options{})
	page.Expect(http.StatusUnprocessableEntity, previewPath)
	page.Expect(http.StatusConflict, importPath)
	page.Allow(http.StatusUnauthorized, importPath)
	page.Allow(http.StatusUnauthorized, nodetest.StartPath+"/*")
	allowEndedLogin(page)
	visit(page, "Import")
	page.WaitFocus("heading", "Import a file")
	accessible(page)
	hands{t, page}.to("Tab", "button", "Drop a file here, or choose one")

	dropFile(page, "main", "login.csv", "<!doctype html><html><body>Sign in</body></html>")
	page.WaitText("The input is a web page (HTML), not product data")
	browsertest.Eval[bool](page, `(() => {
		const brought = new DataTransfer();
		for (const name of ["a.csv", "b.csv"]) brought.items.add(new File(["id"], name));
		return document.querySelector("main").dispatchEvent(new DragEvent("drop", {dataTransfer: brought, bubbles: true, cancelable: true})), true;
	})()`)
	page.WaitText("Drop one file at a time.")

	// Somebody stops a large one on its way.
	release := make(chan struct{})
	traffic.holdUntil("/imports", release)
	browsertest.Eval[bool](page, `(() => {
		const brought = new DataTransfer();
		brought.items.add(new File(["id,name\n", "1,Ball\n".repeat(5 << 20)], "large.csv"));
		return document.querySelector("main").dispatchEvent(new DragEvent("drop", {dataTransfer: brought, bubbles: true, cancelable: true})), true;
	})()`)
	products := page.Role("table", "The first products, as they would come in")
	products.WaitText("2 1 Ball yes")
	page.Button("Import").Click()
	page.Role("progressbar", "Sent").Wait()
	page.Button("Stop sending").Click()
	page.WaitText("Sending was stopped before the node had the whole file, so nothing is imported.")
	close(release)

	// What is likely is proposed and said, and what the node says about options is in the words of the page.
	dropFile(page, "main", "artikel.csv", german)
	page.WaitText("The file does not say which column is which. What is chosen below is only likely: check it.")
	products.WaitText("say which, for example “Encoding: windows-1252”")
	if id, name := page.Field("Id is in").Value(), page.Field("Name is in").Value(); id != "Artikelnummer" || name != "Bezeichnung" {
		t.Errorf("proposed are %s and %s", id, name)
	}
	page.Field("Encoding").Choose("windows-1252")
	products.WaitText("say which with “Decimal sign of prices: ,” or “Decimal sign of prices: .”")
	page.Field("Decimal sign of prices").Choose(",")
	page.Field("Currency where there is none").Fill("eur")
	page.Press("Tab")
	products.WaitText("2 1 Mütze 1355 EUR yes {}")
	products.WaitText("3 2 Schal 12.50 EUR yes {}")
	products.WaitText("4 id is required")
	page.Role("region", "The file begins like this").WaitText("1;Mütze;1.355")
	page.WaitText(`Read as CSV in windows-1252 with the delimiter ";": id from Artikelnummer`)
	page.Resize(320, 800)
	if wrong := browsertest.Eval[string](page, overflow); wrong != "" {
		t.Errorf("320 px wide:\n%s", wrong)
	}
	page.Resize(1280, 800)
	accessible(page)
	presets := browsertest.Eval[[]string](page, `[...[...document.querySelectorAll("label")].find((l) => l.textContent.startsWith("Comes from")).querySelectorAll("option")].map((o) => o.value).filter(Boolean)`)
	if !slices.Equal(presets, feed.Presets()) {
		t.Errorf("the page offers the presets %v, the node knows %v", presets, feed.Presets())
	}

	// The catalog is in use.
	gate := pair.Wire.HoldPage(t, nodetest.ProductsPath, 2)
	pull := pair.Main.Pull(nodetest.Pull{})
	nodetest.Await(t, "the second page", gate.Reached)
	page.Button("Import").Click()
	page.WaitText("Full sync already in progress: Catalog main is being synced from branch")
	if want := "#/sessions/" + pull.SessionId.String(); page.Link("Look at that session").Attribute("href") != want {
		t.Errorf("the session in the way is not at %s", want)
	}
	pair.Main.Cancel(pull, "")
	pair.Wire.Reach(nil)

	// The login ends; what was chosen stays.
	ended := browsertest.Eval[string](page, `sessionStorage.getItem("fullsync.token")`)
	if a := pair.Main.As(ended, http.MethodPost, "/api/auth/logout", ""); a.Status != http.StatusOK {
		t.Fatalf("ending the login: %d %s", a.Status, a.Body)
	}
	browsertest.Eval[bool](page, `[...document.querySelectorAll("button")].find((b) => b.textContent === "Import").click() ?? true`)
	page.WaitText("You have been signed out. Unauthorized")
	page.Field("Name").Fill("operator")
	page.Field("Password").Fill(password)
	page.Button("Sign in").Click()
	products.WaitText("2 1 Mütze 1355 EUR yes {}")

	page.Button("Dry run").Click()
	page.WaitFocus("heading", "Sync session")
	page.WaitText("Dry run of an import into catalog main")
	page.Role("region", "Receipt: COMPLETED").WaitText("2 new, 1 refused")
	back(page)
	page.WaitFocus("button", "Dry run")
	page.Field("Into catalog").Fill("hats")
	page.Button("Import").Click()
	page.WaitText("Import into catalog hats")
	page.Role("region", "Receipt: COMPLETED").WaitText("2 new, 1 refused")
	a := pair.Main.Call("alice", http.MethodGet, "/api/catalogs/hats/products/1", "")
	if p, err := nodetest.Decode[spec.ProductResponse](a); err != nil || p.Product.Name != "Mütze" || *p.Product.Price != "1355" || *p.Product.Currency != "EUR" {
		t.Errorf("imported %s", a.Body)
	}
	visit(page, "Catalogs")
	page.Role("table", "Catalogs").Link("hats").Click()
	page.Link("Import a file").Click()
	page.WaitFocus("heading", "Import a file")
	if into := page.Field("Into catalog").Value(); into != "hats" {
		t.Errorf("from its page a file goes into catalog %s", into)
	}
}
