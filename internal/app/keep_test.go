package app_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"

	"fullsync/api/spec"
	"fullsync/internal/auth"
	"fullsync/internal/catalog"
	"fullsync/internal/effort"
	"fullsync/internal/nodetest"
)

// keep makes Main keep these fields of what it pulls from Branch.
func keep(pair *nodetest.Pair, fields ...string) {
	fields = append([]string{}, fields...)
	pair.Main.ChangePeer(nodetest.Branch, spec.PeerChange{KeepFields: &fields})
}

// shownAt is one of a node's products as its API shows it, and as other nodes read it.
func shownAt(t *testing.T, n *nodetest.Node, id string) catalog.Product {
	t.Helper()
	for _, p := range n.Products("main") {
		if p.ID == id {
			return p.Product
		}
	}
	t.Fatalf("%s has no product %s", n.NodeID(), id)
	return catalog.Product{}
}

// TestKeepFields goes through what a shop does that has prices of its own.
func TestKeepFields(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, 0, nodetest.Config{})
		put := func(n *nodetest.Node, id, price, name string, stock int) {
			t.Helper()
			body := fmt.Sprintf(`{"name":%q,"price":%q,"stock":%d}`, name, price, stock)
			if a := n.Call("alice", http.MethodPut, "/api/catalogs/main/products/"+id, body); a.Status != http.StatusOK && a.Status != http.StatusCreated {
				t.Fatalf("put: %d %s", a.Status, a.Body)
			}
		}
		is := func(id, price, name string, stock int) {
			t.Helper()
			want := nodetest.Product(t, fmt.Sprintf(`{"id":%q,"name":%q,"price":%q,"stock":%d}`, id, name, price, stock))
			if got := shownAt(t, pair.Main, id); got != want {
				t.Errorf("shown is %+v, want %+v", got, want)
			}
		}
		pull := func(created, updated, unchanged int64, changes ...string) {
			t.Helper()
			s := pair.Main.Sync(nodetest.Pull{Options: spec.StartOptions{VerifyAfterSync: new(true)}})
			if s.Created != created || s.Updated != updated || s.Unchanged != unchanged {
				t.Errorf("pulled %s", nodetest.Show(s))
			}
			if kept := pair.Main.Peer(nodetest.Branch).KeepFields; !slices.Equal(value(s.KeepFields), kept) {
				t.Errorf("the session kept %q, want %q", value(s.KeepFields), kept)
			}
			if found := changesOf(t, pair.Main, s.SessionId); changes != nil && !slices.Equal(found, changes) {
				t.Errorf("it changed %q, want %q", found, changes)
			}
		}

		keep(pair, "price", "attributes.stock")
		put(pair.Branch, "a", "1", "theirs", 1)
		put(pair.Branch, "b", "1", "theirs", 1)
		pull(2, 0, 0)
		is("a", "1", "theirs", 1) // new products are theirs as a whole

		put(pair.Main, "a", "2", "ours", 7)
		pull(0, 1, 1)
		is("a", "2", "theirs", 7) // our price and stock, their name
		pull(0, 0, 2)

		put(pair.Branch, "a", "3", "theirs", 3) // only fields that are kept: nothing changes here
		pull(0, 0, 2)
		is("a", "2", "theirs", 7)
		put(pair.Branch, "a", "3", "theirs, too", 3)
		pull(0, 1, 1, changed(1, "a", "name", "theirs", "theirs, too"))
		is("a", "2", "theirs, too", 7)

		keep(pair, "attributes.stock") // the price is theirs again
		pull(0, 1, 1, changed(1, "a", "price", "2", "3"))
		is("a", "3", "theirs, too", 7)

		keep(pair, "name", "attributes.stock") // and the name is ours from now on, as it is
		put(pair.Branch, "a", "3", "another", 4)
		put(pair.Branch, "b", "1", "another", 1)
		pull(0, 0, 2)
		is("a", "3", "theirs, too", 7)
		is("b", "1", "theirs", 1)

		keep(pair) // everything is theirs
		pull(0, 2, 0)
		nodetest.SameCatalog(t, pair.Branch, pair.Main, "main")
	})
}

