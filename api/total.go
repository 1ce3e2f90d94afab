package api

import (
	"context"
	"sync"
	"time"

	"fullsync/internal/catalog"
)

const (
	// totalAge is how long a count of a catalog may be repeated on pages that are not the last.
	totalAge = time.Second
	// totalShare bounds what counting costs: a count that took a second is repeated for totalShare seconds.
	totalShare = 50
	// manyProducts is from how many on the count of a catalog may be repeated to people: counting fewer takes no time.
	manyProducts = 20_000
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
//
// People are told which catalogs there are, and how many products a small one has, as it is now. The count of a large one may be
// repeated, for somewhat longer than on pages, and then they are told of when it is; see [totals.shown].
type totals struct {
	count func(ctx context.Context, catalogName string) (int64, error)
	// upTo counts every catalog, but no further than to most.
	upTo func(ctx context.Context, most int) ([]catalog.Count, error)
	// keep is for how long people may be told the same at least.
	keep time.Duration
	now  func() time.Time
	// turn is taken by whoever counts for people: the others then are told the same.
	turn chan struct{}

	mu sync.Mutex
	// known holds the catalogs that have products, so that asking for made-up names does not fill it.
	known map[string]total
}

// total is a count of a catalog that may be repeated.
type total struct {
	products    int64
	began, done time.Time
}

// until returns the end of the time in which a count may be repeated that may be so old.
func (t total) until(age time.Duration) time.Time {
	return t.done.Add(max(age, totalShare*t.done.Sub(t.began)))
}

// size is how many products a catalog has.
type size struct {
	catalog.Count
	// countedAt is when they were counted, if that was for an earlier answer.
	countedAt *time.Time
}

func newTotals(
	count func(ctx context.Context, catalogName string) (int64, error), upTo func(ctx context.Context, most int) ([]catalog.Count, error), keep time.Duration,
) *totals {
	return &totals{count: count, upTo: upTo, keep: keep, now: time.Now, turn: make(chan struct{}, 1), known: map[string]total{}}
}

// shown returns every catalog, by name, for people.
func (t *totals) shown(ctx context.Context) ([]size, error) {
	counts, err := t.upTo(ctx, manyProducts)
	if err != nil {
		return nil, err
	}
	sizes := make([]size, 0, len(counts))
	for _, c := range counts {
		s := size{Count: c}
		if c.Products >= manyProducts {
			if s, err = t.large(ctx, c.Catalog); err != nil {
				return nil, err
			}
		}
		sizes = append(sizes, s)
	}
	return sizes, nil
}

// large returns the size of a large catalog.
func (t *totals) large(ctx context.Context, catalogName string) (size, error) {
	select {
	case t.turn <- struct{}{}:
		defer func() { <-t.turn }()
	case <-ctx.Done():
		return size{}, ctx.Err()
	}
	s := size{Count: catalog.Count{Catalog: catalogName}}
	if known, ok := t.knows(catalogName); ok && t.now().Before(known.until(t.keep)) {
		s.Products, s.countedAt = known.products, &known.began
		return s, nil
	}
	var err error
	s.Products, err = t.fresh(ctx, catalogName)
	return s, err
}

// forget has the catalog counted anew for whoever asks next.
func (t *totals) forget(catalogName string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.known, catalogName)
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
	t.known[catalogName] = total{n, began, done}
}

// recent returns a count that may be a little older.
func (t *totals) recent(ctx context.Context, catalogName string) (int64, error) {
	return t.repeat(ctx, catalogName, func(known total) time.Time { return known.until(totalAge) })
}

// lately returns a count that may be some minutes old, for whoever asks for the catalog's size once more in the end.
func (t *totals) lately(ctx context.Context, catalogName string) (int64, error) {
	return t.repeat(ctx, catalogName, func(known total) time.Time {
		if known.done.Sub(known.began) < totalCheap {
			return known.done
		}
		return known.done.Add(totalLately)
	})
}

// repeat returns the last count until a time, and counts anew after it.
func (t *totals) repeat(ctx context.Context, catalogName string, until func(total) time.Time) (int64, error) {
	if known, ok := t.knows(catalogName); ok && t.now().Before(until(known)) {
		return known.products, nil
	}
	return t.fresh(ctx, catalogName)
}

// knows returns the last count of a catalog, if there is one.
func (t *totals) knows(catalogName string) (known total, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	known, ok = t.known[catalogName]
	return known, ok
}
