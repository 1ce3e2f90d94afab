package transfer_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"fullsync/internal/catalog"
	"fullsync/internal/transfer"
)

// products makes n products with ascending ids.
func products(n int) []catalog.Product {
	made := make([]catalog.Product, n)
	for i := range made {
		made[i] = catalog.Product{ID: fmt.Sprintf("p-%03d", i+1), Name: "Product"}
	}
	return made
}

// source is a catalog in memory. Its hooks, where set, see a call first: read decides what the n-th call (from 1)
// returns instead, as long as its error or page says anything.
type source struct {
	products []catalog.Product
	read     func(ctx context.Context, call int, after string) (*transfer.Page, error)

	calls  int
	afters []string
	limits []int
}

func (s *source) Describe(context.Context) (transfer.Description, error) {
	return transfer.Description{NodeID: "branch", Total: int64(len(s.products))}, nil
}

func (s *source) Read(ctx context.Context, after string, limit int) (transfer.Page, error) {
	s.calls++
	s.afters, s.limits = append(s.afters, after), append(s.limits, limit)
	if s.read != nil {
		if page, err := s.read(ctx, s.calls, after); err != nil {
			return transfer.Page{}, err
		} else if page != nil {
			return *page, nil
		}
	}
	from := 0
	for from < len(s.products) && s.products[from].ID <= after {
		from++
	}
	to := min(from+limit, len(s.products))
	page := transfer.Page{Products: s.products[from:to], Next: after, More: to < len(s.products), Bytes: int64(to-from) * 100}
	if to > from {
		page.Next = s.products[to-1].ID
	}
	return page, nil
}

func (s *source) Close() error { return nil }

// sink keeps what it is given. Its hooks, where set, decide what a call returns, before anything is kept.
type sink struct {
	held    func(call int) error
	commit  func(ctx context.Context, call int, batch catalog.Batch) error
	waiting func(transfer.Wait) error

	mu      sync.Mutex
	order   []string // "held" and "commit", as they were called
	helds   int
	commits int
	batches []catalog.Batch
	waits   []transfer.Wait
}

func (k *sink) Held(context.Context) error {
	k.mu.Lock()
	k.helds++
	k.order = append(k.order, "held")
	call := k.helds
	k.mu.Unlock()
	if k.held != nil {
		return k.held(call)
	}
	return nil
}

func (k *sink) Commit(ctx context.Context, batch catalog.Batch) error {
	k.mu.Lock()
	k.commits++
	k.order = append(k.order, "commit")
	call := k.commits
	k.mu.Unlock()
	if k.commit != nil {
		if err := k.commit(ctx, call, batch); err != nil {
			return err
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.batches = append(k.batches, batch)
	return nil
}

func (k *sink) Waiting(_ context.Context, w transfer.Wait) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.waits = append(k.waits, w)
	if k.waiting != nil {
		return k.waiting(w)
	}
	return nil
}

// committed returns the ids of everything that was committed, in order.
func (k *sink) committed() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	var ids []string
	for _, b := range k.batches {
		for _, p := range b.Products {
			ids = append(ids, p.ID)
		}
	}
	return ids
}

func ids(of []catalog.Product) []string {
	var out []string
	for _, p := range of {
		out = append(out, p.ID)
	}
	return out
}

// quick gives up after the third try. Its waits pass in no time: these tests run under synthetic time.
var quick = transfer.Backoff{Tries: 3, First: time.Second, Most: 10 * time.Second}

func options(batchSize int) transfer.Options {
	return transfer.Options{NodeID: "branch", Catalog: "main", BatchSize: batchSize, Backoff: quick}
}

func wantAll(t *testing.T, k *sink, all []catalog.Product) {
	t.Helper()
	if got := k.committed(); !slices.Equal(got, ids(all)) {
		t.Errorf("committed %v\nwant %v", got, ids(all))
	}
}
