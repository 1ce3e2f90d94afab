package api

import (
	"context"
	"errors"
	"maps"
	"reflect"
	"slices"
	"testing"
	"time"

	"fullsync/internal/catalog"
)

// TestTotalsAreCountedSeldom: what counting costs is bounded, and the count that matters is always new.
func TestTotalsAreCountedSeldom(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 31, 11, 0, 0, 0, time.UTC)
	products, took, counted := int64(300), time.Millisecond, 0
	var failure error
	totals := newTotals(nil, nil, 5*time.Second)
	totals.count = func(context.Context, string) (int64, error) {
		counted++
		now = now.Add(took)
		return products, failure
	}
	totals.now = func() time.Time { return now }
	expect := func(what string, ask func(context.Context, string) (int64, error), want int64, counts int) {
		t.Helper()
		n, err := ask(t.Context(), "main")
		if err != nil || n != want || counted != counts {
			t.Errorf("%s: %d after %d counts, %v; want %d after %d", what, n, counted, err, want, counts)
		}
	}
	expect("first", totals.recent, 300, 1)
	products = 1000
	now = now.Add(totalAge - took)
	expect("within a second", totals.recent, 300, 1)
	now = now.Add(took)
	expect("a second later", totals.recent, 1000, 2)
	products = 1001
	expect("on the last page", totals.fresh, 1001, 3)
	products = 1002
	expect("after the last page", totals.recent, 1001, 3)

	took = time.Second
	expect("a slow count", totals.fresh, 1002, 4)
	products = 1003
	now = now.Add(totalShare*took - time.Millisecond)
	expect("within fifty of them", totals.recent, 1002, 4)
	now = now.Add(time.Millisecond)
	expect("after fifty of them", totals.recent, 1003, 5)

	expect("while comparing", totals.lately, 1003, 5)
	products = 1004
	now = now.Add(totalLately - time.Millisecond)
	expect("while comparing, minutes later", totals.lately, 1003, 5)
	now = now.Add(time.Millisecond)
	expect("while comparing, too late", totals.lately, 1004, 6)
	totals.learn("main", 1005, now)
	expect("counted on another occasion", totals.recent, 1005, 6)

	took = totalCheap - time.Microsecond
	expect("a quick count", totals.fresh, 1004, 7)
	expect("while comparing a small catalog", totals.lately, 1004, 8)

	products = 0
	expect("emptied", totals.fresh, 0, 9)
	if len(totals.known) != 0 {
		t.Error("a catalog without products is remembered")
	}
	failure = errors.New("the database is away")
	if _, err := totals.recent(t.Context(), "main"); !errors.Is(err, failure) {
		t.Errorf("a failed count: %v", err)
	}
}

// TestPeopleAreToldOfWhenACountIs: which catalogs there are and how many products small ones have is always as it is now, and one caller counts a large one for
// all who ask for some time.
func TestPeopleAreToldOfWhenACountIs(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 31, 11, 0, 0, 0, time.UTC)
	catalogs := map[string]int64{"large": 1_000_000, "small": 7}
	took, counted := 10*time.Millisecond, 0
	totals := newTotals(nil, nil, 5*time.Second)
	totals.now = func() time.Time { return now }
	totals.count = func(_ context.Context, name string) (int64, error) {
		counted++
		now = now.Add(took)
		return catalogs[name], nil
	}
	totals.upTo = func(_ context.Context, most int) (counts []catalog.Count, _ error) {
		for _, name := range slices.Sorted(maps.Keys(catalogs)) {
			counts = append(counts, catalog.Count{Catalog: name, Products: min(catalogs[name], int64(most))})
		}
		return counts, nil
	}
	expect := func(what string, counts int, want ...size) {
		t.Helper()
		sizes, err := totals.shown(t.Context())
		if err != nil || !reflect.DeepEqual(sizes, want) || counted != counts {
			t.Errorf("%s: %+v after %d counts, %v; want %+v after %d", what, sizes, counted, err, want, counts)
		}
	}
	of := func(name string, products int64, at *time.Time) size {
		return size{catalog.Count{Catalog: name, Products: products}, at}
	}
	first := now
	expect("first", 1, of("large", 1_000_000, nil), of("small", 7, nil))
	catalogs["large"]++
	catalogs["small"]++
	now = now.Add(5*time.Second - time.Millisecond)
	expect("within five seconds", 1, of("large", 1_000_000, &first), of("small", 8, nil))
	now = now.Add(time.Millisecond)
	expect("after them", 2, of("large", 1_000_001, nil), of("small", 8, nil))
	catalogs["large"]++
	totals.forget("large")
	took = time.Second
	second := now
	expect("after it was deleted in part", 3, of("large", 1_000_002, nil), of("small", 8, nil))
	delete(catalogs, "small")
	now = now.Add(totalShare*took - time.Millisecond)
	expect("within fifty times as long as it took", 3, of("large", 1_000_002, &second))
	now = now.Add(time.Millisecond)
	expect("after that", 4, of("large", 1_000_002, nil))
	delete(catalogs, "large")
	if sizes, err := totals.shown(t.Context()); err != nil || len(sizes) != 0 {
		t.Errorf("nothing is left: %+v, %v", sizes, err)
	}
}
