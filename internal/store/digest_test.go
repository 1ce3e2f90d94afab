package store_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"fullsync/internal/catalog"
	"fullsync/internal/store"
	"fullsync/internal/transfer"
)

// byHand runs SQL as somebody does who works on the database by hand, and returns how many rows it changed.
func byHand(t *testing.T, s *store.Store, query string, args ...any) int64 {
	t.Helper()
	done, err := s.SQL().ExecContext(t.Context(), query, args...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	n, err := done.RowsAffected()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// digested says whether a product has a digest, and fails the test where it is not that of its hash.
func digested(t *testing.T, s *store.Store, id string) bool {
	t.Helper()
	var hash string
	var digest *int64
	if err := s.SQL().QueryRowContext(t.Context(), "SELECT hash, digest FROM products WHERE id = $1", id).Scan(&hash, &digest); err != nil {
		t.Fatal(err)
	}
	if digest == nil {
		return false
	}
	if want, ok := catalog.DigestOf(hash); !ok || uint64(*digest) != want {
		t.Errorf("%s has the digest %x, and the hash %s", id, uint64(*digest), hash)
	}
	return true
}

// TestNoDigestOutlivesItsContent: whoever changes a product past this version leaves no digest behind.
func TestNoDigestOutlivesItsContent(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		original := batch(t, 0, 1, "x").Products
		for _, tc := range []struct {
			set  string
			kept bool
		}{
			{"name = 'y'", false},
			{"sku = 'y'", false},
			{"price = '1'", false},
			{"currency = 'USD'", false},
			{"active = NOT active", false},
			{"attributes = '{}'", false},
			{"hash = 'y'", false},
			{"name = 'y', hash = 'y'", false},
			{"id = 'q'", false},
			{"digest = 7", false},
			{"digest = digest + 1, name = 'y'", false},
			{"digest = NULL, name = 'y'", false},
			{"name = name, hash = hash, digest = digest", true},
			{"updated_at = created_at, origin_node_id = 'z'", true},
			{"catalog = 'moved'", true},
		} {
			byHand(t, s, "DELETE FROM products")
			if _, err := s.Import(t.Context(), "main", "branch", original); err != nil {
				t.Fatal(err)
			}
			if !digested(t, s, "p-0000") {
				t.Fatal("a product that was written has no digest")
			}
			if n := byHand(t, s, "UPDATE products SET "+tc.set); n != 1 {
				t.Fatalf("%s changed %d rows", tc.set, n)
			}
			var id string
			if err := s.SQL().QueryRowContext(t.Context(), "SELECT id FROM products").Scan(&id); err != nil {
				t.Fatal(err)
			}
			if got := digested(t, s, id); got != tc.kept {
				t.Errorf("after SET %s the product has a digest: %v, want %v", tc.set, got, tc.kept)
			}
		}
	})
}

// TestUpsertBelievesNoHashWithoutDigest: where something else changed a row, its content decides, not its hash.
func TestUpsertBelievesNoHashWithoutDigest(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		products := batch(t, 0, 4, "x").Products
		if _, err := s.Import(t.Context(), "main", "branch", products); err != nil {
			t.Fatal(err)
		}
		byHand(t, s, "UPDATE products SET name = 'edited' WHERE id = 'p-0000'")                          // the hash still is the batch's
		byHand(t, s, "UPDATE products SET hash = 'nonsense' WHERE id = 'p-0001'")                        // the content still is
		byHand(t, s, "UPDATE products SET digest = NULL WHERE id = 'p-0002'")                            // everything still is
		byHand(t, s, "UPDATE products SET name = 'edited', attributes = 'nonsense' WHERE id = 'p-0003'") // no product
		byHand(t, s, "UPDATE products SET updated_at = '2001-01-01 00:00:00+00:00'")
		n, err := s.Import(t.Context(), "main", "other", products)
		if err != nil || n != (store.Imported{Updated: 2, Unchanged: 2}) {
			t.Errorf("%+v, %v, want 2 updated and 2 unchanged", n, err)
		}
		for i, p := range products {
			stored, err := s.GetProduct(t.Context(), "main", p.ID)
			if err != nil || stored.Product != p || !digested(t, s, p.ID) {
				t.Errorf("%s is %+v, %v", p.ID, stored, err)
			}
			if touched := i == 0 || i == 3; (stored.OriginNodeID == "other") != touched || (stored.UpdatedAt.Year() > 2001) != touched {
				t.Errorf("%s came from %s, updated at %s", p.ID, stored.OriginNodeID, stored.UpdatedAt)
			}
		}
		if n, err := s.Import(t.Context(), "main", "other", products); err != nil || n != (store.Imported{Unchanged: 4}) {
			t.Errorf("again: %+v, %v", n, err)
		}
	})
}