// TestKeptFieldsOfRandomShops: after each pull, whatever anybody did before, fields that are kept are as they were, all others are as at the
// source, and a second pull reads and changes nothing.
func TestKeptFieldsOfRandomShops(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, 0, nodetest.Config{})
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		random := rand.New(rand.NewPCG(seed, 0))
		names := []string{"sku", "name", "price", "currency", "active", "attributes.stock", "attributes.größe"}
		var fields catalog.Fields
		for round := range effort.Amount(8, 25) {
			if random.IntN(3) == 0 {
				random.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
				fields = slices.Clone(names[:random.IntN(len(names)+1)])
				keep(pair, fields...)
			}
			edit(t, random, pair.Branch)
			edit(t, random, pair.Main)
			if random.IntN(4) == 0 {
				if _, err := pair.Main.Store.SQL().ExecContext(t.Context(), "UPDATE products SET price = '99' WHERE id LIKE $1", fmt.Sprintf("%%%d", random.IntN(10))); err != nil {
					t.Fatal(err)
				}
			}
			before := byID(pair.Main.Products("main"))
			options := spec.StartOptions{VerifyAfterSync: new(random.IntN(2) == 0), ReadEverything: new(random.IntN(4) == 0)}
			pair.Main.Sync(nodetest.Pull{Options: options})
			after := byID(pair.Main.Products("main"))
			for _, theirs := range pair.Branch.Products("main") {
				want := theirs.Product
				if ours, ok := before[want.ID]; ok {
					want, _, _ = fields.Keep(&theirs.Product, &ours)
				}
				if got := after[want.ID]; got != want || got.Hash != got.ContentHash() {
					t.Fatalf("round %d, keeping %q of %+v\n got %+v\nwant %+v", round, fields, before[want.ID], got, want)
				}
				delete(before, want.ID)
			}
			for id, ours := range before {
				if after[id] != ours {
					t.Fatalf("round %d: %s, which is only here, became %+v", round, id, after[id])
				}
			}
			pages := len(pair.Wire.Exchanges(nodetest.ProductsPath))
			if s := pair.Main.Sync(nodetest.Pull{}); s.Created+s.Updated != 0 || len(pair.Wire.Exchanges(nodetest.ProductsPath)) != pages {
				t.Fatalf("round %d, keeping %q, a second pull: %s", round, fields, nodetest.Show(s))
			}
		}
	})
}

func byID(stored []catalog.Stored) map[string]catalog.Product {
	products := map[string]catalog.Product{}
	for _, p := range stored {
		products[p.ID] = p.Product
	}
	return products
}

// edit gives some of a node's products another content.
func edit(t *testing.T, random *rand.Rand, n *nodetest.Node) {
	t.Helper()
	one := func(of ...string) string { return of[random.IntN(len(of))] }
	for i := range 60 {
		if random.IntN(4) > 0 {
			continue
		}
		n.Import("main", nodetest.Product(t, fmt.Sprintf(`{"id":"p-%02d","name":"`, i)+one("a", "b", "c")+`"`+one("", `,"sku":"s"`)+
			one("", `,"price":"12.50"`, `,"price":12.5`)+one("", `,"currency":"EUR"`)+one("", `,"active":false`)+`,"attributes":{"other":`+one("1", "2")+
			one("", `,"stock":5`, `,"stock":5.0`, `,"stock":null`)+one("", `,"größe":{"b":1,"a":[1,2]}`)+`}}`))
	}
}

// TestKeptFieldsAreChecked: a list that makes no sense is refused by name, and does not change the one there is.
func TestKeptFieldsAreChecked(t *testing.T) {
	t.Parallel()
	pair := nodetest.NewPair(t, nodetest.SQLite, 0, nodetest.Config{})
	keep(pair, "price", "attributes.stock")
	path := "/api/admin/sync/peers/" + nodetest.Branch
	for body, want := range map[string]string{
		`{"keepFields":["id"]}`:                                         "must not name id",
		`{"keepFields":["colour"]}`:                                     `names no field of a product: \"colour\"`,
		`{"keepFields":["price","price"]}`:                              `names a field twice: \"price\"`,
		`{"keepFields":"price"}`:                                        "keepFields",
		`{"keepFields":[1]}`:                                            "keepFields",
		`{"keepFields":["attributes."]}`:                                "names no field",
		`{"keepFields":["` + strings.Repeat(`price","`, 100) + `sku"]}`: "keepFields",
	} {
		if a := pair.Main.Call("alice", http.MethodPatch, path, body); a.Status != http.StatusBadRequest || !strings.Contains(string(a.Body), want) {
			t.Errorf("%.60s: %d %s", body, a.Status, a.Body)
		}
	}
	if kept := pair.Main.Peer(nodetest.Branch).KeepFields; !slices.Equal(kept, []string{"price", "attributes.stock"}) {
		t.Errorf("kept are %q", kept)
	}
}

// TestRevertWhereFieldsAreKept: a revert puts back what the sync has changed, and what was kept is no part of that. The next sync brings it again.
func TestRevertWhereFieldsAreKept(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, 0, nodetest.Config{})
		keep(pair, "price")
		put := func(n *nodetest.Node, name, price string) {
			for _, id := range []string{"a", "b", "c"} {
				n.Import("main", nodetest.Product(t, fmt.Sprintf(`{"id":%q,"name":%q,"price":%q}`, id, name, price)))
			}
		}
		put(pair.Branch, "old", "1")
		pair.Main.Sync(nodetest.Pull{})
		put(pair.Main, "old", "2")
		pair.Main.Sync(nodetest.Pull{})
		before := export(t, pair.Main)

		put(pair.Branch, "new", "3")
		sync := pair.Main.Sync(nodetest.Pull{})
		back := reverted(t, pair.Main, sync.SessionId)
		if got := export(t, pair.Main); sync.Updated != 3 || back.Updated != 3 || !bytes.Equal(got, before) || back.KeepFields != nil {
			t.Errorf("%s\nafter %s", got, nodetest.Show(back))
		}
		again := pair.Main.Sync(nodetest.Pull{})
		if p := shownAt(t, pair.Main, "a"); again.Updated != 3 || p.Name != "new" || p.Price != "2" {
			t.Errorf("the next sync made it %+v: %s", p, nodetest.Show(again))
		}

		pair.Main.Import("main", nodetest.Product(t, `{"id":"b","name":"new","price":"4"}`)) // our price again, after that sync
		if back = reverted(t, pair.Main, again.SessionId); back.Updated != 2 || back.Rejected != 1 || shownAt(t, pair.Main, "b").Price != "4" {
			t.Errorf("after an edit: %s", nodetest.Show(back))
		}
	})
}

