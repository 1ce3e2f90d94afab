package store_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"fullsync/internal/catalog"
	"fullsync/internal/fault"
	"fullsync/internal/store"
)

// TestByteOrder: both databases order ids by their bytes, whatever locale they run in.
func TestByteOrder(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		ids := []string{"a", "B", "ä", "a-1", "a1", "A", "10", "9", "é", "z", "😀", "~", "a b", "ab"}
		slices.Sort(ids)
		var products []catalog.Product
		for _, id := range ids {
			products = append(products, parse(t, fmt.Sprintf(`{"id":%q,"name":"Ünï %s"}`, id, id)))
		}
		if _, err := s.Import(t.Context(), "main", "main", products); err != nil {
			t.Fatal(err)
		}
		for after := range ids {
			var read []string
			err := s.ReadPage(t.Context(), "main", ids[after], 100, func(p *catalog.Product) error {
				read = append(read, p.ID)
				if p.ContentHash() != p.Hash {
					t.Errorf("%s comes out different from how it went in", p.ID)
				}
				return nil
			})
			if err != nil || !slices.Equal(read, ids[after+1:]) {
				t.Errorf("after %s: %q, %v", ids[after], read, err)
			}
		}
		page, err := s.Hashes(t.Context(), "main", "", 5)
		if err != nil || len(page.Entries) != 5 || !page.More || page.Next != ids[4] {
			t.Errorf("hashes %+v, %v", page, err)
		}
	})
}

func TestLargeAndOddProductsRoundTrip(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		lines := []string{
			`{"id":"1","name":"big","text":"` + strings.Repeat("ä", 500_000) + `"}`,
			`{"id":"2","name":"quotes \" \\ ' $1 ? \t","n":12345678901234567890.10,"x":{"b":[1.0,{}],"a":null}}`,
			`{"id":"3","name":"inactive","active":false,"sku":"S","price":"-0.10","currency":"CHF"}`,
		}
		var products []catalog.Product
		for _, l := range lines {
			products = append(products, parse(t, l))
		}
		if _, err := s.Import(t.Context(), "main", "main", products); err != nil {
			t.Fatal(err)
		}
		for _, p := range products {
			stored, err := s.GetProduct(t.Context(), "main", p.ID)
			if err != nil || stored.Product != p {
				t.Errorf("%s: %v", p.ID, err)
			}
		}
	})
}

func TestCountProducts(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		for name, want := range map[string]int{"main": 50, "other": 3} {
			if _, err := s.Import(t.Context(), name, "main", batch(t, 0, want, "x").Products); err != nil {
				t.Fatal(err)
			}
		}
		for name, want := range map[string]int64{"main": 50, "other": 3, "none": 0} {
			if n, err := s.CountProducts(t.Context(), name); err != nil || n != want {
				t.Errorf("%s has %d products, want %d (%v)", name, n, want, err)
			}
		}
		for most, want := range map[int]string{1: "[{main 1} {other 1}]", 4: "[{main 4} {other 3}]", 100: "[{main 50} {other 3}]"} {
			if counts, err := s.CountUpTo(t.Context(), most); err != nil || fmt.Sprint(counts) != want {
				t.Errorf("up to %d: %v, want %s (%v)", most, counts, want, err)
			}
		}
	})
}