// TestReadersBelieveNoHashWithoutDigest: what is read of a product has the hash of its columns.
func TestReadersBelieveNoHashWithoutDigest(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		if _, err := s.Import(t.Context(), "main", "branch", batch(t, 0, 3, "x").Products); err != nil {
			t.Fatal(err)
		}
		byHand(t, s, "UPDATE products SET name = 'edited' WHERE id = 'p-0001'")
		edited := batch(t, 1, 2, "edited").Products[0]
		one, err := s.GetProduct(t.Context(), "main", "p-0001")
		if err != nil || one.Product != edited {
			t.Errorf("GetProduct = %+v, %v", one, err)
		}
		list, err := s.ListProducts(t.Context(), "main", "", "", 10)
		if err != nil || len(list) != 3 || list[1].Product != edited {
			t.Errorf("ListProducts = %+v, %v", list, err)
		}
		page, err := s.Hashes(t.Context(), "main", "", 10)
		if err != nil || len(page.Entries) != 3 || page.Entries[1].Hash != edited.Hash {
			t.Errorf("Hashes = %+v, %v", page, err)
		}
		side := s.Side("main")
		entries, err := side.Entries(t.Context(), []catalog.Interval{{After: "p-0000", Through: "p-0001"}, {After: "p-0001"}})
		if err != nil || len(entries) != 2 || entries[0].Hash != catalog.Short(edited.Hash) {
			t.Errorf("Entries = %+v, %v", entries, err)
		}
		for what, read := range map[string]func() (transfer.Page, error){
			"ReadProducts": func() (transfer.Page, error) {
				return side.ReadProducts(t.Context(), []string{"none", "p-0001", "p-0002", "q"})
			},
			"ReadSpan": func() (transfer.Page, error) { return side.ReadSpan(t.Context(), "p-0000", "p-0002", 10) },
		} {
			got, err := read()
			if err != nil || len(got.Products) != 2 || got.Products[0] != edited || got.More || got.Next != "p-0002" {
				t.Errorf("%s = %+v, %v", what, got, err)
			}
		}
	})
}

// TestDigestsOfRandomEdits: whatever happens to a catalog, what is said of its spans is true of the columns, or unknown;
// and when it was read again, it is known of everything but what is no product.
func TestDigestsOfRandomEdits(t *testing.T) {
	rounds := 8
	if testing.Short() {
		rounds = 3
	}
	onMigrated(t, func(t *testing.T, s *store.Store) {
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		m := &editor{T: t, s: s, rand: rand.New(rand.NewPCG(seed, 0))}
		for range rounds {
			for range 1 + m.rand.IntN(4) {
				m.edit()
			}
			m.compare(s.Side("main"), false)
			if m.rand.IntN(2) == 0 {
				if _, _, err := s.HealAll(t.Context()); err != nil {
					t.Fatal(err)
				}
				m.compare(s.Side("main"), true)
			}
			if m.rand.IntN(3) == 0 {
				m.compare(s.Side("main").Rehashed(), true)
				m.compare(s.Side("main"), true) // it has put right what it found
			}
		}
	})
}

// editor changes a catalog in every way there is.
type editor struct {
	*testing.T
	s    *store.Store
	rand *rand.Rand
	made int
}

func (m *editor) id() string { return fmt.Sprintf("p-%04d", m.rand.IntN(120)) }

// products makes some products, ascending and unique.
func (m *editor) products() []catalog.Product {
	from := m.rand.IntN(100)
	m.made++
	var out []catalog.Product
	for i := from; i < from+1+m.rand.IntN(40); i += 1 + m.rand.IntN(3) {
		out = append(out, parse(m.T, fmt.Sprintf(`{"id":"p-%04d","name":"v%d","price":"1.50","b":[%d]}`, i, m.rand.IntN(3), m.made%2)))
	}
	return out
}

