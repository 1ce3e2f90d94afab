package store_test

import (
	"fmt"
	"testing"

	"fullsync/internal/catalog"
	"fullsync/internal/peer"
	"fullsync/internal/session"
	"fullsync/internal/store"
)

// keeping begins a pull from a peer that keeps these fields.
func keeping(t *testing.T, s *store.Store, fields ...string) session.Session {
	t.Helper()
	p := peer.Peer{NodeID: "branch", NodeName: "branch", Kind: peer.KindNode, URL: "http://127.0.0.1:1", IsActive: true, KeepFields: fields}
	if err := s.AddPeer(t.Context(), &p); err != nil {
		t.Fatal(err)
	}
	row := transferring(t, s, "s1")
	if len(row.KeepFields) != len(fields) {
		t.Fatalf("the session keeps %q", row.KeepFields)
	}
	return row
}

// keptPrice makes p-0000 a product with our price and the name that came, and returns it as it came.
func keptPrice(t *testing.T, s *store.Store, row *session.Session) catalog.Product {
	t.Helper()
	byHand(t, s, "DELETE FROM products")
	if _, err := s.Import(t.Context(), "main", "main", []catalog.Product{parse(t, `{"id":"p-0000","name":"ours","price":"1"}`)}); err != nil {
		t.Fatal(err)
	}
	came := batch(t, 0, 1, "theirs")
	if err := s.CommitBatch(t.Context(), row, came); err != nil {
		t.Fatal(err)
	}
	stored, err := s.GetProduct(t.Context(), "main", "p-0000")
	if err != nil || stored.Price != "1" || stored.Name != "theirs" || stored.Hash != stored.ContentHash() {
		t.Fatalf("%+v, %v", stored, err)
	}
	if !knowsWhatCame(t, s, came.Products[0]) {
		t.Fatal("what came is not known")
	}
	return came.Products[0]
}

// knowsWhatCame says whether the catalog is equal to its source, where that has only this product, by what is stored.
func knowsWhatCame(t *testing.T, s *store.Store, came catalog.Product) bool {
	t.Helper()
	want := catalog.Digest{Known: true}
	want.Add(came.Hash)
	digests, err := s.AsCame("main").Digests(t.Context(), "", []string{""})
	if err != nil {
		t.Fatal(err)
	}
	entries, err := s.AsCame("main").Entries(t.Context(), []catalog.Interval{{}})
	if err != nil {
		t.Fatal(err)
	}
	knows := digests[0].Same(want)
	if len(entries) == 1 && knows != (entries[0].Hash == catalog.Short(came.Hash)) {
		t.Errorf("the digest is %+v, the entries are %+v", digests[0], entries)
	}
	return knows
}

// TestWhatCameIsForgotten: whoever changes a product, or what came of it, past this version leaves nothing behind that says what came.
func TestWhatCameIsForgotten(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		row := keeping(t, s, "price")
		for _, tc := range []struct {
			set  string
			kept bool
		}{
			{"name = 'y'", false},
			{"price = '3'", false},
			{"hash = 'y'", false},
			{"digest = NULL", false},
			{"id = 'q'", false},
			{"catalog = 'moved'", false},
			{"price = '3', hash = 'y', digest = 7", false}, // as the previous version does
			{"theirs = '{\"price\":[\"3\"]}'", false},
			{"theirs = NULL", false},
			{"their_digest = 7", false},
			{"their_digest = NULL", false},
			{"name = name, hash = hash, digest = digest, theirs = theirs, their_digest = their_digest", true},
			{"updated_at = created_at, origin_node_id = 'z'", true},
		} {
			keptPrice(t, s, &row)
			byHand(t, s, "UPDATE products SET "+tc.set)
			var theirs *string
			var digest *int64
			if err := s.SQL().QueryRowContext(t.Context(), "SELECT theirs, their_digest FROM products").Scan(&theirs, &digest); err != nil {
				t.Fatal(err)
			}
			if (theirs != nil) != tc.kept || (digest != nil) != tc.kept {
				t.Errorf("after SET %s what came is known: %v, %v, want %v", tc.set, theirs != nil, digest != nil, tc.kept)
			}
		}
	})
}

