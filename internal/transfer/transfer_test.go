package transfer_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"fullsync/internal/catalog"
	"fullsync/internal/fault"
	"fullsync/internal/transfer"
)

func TestRunMovesTheWholeCatalog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		src, k := &source{products: products(25)}, &sink{}
		if err := transfer.Run(t.Context(), src, k, options(10)); err != nil {
			t.Fatal(err)
		}
		wantAll(t, k, src.products)
		if want := []string{"", "p-010", "p-020"}; !slices.Equal(src.afters, want) {
			t.Errorf("read after %q, want %q", src.afters, want)
		}
		if want := []int{10, 10, 10}; !slices.Equal(src.limits, want) {
			t.Errorf("asked for %v products, want %v", src.limits, want)
		}
		for i, after := range []string{"p-010", "p-020", "p-025"} {
			b := k.batches[i]
			if want := (catalog.Cursor{NodeID: "branch", Catalog: "main", After: after}); b.Cursor != want {
				t.Errorf("cursor of batch %d is %+v, want %+v", i+1, b.Cursor, want)
			}
			if b.Bytes != int64(len(b.Products))*100 {
				t.Errorf("batch %d has %d bytes", i+1, b.Bytes)
			}
		}
		if len(k.waits) != 0 {
			t.Errorf("a smooth run reported %+v", k.waits)
		}
	})
}

func TestRunLooksAtTheFlagBeforeEveryCommit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		src, k := &source{products: products(30)}, &sink{}
		if err := transfer.Run(t.Context(), src, k, options(10)); err != nil {
			t.Fatal(err)
		}
		if want := []string{"held", "commit", "held", "commit", "held", "commit"}; !slices.Equal(k.order, want) {
			t.Errorf("calls %v, want %v", k.order, want)
		}
	})
}

func TestRunGoesOnBehindTheCursor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		src, k := &source{products: products(25)}, &sink{}
		opt := options(10)
		opt.After = "p-012"
		if err := transfer.Run(t.Context(), src, k, opt); err != nil {
			t.Fatal(err)
		}
		wantAll(t, k, src.products[12:])
	})
}

// While a batch is being committed the next one is read, and no more than that one: memory stays bounded.
func TestRunReadsOneBatchAhead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		src, k := &source{products: products(50)}, &sink{}
		secondRead := make(chan struct{})
		src.read = func(_ context.Context, call int, _ string) (*transfer.Page, error) {
			if call == 2 {
				close(secondRead)
			}
			return nil, nil
		}
		k.commit = func(_ context.Context, call int, _ catalog.Batch) error {
			if call != 1 {
				return nil
			}
			<-secondRead // without overlap nobody ever closes it, and the test ends as deadlocked
			synctest.Wait()
			if src.calls != 2 {
				t.Errorf("%d pages were read while the first batch was being committed, want 2", src.calls)
			}
			return nil
		}
		if err := transfer.Run(t.Context(), src, k, options(10)); err != nil {
			t.Fatal(err)
		}
		wantAll(t, k, src.products)
	})
}

func TestRunOfAnEmptyCatalogCommitsNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		src, k := &source{}, &sink{}
		if err := transfer.Run(t.Context(), src, k, options(10)); err != nil {
			t.Fatal(err)
		}
		if src.calls != 1 || len(k.order) != 0 {
			t.Errorf("%d reads, calls %v; want one read and no commit", src.calls, k.order)
		}
	})
}

// A page may be all rejects, which are counted where they are committed, or hold nothing at all and not be the last.
func TestRunCommitsRejectsAndPassesOverEmptyPages(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rejects := []catalog.Reject{{ID: "x-1", Reason: "name is required"}, {Reason: "id is required"}}
		src, k := &source{products: products(3)}, &sink{}
		src.read = func(_ context.Context, call int, _ string) (*transfer.Page, error) {
			switch call {
			case 1:
				return &transfer.Page{Rejects: rejects, Next: "a", More: true, Bytes: 7}, nil
			case 2:
				return &transfer.Page{Next: "b", More: true}, nil
			}
			return nil, nil
		}
		if err := transfer.Run(t.Context(), src, k, options(10)); err != nil {
			t.Fatal(err)
		}
		wantAll(t, k, src.products)
		if len(k.batches) != 2 || !slices.Equal(k.batches[0].Rejects, rejects) || k.batches[0].Bytes != 7 || k.batches[0].Cursor.After != "a" {
			t.Errorf("batches %+v", k.batches)
		}
		if want := []string{"", "a", "b"}; !slices.Equal(src.afters, want) {
			t.Errorf("read after %q, want %q", src.afters, want)
		}
	})
}