func TestListingSearchesLiterally(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		products := []catalog.Product{
			parse(t, `{"id":"a","name":"100% cotton","sku":"X_1"}`), parse(t, `{"id":"b","name":"1000 nails","sku":"XY1"}`),
		}
		if _, err := s.Import(t.Context(), "main", "main", products); err != nil {
			t.Fatal(err)
		}
		for q, want := range map[string]int{"": 2, "100%": 1, "x_1": 1, "COTTON": 1, `\`: 0, "'": 0, "nothing": 0} {
			if got, err := s.ListProducts(t.Context(), "main", "", q, 10); err != nil || len(got) != want {
				t.Errorf("%q found %d, want %d (%v)", q, len(got), want, err)
			}
		}
		if got, err := s.ListProducts(t.Context(), "main", "a", "", 10); err != nil || len(got) != 1 || got[0].Catalog != "main" {
			t.Errorf("after a: %+v, %v", got, err)
		}
		if _, err := s.GetProduct(t.Context(), "main", "zzz"); fault.KindOf(err) != fault.NotFound {
			t.Errorf("unknown product: %v", err)
		}
	})
}

// searched are names of products, and what finds how many of them.
func searched() (names []string, found map[string]int) {
	return []string{"ÉCLAIR au café", "éclair", "Eclair", "ΟΔΟΣ", "οδος", "Straße", "ЖУРНАЛ", "İstanbul", "kelvin", "日本 (a|b) [c] ^x$ y-z {1} a.c a+ \\d *?"},
		map[string]int{
			"éclair": 2, "ÉCLAIR": 2, "éClAiR": 2, "eclair": 1, "CAFÉ": 1, "οδος": 2, "ΟΔΟΣ": 2, "οδοσ": 2, "STRASSE": 0, "STRAẞE": 1,
			"журнал": 1, "istanbul": 0, "İSTANBUL": 1, "\u212Aelvin": 1, "日本": 1,
			// What means something in patterns means itself.
			"(A|B)": 1, "[C]": 1, "^X$": 1, "Y-Z": 1, "{1}": 1, "A.C": 1, "abc": 0, "A+ \\D *?": 1, "*": 1, "?": 1, "[a-z]": 0, "]": 1, ".*": 0, "\\d": 1,
			"***=x": 0, "(?i)x": 0, "\n": 0, "%": 0, "_": 0, strings.Repeat("é[*", 66): 0,
		}
}

func searches(t *testing.T, s *store.Store) {
	t.Helper()
	names, found := searched()
	var products []catalog.Product
	for i, name := range names {
		products = append(products, parse(t, fmt.Sprintf(`{"id":"%02d","name":%q}`, i, name)))
	}
	products = append(products, parse(t, `{"id":"Ä-1","name":"x","sku":"Ö-1"}`))
	found["ä-"], found["ö-"] = 1, 1
	holds(t, s, "main", products, found)

	// Every character means itself, wherever it stands in what is looked for.
	var all strings.Builder
	found = map[string]int{"éé": 0}
	for c := ' '; c <= '~'; c++ {
		all.WriteString("é" + string(c))
		found["é"+string(c)], found["É"+string(c)+"é"], found[string(c)+"é"], found[string(c)+"éé"] = 1, 1, 1, 0
	}
	holds(t, s, "ascii", []catalog.Product{parse(t, fmt.Sprintf(`{"id":"ascii","name":%q}`, all.String()+"é"))}, found)
}

// holds fills a catalog, and looks there for each key of found.
func holds(t *testing.T, s *store.Store, name string, products []catalog.Product, found map[string]int) {
	t.Helper()
	if _, err := s.Import(t.Context(), name, "main", products); err != nil {
		t.Fatal(err)
	}
	for q, want := range found {
		if got, err := s.ListProducts(t.Context(), name, "", q, 20); err != nil || len(got) != want {
			t.Errorf("%q found %d, want %d (%v)", q, len(got), want, err)
		}
	}
}

// TestSearchIgnoresCaseInEveryAlphabet: the same products on both databases, whatever the locale of PostgreSQL's.
func TestSearchIgnoresCaseInEveryAlphabet(t *testing.T) {
	onMigrated(t, searches)
	t.Run("postgres with locale C", func(t *testing.T) {
		t.Parallel()
		s := openStore(t, store.Options{URL: encoded(t, "UTF8"), Workers: 2})
		migrate(t, s)
		searches(t, s)
	})
}

func TestReadingEndsWithTheReader(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		if _, err := s.Import(t.Context(), "main", "main", batch(t, 0, 50, "x").Products); err != nil {
			t.Fatal(err)
		}
		enough := errors.New("enough")
		n := 0
		err := s.ReadPage(t.Context(), "main", "", 50, func(*catalog.Product) error {
			if n++; n == 3 {
				return enough
			}
			return nil
		})
		if !errors.Is(err, enough) || n != 3 {
			t.Errorf("%d products, %v", n, err)
		}
	})
}
