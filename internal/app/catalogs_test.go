package app_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"fullsync/api/spec"
	"fullsync/internal/catalog"
	"fullsync/internal/nodetest"
)

func TestEmptyCatalog(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, 0, nodetest.Config{})
		for _, verify := range []bool{false, true} {
			s := pair.Main.Sync(nodetest.Pull{Options: spec.StartOptions{VerifyAfterSync: &verify}})
			checkCounts(t, s, counts{})
		}
		if n := pair.Main.Count("main"); n != 0 {
			t.Errorf("%d products out of nothing", n)
		}
	})
}

// TestOddProducts uses what catalogs of real shops contain: ids that sort differently as text and as bytes and need escaping in
// a URL, numbers that do not fit in a float, and products of a megabyte, several of which reach a page's limit.
func TestOddProducts(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, 30, nodetest.Config{})
		var odd []catalog.Product
		for _, id := range []string{
			"Ä-umlaut", "ä", "zebra", "Zebra", "日本語/ラーメン", "🛒🛍️", "a b c", "a+b&c=d?e#f%20g", `quote"back\slash`, "'; DROP TABLE products; --",
			"é", "e\u0301", "..", ".", "~", "\u00a0", "ﬀ", strings.Repeat("x", 255), strings.Repeat("é", 127),
		} {
			odd = append(odd, nodetest.Product(t, fmt.Sprintf(
				`{"id":%s,"name":"näme 名前 \u0001","price":"0012.500","weight":1.10,"big":123456789012345678901234567890,"e":1E+400,"z":{"b":1,"a":[null,true,""]}}`,
				quote(id))))
		}
		big := strings.Repeat("lorem ipsum ", 1<<20/12)
		for i := range 5 {
			odd = append(odd, nodetest.Product(t, fmt.Sprintf(`{"id":"big-%d","name":"a megabyte","text":"%d %s"}`, i, i, big)))
		}
		pair.Branch.Import("main", odd...)
		for _, compressed := range []bool{true, false} {
			s := pair.Main.Sync(nodetest.Pull{Options: spec.StartOptions{CompressionEnabled: &compressed, VerifyAfterSync: new(true)}})
			if s.TransferredRecords != int64(30+len(odd)) || s.Rejected != 0 {
				t.Errorf("%d products: %s", 30+len(odd), nodetest.Show(s))
			}
			nodetest.SameCatalog(t, pair.Branch, pair.Main, "main")
		}
	})
}

// TestSearch: a search ignores the case of letters, and takes characters that are special in patterns literally.
func TestSearch(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		n := nodetest.Start(t, nodetest.Config{Database: nodetest.NewDatabase(t, kind)})
		n.Import("main", nodetest.Product(t, `{"id":"1","name":"ÉCLAIR"}`), nodetest.Product(t, `{"id":"2","name":"Eclair"}`))
		for q, want := range map[string]string{
			"%C3%A9clair": "1", "eCLAIR": "2", "clair": "12", "": "12", "%5B": "", "%2A": "", "%5C": "", "%25": "",
		} {
			a := n.Call("bob", http.MethodGet, "/api/catalogs/main/products?q="+q, "")
			list, err := nodetest.Decode[spec.ProductListResponse](a)
			found := ""
			for _, p := range list.Products {
				found += p.Id
			}
			if err != nil || a.Status != http.StatusOK || found != want {
				t.Errorf("q=%s: %d %s, want %q", q, a.Status, a.Body, want)
			}
		}
	})
}