func (m *editor) edit() {
	m.Helper()
	switch m.rand.IntN(8) {
	case 0, 1, 2:
		if _, err := m.s.Import(m.Context(), "main", "branch", m.products()); err != nil {
			m.Fatal(err)
		}
	case 3: // as the previous version writes
		for _, p := range m.products() {
			byHand(m.T, m.s, `INSERT INTO products (catalog, id, sku, name, price, currency, active, attributes, hash, origin_node_id, created_at, updated_at)
				VALUES ('main', $1, $2, $3, $4, $5, $6, $7, $8, 'old', current_timestamp, current_timestamp)
				ON CONFLICT (catalog, id) DO UPDATE SET sku = excluded.sku, name = excluded.name, price = excluded.price,
				currency = excluded.currency, active = excluded.active, attributes = excluded.attributes, hash = excluded.hash
				WHERE products.hash <> excluded.hash`, p.ID, p.SKU, p.Name, p.Price, p.Currency, p.Active, p.Attributes, p.Hash)
		}
	case 4:
		byHand(m.T, m.s, "UPDATE products SET name = 'by hand' WHERE id > $1", m.id())
	case 5:
		byHand(m.T, m.s, "DELETE FROM products WHERE id = $1", m.id())
	case 6:
		set := []string{"attributes = '{\"b\": 1, \"a\": 2}'", "price = 'cheap'", "attributes = 'nonsense'", "hash = 'x'", "digest = digest + 1", "active = NOT active"}
		byHand(m.T, m.s, "UPDATE products SET "+set[m.rand.IntN(len(set))]+" WHERE id = $1", m.id())
	case 7: // one that no trigger sees: the digest fits the hash, and neither fits the content
		byHand(m.T, m.s, "UPDATE products SET digest = NULL WHERE id = $1", m.id())
		lie, _ := catalog.DigestOf("1:" + strings.Repeat("A", 43))
		byHand(m.T, m.s, "UPDATE products SET digest = $2, hash = $3 WHERE id = $1 AND digest IS NULL AND name = 'v0'", m.id(), int64(lie), "1:"+strings.Repeat("A", 43))
		// Only looking at everything finds that.
		if _, err := m.s.Side("main").Rehashed().Digests(m.Context(), "", []string{""}); err != nil {
			m.Fatal(err)
		}
	}
}

// truth is the catalog as its columns are.
func (m *editor) truth() (entries []catalog.Entry, refused map[string]bool) {
	m.Helper()
	refused = map[string]bool{}
	err := m.s.ReadPage(m.Context(), "main", "", 10_000, func(p *catalog.Product) error {
		hash, no := p.Rehash()
		entries = append(entries, catalog.Entry{ID: strings.Clone(p.ID), Hash: hash})
		if no != nil {
			refused[p.ID] = true
		}
		return nil
	})
	if err != nil {
		m.Fatal(err)
	}
	return entries, refused
}

// compare asks a side random questions. where says that every digest must be known unless a row is no product.
func (m *editor) compare(side transfer.Side, known bool) {
	m.Helper()
	ctx := m.Context()
	entries, refused := m.truth()
	want := func(after, through string) catalog.Digest {
		d := catalog.Digest{Known: true}
		for _, e := range entries {
			if e.ID > after && (through == "" || e.ID <= through) {
				if d.Add(e.Hash); refused[e.ID] {
					d.Known = false
				}
			}
		}
		return d
	}
	check := func(what string, after, through string, got catalog.Digest) {
		m.Helper()
		w := want(after, through)
		if got.Count != w.Count || got.Known && (!w.Known || got != w) || known && w.Known && !got.Known {
			m.Errorf("%s (%q, %q] = %+v, the columns say %+v", what, after, through, got, w)
		}
	}
	every, limit := 1+m.rand.IntN(50), 1+m.rand.IntN(10)
	after, through := "", ""
	if m.rand.IntN(2) == 0 {
		after, through = m.id(), m.id()
	}
	if through != "" && through < after {
		after, through = through, after
	}
	total := int64(0)
	for from, more := after, true; more; {
		page, err := side.Spans(ctx, from, through, every, limit)
		if err != nil || len(page.Spans) > limit || page.More && len(page.Spans) == 0 {
			m.Fatalf("Spans = %+v, %v", page, err)
		}
		for _, sp := range page.Spans {
			check("span", from, sp.Through, sp.Digest)
			if sp.Count > int64(every) || sp.Count == 0 {
				m.Errorf("a span of %d products, every %d", sp.Count, every)
			}
			from = sp.Through
			total += sp.Count
		}
		if page.Next != from {
			m.Errorf("next is %q behind %q", page.Next, from)
		}
		more = page.More
	}
	if w := want(after, through); total != w.Count {
		m.Errorf("spans of (%q, %q] hold %d products, want %d", after, through, total, w.Count)
	}
	var bounds []string
	for range m.rand.IntN(10) {
		bounds = append(bounds, m.id())
	}
	slices.Sort(bounds)
	bounds = slices.DeleteFunc(slices.Compact(bounds), func(id string) bool { return id <= after })
	bounds = append(bounds, []string{"", "z"}[m.rand.IntN(2)])
	digests, err := side.Digests(ctx, after, bounds)
	if err != nil || len(digests) != len(bounds) {
		m.Fatalf("Digests = %+v, %v", digests, err)
	}
	var of []catalog.Interval
	var listed []catalog.Entry
	for i, from := 0, after; i < len(bounds); i, from = i+1, bounds[i] {
		check("interval", from, bounds[i], digests[i])
		if m.rand.IntN(2) == 0 {
			of = append(of, catalog.Interval{After: from, Through: bounds[i]})
			for _, e := range entries {
				if e.ID > from && (bounds[i] == "" || e.ID <= bounds[i]) {
					listed = append(listed, e)
				}
			}
		}
	}
	got, err := side.Entries(ctx, of)
	if err != nil || len(got) != len(listed) {
		m.Fatalf("%d entries of %v, %v, want %d", len(got), of, err, len(listed))
	}
	for i := range got {
		if got[i].ID != listed[i].ID || got[i].Hash != catalog.Short(listed[i].Hash) && !refused[got[i].ID] {
			m.Errorf("entry %+v, want %+v", got[i], listed[i])
		}
	}
	m.certificate(side, entries)
}

