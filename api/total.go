package api

import (
	"context"
	"sync"
	"time"
)

const (
	// totalAge is how long a count of a catalog may be repeated on pages that are not the last.
	totalAge = time.Second
	// totalShare bounds what counting costs: a count that took a second is repeated for totalShare seconds.
	totalShare = 50
	// totalLately is how long a count may be repeated for whoever only compares, unless it took less than totalCheap.
	totalLately, totalCheap = 10 * time.Minute, 2 * time.Millisecond
)

// totals knows how many products each catalog has, for the last line of node pages.
//
// Counting a million products takes about 0.1 s, often longer than reading a page of them. So only the last page of a
// catalog is counted each time, after its products were read. The other pages may repeat a count that is at most
// totalAge old, or totalShare times as old as it took to make: counting then takes at most a fiftieth of the time.
//
// Comparing two catalogs that are equal costs little more than counting one. So there the number, which is only shown, may be
// that of the last sync; see [totals.lately].
type totals struct {
	count func(ctx context.Context, catalogName string) (int64, error)
	now   func() time.Time

	mu sync.Mutex
	// known holds the catalogs that have products, so that asking for made-up names does not fill it.
	known map[string]total
}

// total is a count of a catalog that may be repeated until a time.
type total struct {
	products int64
	// until is the end of the time for [totals.recent], lately of that for [totals.lately].
	until, lately time.Time
}

func newTotals(count func(ctx context.Context, catalogName string) (int64, error)) *totals {
	return &totals{count: count, now: time.Now, known: map[string]total{}}
}

// fresh counts the catalog now.
func (t *totals) fresh(ctx context.Context, catalogName string) (int64, error) {
	began := t.now()
	n, err := t.count(ctx, catalogName)
	if err != nil {
		return 0, err
	}
	t.learn(catalogName, n, began)
	return n, nil
}

// learn takes in a count that was begun at a time and is done now.
func (t *totals) learn(catalogName string, n int64, began time.Time) {
	done := t.now()
	t.mu.Lock()
	defer t.mu.Unlock()
	if n == 0 {
		delete(t.known, catalogName)
		return
	}
	took, lately := done.Sub(began), done
	if took >= totalCheap {
		lately = done.Add(totalLately)
	}
	t.known[catalogName] = total{n, done.Add(max(totalAge, totalShare*took)), lately}
}

// recent returns a count that may be a little older.
func (t *totals) recent(ctx context.Context, catalogName string) (int64, error) {
	return t.repeat(ctx, catalogName, func(known total) time.Time { return known.until })
}

// lately returns a count that may be some minutes old, for whoever asks for the catalog's size once more in the end.
func (t *totals) lately(ctx context.Context, catalogName string) (int64, error) {
	return t.repeat(ctx, catalogName, func(known total) time.Time { return known.lately })
}

// repeat returns the last count until a time, and counts anew after it.
func (t *totals) repeat(ctx context.Context, catalogName string, until func(total) time.Time) (int64, error) {
	t.mu.Lock()
	known, ok := t.known[catalogName]
	t.mu.Unlock()
	if ok && t.now().Before(until(known)) {
		return known.products, nil
	}
	return t.fresh(ctx, catalogName)
}