// TestSizesOfCatalogs: the list without digests knows at once which catalogs there are, counts small ones each time, and says of when the count of a large one is.
func TestSizesOfCatalogs(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		n := nodetest.Start(t, nodetest.Config{Database: nodetest.NewDatabase(t, kind)})
		sizes := func() (found []spec.CatalogSummary) {
			t.Helper()
			a := n.Call("bob", http.MethodGet, "/api/catalogs?digest=false", "")
			list, err := nodetest.Decode[spec.CatalogListResponse](a)
			if err != nil || a.Status != http.StatusOK {
				t.Fatalf("%d %s", a.Status, a.Body)
			}
			return list.Catalogs
		}
		if found := sizes(); len(found) != 0 {
			t.Errorf("in an empty node: %+v", found)
		}
		const many = 20_000
		series := "generate_series(1, 20000) AS series(i)"
		if kind == nodetest.SQLite {
			series = "(WITH RECURSIVE series(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM series WHERE i < 20000) SELECT i FROM series)"
		}
		behind(t, n, `INSERT INTO products (catalog, id, sku, name, price, currency, active, attributes, hash, origin_node_id, created_at, updated_at)
			SELECT 'large', 'p-' || i, '', 'Product', '', '', true, '{}', '', 'elsewhere', CURRENT_TIMESTAMP, CURRENT_TIMESTAMP FROM `+series)
		n.Put("small", "a", "Apple")
		if found := sizes(); len(found) != 2 || found[0].Products != many || found[0].CountedAt != nil || found[0].Digest != nil || found[1].Products != 1 {
			t.Errorf("first: %+v", found)
		}
		n.Put("large", "one-more", "Last straw")
		n.Put("small", "b", "Banana")
		if found := sizes(); (found[0].Products == many) != (found[0].CountedAt != nil) || found[1].Products != 2 || found[1].CountedAt != nil {
			t.Errorf("a moment later: %+v", found)
		}
		// A refused deletion says how many there are. The list says the same then, and not what it was refused for.
		if a := n.Call("alice", http.MethodDelete, "/api/catalogs/large?products=20000", ""); a.Status != http.StatusConflict {
			t.Errorf("%d %s", a.Status, a.Body)
		}
		if found := sizes(); found[0].Products != many+1 || found[0].CountedAt != nil {
			t.Errorf("after it was refused: %+v", found)
		}
		n.Delete("small", "a", "b")
		if found := sizes(); len(found) != 1 {
			t.Errorf("after one was emptied: %+v", found)
		}
	})
}

// quote renders an id as JSON. The ids here need no escapes except for quotes and backslashes.
func quote(id string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(id) + `"`
}

// TestCatalogsAreApart syncs two catalogs with the same ids at the same time.
func TestCatalogsAreApart(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, 120, nodetest.Config{})
		pair.Branch.Fill("garden", 250)
		gate := pair.Wire.HoldPage(t, nodetest.ProductsPath, 1)
		first := pair.Main.Pull(nodetest.Pull{})
		nodetest.Await(t, "the first pull", gate.Reached)

		second := pair.Main.Sync(nodetest.Pull{Catalog: "garden"})
		if second.Catalog != "garden" || second.Created != 250 {
			t.Errorf("garden: %s", nodetest.Show(second))
		}
		nodetest.SameCatalog(t, pair.Branch, pair.Main, "garden")
		if n := pair.Main.Count("main"); n != 0 {
			t.Errorf("%d products in main before its first page", n)
		}
		gate.Open()
		pair.Main.WaitEnd(first.SessionId, spec.COMPLETED)
		nodetest.SameCatalog(t, pair.Branch, pair.Main, "main")

		status, err := nodetest.Decode[spec.StatusResponse](pair.Main.Call("bob", http.MethodGet, nodetest.StatusPath+"?catalog=garden", ""))
		if err != nil || status.Last == nil || status.Last.SessionId != second.SessionId {
			t.Errorf("status of garden: %+v, %v", status, err)
		}
	})
}

// TestRefusedProductDoesNotFailTheSync makes one product invalid on its way.
func TestRefusedProductDoesNotFailTheSync(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, 40, nodetest.Config{})
		pair.Branch.Import("main", nodetest.Product(t, `{"id":"Q-1","name":"nameless soon"}`), nodetest.Product(t, `{"id":"Q-2","name":"fine"}`))
		pair.Wire.OnPage(nodetest.ProductsPath, 1, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			page := nodetest.Answered(r, next)
			w.Header().Set("Content-Type", page.Header.Get("Content-Type"))
			_, _ = w.Write([]byte(strings.ReplaceAll(string(page.Body), `"nameless soon"`, `""`)))
		})
		s := pair.Main.Sync(nodetest.Pull{Options: spec.StartOptions{VerifyAfterSync: new(true), CompressionEnabled: new(false)}})
		checkCounts(t, s, counts{transferred: 41, created: 41, rejected: 1})
		if n := pair.Main.Count("main"); n != 41 {
			t.Errorf("%d products, want 41", n)
		}
	})
}