// TestWhatCameIsComputedAnew: a verification and a check believe no stored digest of what came, and put it right.
func TestWhatCameIsComputedAnew(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		row := keeping(t, s, "price")
		drop := "DROP TRIGGER products_changed_theirs"
		if s.Listener() != nil {
			drop += " ON products"
		}
		byHand(t, s, drop)
		for _, lie := range []string{"their_digest = 7", "theirs = NULL", `theirs = '{"price":["3"]}'`, "theirs = 'nonsense'"} {
			came := keptPrice(t, s, &row)
			if done, err := s.Check(t.Context(), "main", false, func(store.Finding) {}); err != nil || done.Wrong != 0 {
				t.Fatalf("before: %+v, %v", done, err)
			}
			want := catalog.Digest{Known: true}
			want.Add(came.Hash)
			digests, err := s.AsCame("main").Rehashed().Digests(t.Context(), "", []string{""})
			if err != nil || !digests[0].Same(want) {
				t.Errorf("computed anew: %+v, %v", digests, err)
			}
			byHand(t, s, "UPDATE products SET "+lie)
			digests, err = s.AsCame("main").Rehashed().Digests(t.Context(), "", []string{""})
			if honest := lie == "their_digest = 7"; err != nil || digests[0].Same(want) != honest {
				t.Errorf("%s: %+v, %v", lie, digests, err)
			}
			keptPrice(t, s, &row)
			byHand(t, s, "UPDATE products SET "+lie)
			done, err := s.Check(t.Context(), "main", true, func(store.Finding) {})
			if err != nil || done.Wrong != 1 || done.Repaired != 1 {
				t.Errorf("%s: checked %+v, %v", lie, done, err)
			}
		}
	})
}

// TestPreviousVersionKeepsOffKeptFields: a replica of the previous version would overwrite fields that are kept, so it cannot claim such a pull.
func TestPreviousVersionKeepsOffKeptFields(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		row := keeping(t, s, "price")
		claim := func() int64 {
			return byHand(t, s, "UPDATE sync_sessions SET fence = fence + 1, push_fence = fence + 1, worker = 'old'")
		}
		if n := claim(); n != 0 {
			t.Errorf("it claimed %d sessions", n)
		}
		if err := s.Held(t.Context(), claimOf(row)); err != nil {
			t.Errorf("the session is lost: %v", err)
		}
		byHand(t, s, "UPDATE peers SET keep_fields = '[]'")
		if n := claim(); n != 1 {
			t.Errorf("without kept fields it claimed %d sessions", n)
		}
	})
}

// TestFieldsThatAreNoLongerKept: only products of which such a field came are read again, however many others there are.
func TestFieldsThatAreNoLongerKept(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		const n = 2500 // more than one step
		row := keeping(t, s, "price", "name")
		if err := s.KeepOnly(t.Context(), claimOf(row), "main", row.KeepFields); err != nil {
			t.Fatal(err)
		}
		var ours []catalog.Product
		for i := range n {
			price := "12.50"
			if i%2 == 0 {
				price = "1"
			}
			ours = append(ours, parse(t, fmt.Sprintf(`{"id":"p-%04d","name":"ours","price":%q}`, i, price)))
		}
		if _, err := s.Import(t.Context(), "main", "main", ours); err != nil {
			t.Fatal(err)
		}
		if err := s.CommitBatch(t.Context(), &row, batch(t, 0, n, "theirs")); err != nil {
			t.Fatal(err)
		}
		known := func(want int) {
			t.Helper()
			var got int
			if err := s.SQL().QueryRowContext(t.Context(), "SELECT count(*) FROM products WHERE their_digest IS NOT NULL").Scan(&got); err != nil || got != want {
				t.Errorf("%d products are known as they came (%v), want %d", got, err, want)
			}
		}
		known(n)
		for _, step := range []struct {
			fields catalog.Fields
			want   int
		}{
			{catalog.Fields{"price", "name", "sku"}, n},
			{catalog.Fields{"sku", "name"}, n / 2},
			{catalog.Fields{"sku"}, 0},
		} {
			if err := s.KeepOnly(t.Context(), claimOf(row), "main", step.fields); err != nil {
				t.Fatal(err)
			}
			known(step.want)
		}
	})
}