func TestRunStopsWhenItIsFenced(t *testing.T) {
	t.Parallel()
	for name, fence := range map[string]func(*sink){
		"at the look at the flag": func(k *sink) {
			k.held = func(call int) error {
				if call == 3 {
					return transfer.ErrFenced
				}
				return nil
			}
		},
		"by the commit": func(k *sink) {
			k.commit = func(_ context.Context, call int, _ catalog.Batch) error {
				if call == 3 {
					return transfer.ErrFenced
				}
				return nil
			}
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			src, k := &source{products: products(100)}, &sink{}
			fence(k)
			if err := transfer.Run(t.Context(), src, k, options(10)); !errors.Is(err, transfer.ErrFenced) {
				t.Errorf("%s: %v, want ErrFenced", name, err)
			}
			if len(k.batches) != 2 || k.helds != 3 || len(k.waits) != 0 {
				t.Errorf("%s: %d batches, %d looks, waits %v; want 2 batches and no further try", name, len(k.batches), k.helds, k.waits)
			}
		})
	}
}

func TestRunStopsAtAPermanentError(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		broken := fault.New(fault.Forbidden, "PEER_REFUSED", "Peer refused", "Branch refuses the token.")
		src, k := &source{products: products(30)}, &sink{}
		src.read = func(_ context.Context, call int, _ string) (*transfer.Page, error) {
			if call == 3 {
				return nil, broken
			}
			return nil, nil
		}
		if err := transfer.Run(t.Context(), src, k, options(10)); !errors.Is(err, broken) {
			t.Errorf("%v, want the source's own error", err)
		}
		wantAll(t, k, src.products[:20]) // what was read before it counts
		if src.calls != 3 || len(k.waits) != 0 {
			t.Errorf("%d reads, waits %v; want no further try", src.calls, k.waits)
		}
	})
}

var errStopped = errors.New("stopped by the test")

// Whatever a run is doing, ending its context ends it with the cause, and no goroutine stays behind: synctest ends a
// test whose goroutines are left.
func TestRunEndsWithItsContext(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		source  func(*source)
		sink    func(*sink)
		perSec  int
		batches int
	}{
		"reading": {source: func(s *source) {
			s.read = func(ctx context.Context, call int, _ string) (*transfer.Page, error) {
				if call < 3 {
					return nil, nil
				}
				<-ctx.Done()
				return nil, ctx.Err()
			}
		}, batches: 2},
		"waiting for the source": {source: func(s *source) {
			s.read = func(_ context.Context, call int, _ string) (*transfer.Page, error) {
				if call < 3 {
					return nil, nil
				}
				return nil, &transfer.TransientError{Err: errors.New("429"), After: time.Hour}
			}
		}, batches: 2},
		"committing": {sink: func(k *sink) {
			k.commit = func(ctx context.Context, call int, _ catalog.Batch) error {
				if call < 3 {
					return nil
				}
				<-ctx.Done()
				return ctx.Err()
			}
		}, batches: 2},
		"waiting for the database": {sink: func(k *sink) {
			k.commit = func(_ context.Context, call int, _ catalog.Batch) error {
				if call < 3 {
					return nil
				}
				return &transfer.TransientError{Err: errors.New("away"), After: time.Hour}
			}
		}, batches: 2},
		"pacing": {perSec: 2, batches: 20}, // one product at once and then, until the 10th second, every half second
	} {
		synctest.Test(t, func(t *testing.T) {
			src, k := &source{products: products(100)}, &sink{}
			if c.source != nil {
				c.source(src)
			}
			if c.sink != nil {
				c.sink(k)
			}
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			stop := time.AfterFunc(9750*time.Millisecond, func() { cancel(errStopped) })
			defer stop.Stop()
			opt := options(10)
			opt.MaxPerSecond = c.perSec
			begun := time.Now()
			if err := transfer.Run(ctx, src, k, opt); err != errStopped {
				t.Errorf("%s: %v, want the cause", name, err)
			}
			if took := time.Since(begun); took != 9750*time.Millisecond {
				t.Errorf("%s: ended after %s, want at once", name, took)
			}
			if len(k.batches) != c.batches {
				t.Errorf("%s: %d batches were committed, want %d", name, len(k.batches), c.batches)
			}
		})
	}
}

// The caller closes the source when Run has returned, so by then nobody may be reading from it any more.
func TestRunReturnsAfterItsReader(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var reading atomic.Bool
		src, k := &source{products: products(30)}, &sink{}
		src.read = func(ctx context.Context, call int, _ string) (*transfer.Page, error) {
			if call < 2 {
				return nil, nil
			}
			reading.Store(true)
			defer reading.Store(false)
			<-ctx.Done()
			<-time.After(time.Second) // a request takes a moment to come to its end
			return nil, ctx.Err()
		}
		k.commit = func(context.Context, int, catalog.Batch) error {
			synctest.Wait() // until the second read is under way
			return transfer.ErrFenced
		}
		if err := transfer.Run(t.Context(), src, k, options(10)); !errors.Is(err, transfer.ErrFenced) {
			t.Error(err)
		}
		if reading.Load() {
			t.Error("Run has returned while the source was still being read")
		}
	})
}

