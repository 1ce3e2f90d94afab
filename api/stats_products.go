package api

import (
	"context"
	"time"
)

// manyProducts is from how many on the count is kept: counting fewer takes no time.
const manyProducts = 20_000

// productTotal counts the products of a node. A large catalog takes a while, and a page asks again every few seconds, so the
// count is then kept for a moment, and one caller counts for all.
type productTotal struct {
	catalogs Catalogs
	keep     time.Duration
	// turn is taken by whoever counts.
	turn    chan struct{}
	total   int64
	counted time.Time
}

func newProductTotal(catalogs Catalogs, keep time.Duration) *productTotal {
	return &productTotal{catalogs: catalogs, keep: keep, turn: make(chan struct{}, 1)}
}

func (t *productTotal) get(ctx context.Context) (int64, error) {
	select {
	case t.turn <- struct{}{}:
		defer func() { <-t.turn }()
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	if t.total >= manyProducts && time.Since(t.counted) < t.keep {
		return t.total, nil
	}
	counts, err := t.catalogs.CountCatalogs(ctx)
	if err != nil {
		return 0, err
	}
	t.total, t.counted = 0, time.Now()
	for _, c := range counts {
		t.total += c.Products
	}
	return t.total, nil
}
