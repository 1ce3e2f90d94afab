package api

import (
	"context"
	"errors"
	"testing"
	"time"
)

// TestTotalsAreCountedSeldom: what counting costs is bounded, and the count that matters is always new.
func TestTotalsAreCountedSeldom(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 31, 11, 0, 0, 0, time.UTC)
	products, took, counted := int64(300), time.Millisecond, 0
	var failure error
	totals := newTotals(func(context.Context, string) (int64, error) {
		counted++
		now = now.Add(took)
		return products, failure
	})
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