// TestWhatCannotBeKept: a product that would be too large with what is kept of it is refused by name, each time, and nothing else is held up.
func TestWhatCannotBeKept(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, 20, nodetest.Config{})
		keep(pair, "attributes.ours")
		large := strings.Repeat("x", catalog.MaxProductBytes/2)
		pair.Branch.Import("main", nodetest.Product(t, `{"id":"a","name":"a","theirs":"`+large+`"}`))
		pair.Main.Import("main", nodetest.Product(t, `{"id":"a","name":"ours","ours":"`+large+`"}`))
		for range 2 {
			s := pair.Main.Sync(nodetest.Pull{})
			if s.Rejected != 1 || s.Created+s.Unchanged != 20 || value(s.Outcome) != spec.OutcomeRejects {
				t.Fatalf("pulled %s", nodetest.Show(s))
			}
			a := pair.Main.Call("alice", http.MethodGet, nodetest.StartPath+"/"+s.SessionId.String()+"/rejects", "")
			if !strings.Contains(string(a.Body), `"productId":"a"`) || !strings.Contains(string(a.Body), "with the fields that are kept here: the product is larger than") {
				t.Errorf("rejects: %s", a.Body)
			}
			if shownAt(t, pair.Main, "a").Name != "ours" {
				t.Error("it was written all the same")
			}
		}
	})
}

// TestPushWhereFieldsAreKept: a push writes whole products, so a node that keeps fields of what comes from the pusher does not let it in.
func TestPushWhereFieldsAreKept(t *testing.T) {
	t.Parallel()
	pair := newPusher(t, nodetest.SQLite, nodetest.SQLite, 10, nodetest.Config{})
	pair.Branch.AddPeer("main", pair.Main.URL(), pair.Main.TokenFor("branch", auth.RoleNode))
	pair.Branch.ChangePeer("main", spec.PeerChange{KeepFields: &[]string{"price"}})
	keep(pair, "name") // of what is pulled here; it does not matter
	s := pair.Main.WaitEnd(pair.Main.Pull(push(10, spec.StartOptions{})).SessionId, spec.FAILED)
	if !strings.Contains(value(s.ErrorMessage), "branch keeps price") || pair.Branch.Count("main") != 0 {
		t.Errorf("pushed %s", nodetest.Show(s))
	}
	pair.Branch.ChangePeer("main", spec.PeerChange{KeepFields: &[]string{}})
	pair.Main.Sync(push(10, spec.StartOptions{}))
	nodetest.SameCatalog(t, pair.Main, pair.Branch, "main")
}

// TestKeptFieldsGoOn: what is pushed on, and read here, is what is shown; what is deleted at the source is deleted here, whatever was kept of it.
func TestKeptFieldsGoOn(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, 20, nodetest.Config{})
		pair.Main.Sync(nodetest.Pull{})
		keep(pair, "name")
		renamed := pair.Main.Products("main")[:5]
		for i := range renamed {
			renamed[i].Name = "ours"
			renamed[i].Hash = renamed[i].ContentHash()
			pair.Main.Import("main", renamed[i].Product)
		}
		s := pair.Main.Sync(nodetest.Pull{Options: spec.StartOptions{VerifyAfterSync: new(true)}})
		c := receiptOf(t, pair.Main, s.SessionId).Certificates
		if s.Unchanged != 20 || c == nil || c.Source == nil || c.Target == nil || *c.Source != *c.Target {
			t.Errorf("verified %s, certificates %+v", nodetest.Show(s), c)
		}
		if shownAt(t, pair.Main, renamed[0].ID).Name != "ours" {
			t.Error("our name is gone")
		}

		third := nodetest.Start(t, nodetest.Config{ID: "third", Database: nodetest.NewDatabase(t, kind)})
		third.AddPeer("main", pair.Main.URL(), pair.Main.TokenFor("third", auth.RoleNode))
		third.Sync(nodetest.Pull{Peer: "main", Options: spec.StartOptions{VerifyAfterSync: new(true)}})
		nodetest.SameCatalog(t, pair.Main, third, "main")

		// They were imported here, so they are ours, until something else of them changes at the source.
		pair.Branch.Put("main", renamed[0].ID, "theirs")
		pair.Main.Sync(nodetest.Pull{})
		pair.Branch.Delete("main", renamed[0].ID)
		if s := pair.Main.Sync(deleting()); s.Deleted != 1 || s.Unchanged != 19 || pair.Main.Count("main") != 19 {
			t.Errorf("deleted %s", nodetest.Show(s))
		}
	})
}
