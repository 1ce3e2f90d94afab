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

// found returns the ids of all products in an order, read page by page, and how many pages there were.
func found(t *testing.T, s *store.Store, order, q string, limit int) (ids string, pages int) {
	t.Helper()
	f := catalog.Find{Query: q, Order: catalog.ParseOrder(order), Limit: limit}
	var all []string
	for {
		products, reached, err := s.FindProducts(t.Context(), "main", f)
		if err != nil {
			t.Fatalf("sorted by %q: %v", order, err)
		}
		for _, p := range products {
			all = append(all, p.ID)
		}
		pages++
		switch {
		case len(products) == limit:
			f.After = f.Order.Place(products[limit-1])
		case reached != nil:
			f.After = *reached
		default:
			return strings.Join(all, " "), pages
		}
	}
}

func TestProductsInEveryOrder(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		long := strings.Repeat("é", 70)
		for i, line := range []string{
			`{"id":"c","sku":"S-2","name":"banana","price":"10"}`,
			`{"id":"a","sku":"s-1","name":"Cherry","price":"9.50"}`,
			`{"id":"d","name":"apple","price":"-1.5"}`,
			`{"id":"b","sku":"S-3","name":"Banana"}`,
			`{"id":"e","sku":"S-4","name":"` + long + `1","price":"1000000000.25"}`,
			`{"id":"f","sku":"S-4","name":"` + long + `0","price":"9.5"}`,
		} {
			if _, err := s.Import(t.Context(), "main", "main", []catalog.Product{parse(t, line)}); err != nil {
				t.Fatal(err)
			}
			changed := fmt.Sprintf("UPDATE products SET updated_at = '2026-01-01 00:00:0%d.000+00:00' WHERE id = '%s'", i, line[7:8])
			if _, err := s.SQL().ExecContext(t.Context(), changed); err != nil {
				t.Fatal(err)
			}
		}
		for order, want := range map[string]string{
			"": "a b c d e f", "id": "a b c d e f", "-id": "f e d c b a",
			"sku": "d a c b e f", "-sku": "f e b c a d",
			"name": "d b c a e f", "-name": "f e a c b d", // the first 60 characters count
			"price": "d b a f c e", "-price": "e c f a b d",
			"changed": "c a d b e f", "-changed": "f e b d a c",
		} {
			for limit := 1; limit <= 7; limit++ {
				if got, _ := found(t, s, order, "", limit); got != want {
					t.Errorf("sorted by %q, %d at a time: %s, want %s", order, limit, got, want)
				}
			}
			all := strings.Fields(want)
			only := strings.Join(slices.DeleteFunc(all, func(id string) bool { return id != "b" && id != "c" }), " ")
			if got, _ := found(t, s, order, "BANANA", 1); got != only {
				t.Errorf("bananas sorted by %q: %s, want %s", order, got, only)
			}
		}
		if products, reached, err := s.FindProducts(t.Context(), "none", catalog.Find{Order: catalog.ParseOrder("price"), Limit: 5}); len(products) > 0 || reached != nil || err != nil {
			t.Errorf("in no catalog: %v %v %v", products, reached, err)
		}
	})
}

// TestNoPageLooksAtEverything: a search goes on with the next page, and what is too large is sorted only by id.
func TestNoPageLooksAtEverything(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		var products []catalog.Product
		for _, id := range strings.Split("abcdefghij", "") {
			products = append(products, parse(t, `{"id":"`+id+`","name":"Ball"}`))
		}
		products = append(products, parse(t, `{"id":"k","name":"Axe"}`))
		if _, err := s.Import(t.Context(), "main", "main", products); err != nil {
			t.Fatal(err)
		}
		s.LimitFinding(4, 10)
		for order, want := range map[string]struct {
			q, ids string
			pages  int
		}{
			"id":  {"axe", "k", 3},
			"-id": {"axe", "k", 3},
		} {
			if ids, pages := found(t, s, order, want.q, 5); ids != want.ids || pages != want.pages {
				t.Errorf("%s sorted by %s: %s on %d pages", want.q, order, ids, pages)
			}
		}
		if ids, _ := found(t, s, "-id", "", 3); ids != "k j i h g f e d c b a" {
			t.Errorf("without a search: %s", ids)
		}
		_, _, err := s.FindProducts(t.Context(), "main", catalog.Find{Order: catalog.ParseOrder("name"), Limit: 5})
		if said := (*fault.Error)(nil); !errors.As(err, &said) || said.Code != "TOO_MANY_TO_SORT" || said.Kind != fault.Impossible {
			t.Errorf("too many to sort: %v", err)
		}
		s.LimitFinding(4, 11)
		if ids, _ := found(t, s, "name", "", 5); ids != "k a b c d e f g h i j" {
			t.Errorf("sorted by name: %s", ids)
		}
	})
}