// A worker whose context ends after the last batch must not report the catalog as complete: its session is another's.
func TestRunThatWasStoppedAtTheEndIsNotComplete(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		src, k := &source{products: products(10)}, &sink{}
		k.commit = func(context.Context, int, catalog.Batch) error {
			cancel(errStopped)
			return nil
		}
		if err := transfer.Run(ctx, src, k, options(10)); err != errStopped {
			t.Errorf("%v, want the cause", err)
		}
	})
}

func TestRunKeepsToTheSpeedLimit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		perSecond, products, batches int
		took                         time.Duration
	}{
		{perSecond: 10, products: 30, batches: 6, took: 2500 * time.Millisecond}, // five at once, then five each half second
		{perSecond: 1, products: 4, batches: 4, took: 3 * time.Second},
		{perSecond: 3, products: 7, batches: 7, took: 2 * time.Second},
		{perSecond: 1000, products: 100, batches: 1},
		{perSecond: 0, products: 300, batches: 3},
	} {
		synctest.Test(t, func(t *testing.T) {
			src, k := &source{products: products(c.products)}, &sink{}
			opt := options(100)
			opt.MaxPerSecond = c.perSecond
			begun := time.Now()
			if err := transfer.Run(t.Context(), src, k, opt); err != nil {
				t.Fatal(err)
			}
			took := time.Since(begun).Round(time.Millisecond)
			if took != c.took || len(k.batches) != c.batches {
				t.Errorf("%d products at %d/s: %d batches in %s, want %d in %s", c.products, c.perSecond, len(k.batches), took, c.batches, c.took)
			}
			wantAll(t, k, src.products)
		})
	}
}

// A source that sends more than it was asked for is slowed down, not an error.
func TestRunTakesLargerPagesThanItAskedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		all := products(12)
		src, k := &source{}, &sink{}
		src.read = func(context.Context, int, string) (*transfer.Page, error) {
			return &transfer.Page{Products: all, Next: "p-012"}, nil
		}
		opt := options(10)
		opt.MaxPerSecond = 4
		if err := transfer.Run(t.Context(), src, k, opt); err != nil {
			t.Fatal(err)
		}
		wantAll(t, k, all)
	})
}

// sizes returns the numbers of products in batches.
func sizes(batches []catalog.Batch) (n []int) {
	for _, b := range batches {
		n = append(n, len(b.Products))
	}
	return n
}

// TestNoBatchIsARemainderOfAFewProducts where everything differs, but for the last one: each is a transaction.
func TestNoBatchIsARemainderOfAFewProducts(t *testing.T) {
	t.Parallel()
	of := func(version string) *memory {
		all := make([]catalog.Product, 20_000)
		for i := range all {
			all[i] = product(fmt.Sprintf("p-%05d", i), version)
		}
		return newMemory(all...)
	}
	from, k := of("new"), &sink{}
	opt := transfer.Options{BatchSize: 2500, Compare: &transfer.Comparison{Source: from, Target: of("old"), Products: from, Near: from}}
	if err := transfer.Run(t.Context(), nil, k, opt); err != nil {
		t.Fatal(err)
	}
	got := sizes(k.batches)
	for i, n := range got {
		if n < 1000 && i < len(got)-1 {
			t.Errorf("batches of %v", got)
			break
		}
	}
}

// TestOnlyBatchesOfNoChosenSizeGrow takes no time at all, so that every batch is quick.
func TestOnlyBatchesOfNoChosenSizeGrow(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		opt            transfer.Options
		want, compared []int
	}{
		"grows":        {transfer.Options{BatchSize: 10, Grow: true}, []int{10, 20, 40, 80}, []int{10, 20, 40, 50}},
		"chosen":       {transfer.Options{BatchSize: 40}, []int{40, 40, 40}, []int{40, 40, 40}},
		"with a limit": {transfer.Options{BatchSize: 40, Grow: true, MaxPerSecond: 1000}, []int{40, 40, 40}, []int{40, 40, 40}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				src := &source{products: products(120)}
				if err := transfer.Run(t.Context(), src, &sink{}, c.opt); err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(src.limits, c.want) {
					t.Errorf("asked for %v, want %v", src.limits, c.want)
				}

				from, k := newMemory(products(120)...), &sink{}
				c.opt.Compare = &transfer.Comparison{Source: from, Target: newMemory(), Products: from, Near: from}
				if err := transfer.Run(t.Context(), nil, k, c.opt); err != nil {
					t.Fatal(err)
				}
				if got := sizes(k.batches); !slices.Equal(got, c.compared) {
					t.Errorf("batches of %v while comparing, want %v", got, c.compared)
				}
			})
		})
	}
}
