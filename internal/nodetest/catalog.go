package nodetest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"fullsync/internal/catalog"
	"fullsync/internal/sample"
)

// Import puts products into one of the node's catalogs, as its own.
func (n *Node) Import(catalogName string, products ...catalog.Product) {
	n.t.Helper()
	products = slices.SortedFunc(slices.Values(products), func(a, b catalog.Product) int { return strings.Compare(a.ID, b.ID) })
	for batch := range slices.Chunk(products, 500) {
		if _, err := n.Store.Import(n.t.Context(), catalogName, n.NodeID(), batch); err != nil {
			n.t.Fatalf("filling catalog %s of %s: %v", catalogName, n.NodeID(), err)
		}
	}
}

// Fill puts count realistic products into one of the node's catalogs and returns them.
func (n *Node) Fill(catalogName string, count int) []catalog.Product {
	n.t.Helper()
	products := slices.Collect(sample.Products(count, 1))
	n.Import(catalogName, products...)
	return products
}

// Product parses one product from JSON.
func Product(t testing.TB, line string) catalog.Product {
	t.Helper()
	p, err := catalog.Parse([]byte(line))
	if err != nil {
		t.Fatalf("product %.200s: %v", line, err)
	}
	return p
}

// Count returns how many products one of the node's catalogs holds right now.
func (n *Node) Count(catalogName string) int64 {
	n.t.Helper()
	counts, err := n.Store.CountCatalogs(n.t.Context())
	if err != nil {
		n.t.Fatal(err)
	}
	for _, c := range counts {
		if c.Catalog == catalogName {
			return c.Products
		}
	}
	return 0
}

// Products returns every product in one of the node's catalogs, ascending by id.
func (n *Node) Products(catalogName string) []catalog.Stored {
	n.t.Helper()
	var all []catalog.Stored
	for after := ""; ; after = all[len(all)-1].ID {
		page, err := n.Store.ListProducts(n.t.Context(), catalogName, after, "", 1000)
		if err != nil {
			n.t.Fatal(err)
		}
		if all = append(all, page...); len(page) < 1000 {
			return all
		}
	}
}

// SameCatalog fails the test unless target holds exactly source's products, equal in every field and hash, and all with
// source as their origin.
func SameCatalog(t testing.TB, source, target *Node, catalogName string) {
	t.Helper()
	want, got := source.Products(catalogName), target.Products(catalogName)
	if len(want) != len(got) {
		t.Fatalf("%s holds %d products of %s, %s %d", target.NodeID(), len(got), catalogName, source.NodeID(), len(want))
	}
	wrong := 0
	for i := range want {
		if got[i].Product == want[i].Product && got[i].OriginNodeID == source.NodeID() && got[i].Hash == got[i].ContentHash() {
			continue
		}
		if wrong++; wrong <= 3 {
			t.Errorf("product %d of %s:\n got %.600s\nwant %.600s", i, catalogName, fmt.Sprintf("%+v", got[i]), fmt.Sprintf("%+v", want[i]))
		}
	}
	if wrong > 3 {
		t.Errorf("%d products of %s differ from those at %s", wrong, catalogName, source.NodeID())
	}
}

// Put gives a product a name, and makes it where there is none.
func (n *Node) Put(catalogName, id, name string) {
	n.t.Helper()
	a := n.Call("alice", http.MethodPut, "/api/catalogs/"+catalogName+"/products/"+id, fmt.Sprintf(`{"name":%q}`, name))
	if a.Status != http.StatusOK && a.Status != http.StatusCreated {
		n.t.Fatalf("put %s: %d %s", id, a.Status, a.Body)
	}
}

// Delete deletes products.
func (n *Node) Delete(catalogName string, ids ...string) {
	n.t.Helper()
	for _, id := range ids {
		a := n.Call("alice", http.MethodDelete, "/api/catalogs/"+catalogName+"/products/"+id, "")
		if a.Status != http.StatusNoContent && a.Status != http.StatusOK {
			n.t.Fatalf("delete %s: %d %s", id, a.Status, a.Body)
		}
	}
}