func (m *editor) certificate(side transfer.Side, entries []catalog.Entry) {
	m.Helper()
	if _, ok := side.(transfer.Certifier); !ok {
		return
	}
	side = m.s.Side("main").Rehashed()
	certifier := side.(transfer.Certifier)
	for from, more := "", true; more; {
		if _, _, ok := certifier.Certificate(); ok {
			m.Error("there is a certificate before the end")
		}
		page, err := side.Spans(m.Context(), from, "", 7, 3)
		if err != nil {
			m.Fatal(err)
		}
		from, more = page.Next, page.More
	}
	want := catalog.NewCertificate()
	for _, e := range entries {
		want.Add(e.ID, e.Hash)
	}
	if sum, n, ok := certifier.Certificate(); !ok || sum != want.String() || n != want.Count() {
		m.Errorf("certificate %s of %d (%v), want %s of %d", sum, n, ok, want, want.Count())
	}
}

// TestRowsThatAreNoProduct: a row that holds what no product can is counted, never equals anything, and does not stop
// what is done with the others.
func TestRowsThatAreNoProduct(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		products := batch(t, 0, 4, "x").Products
		if _, err := s.Import(ctx, "main", "branch", products); err != nil {
			t.Fatal(err)
		}
		byHand(t, s, "UPDATE products SET price = 'cheap' WHERE id = 'p-0001'")
		byHand(t, s, "UPDATE products SET name = 'healthy' WHERE id = 'p-0002'")
		refused := int64(1)
		if strings.HasPrefix(t.Name(), "TestRowsThatAreNoProduct/sqlite") { // the other one knows its types
			byHand(t, s, "UPDATE products SET active = 'maybe' WHERE id = 'p-0003'")
			refused++
		}
		for range 2 {
			if step, err := s.Heal(ctx, "main", "", "", 100); err != nil || step.More || int64(step.Refused) != refused {
				t.Errorf("Heal = %+v, %v, want %d refused", step, err, refused)
			}
		}
		if healed, no, err := s.HealAll(ctx); err != nil || healed != 0 || no != refused || !digested(t, s, "p-0002") {
			t.Errorf("HealAll = %d, %d, %v; the valid product is to be put right, and only once", healed, no, err)
		}
		for _, side := range []transfer.Side{s.Side("main"), s.Side("main").Rehashed()} {
			page, err := side.Spans(ctx, "", "", 1, 10)
			if err != nil || len(page.Spans) != 4 || !page.Spans[0].Known || page.Spans[1].Known || !page.Spans[2].Known || page.Spans[3].Known != (refused == 1) {
				t.Errorf("Spans = %+v, %v", page, err)
			}
			entries, err := side.Entries(ctx, []catalog.Interval{{}})
			if err != nil || len(entries) != 4 || entries[1].Hash == products[1].Hash || entries[3].Hash == "" {
				t.Errorf("Entries = %+v, %v", entries, err)
			}
		}
		read, err := s.Side("main").ReadSpan(ctx, "", "", 10)
		if err != nil || int64(len(read.Rejects)) != refused || len(read.Products)+len(read.Rejects) != 4 || read.Rejects[0].ID != "p-0001" {
			t.Errorf("ReadSpan = %+v, %v", read, err)
		}
		if n, err := s.Import(ctx, "main", "branch", products); err != nil || n.Updated != 1+refused {
			t.Errorf("Import = %+v, %v", n, err)
		}
		for _, p := range products {
			if !digested(t, s, p.ID) {
				t.Errorf("%s has no digest after it was written again", p.ID)
			}
		}
	})
}
