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
