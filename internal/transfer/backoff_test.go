package transfer_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"fullsync/internal/catalog"
	"fullsync/internal/fault"
	"fullsync/internal/transfer"
)

// busy is trouble that passes; after is what the source asked for.
func busy(after time.Duration) error {
	return &transfer.TransientError{Err: fault.New(fault.Unavailable, "PEER_BUSY", "Peer busy", "branch answers with 503"), After: after}
}

// failing returns a hook that fails the given calls with err.
func failing(err error, calls ...int) func(context.Context, int, string) (*transfer.Page, error) {
	return func(_ context.Context, call int, _ string) (*transfer.Page, error) {
		for _, c := range calls {
			if c == call {
				return nil, err
			}
		}
		return nil, nil
	}
}

func TestPassingTroubleIsWaitedOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		src, k := &source{products: products(30), read: failing(busy(0), 2, 3)}, &sink{}
		begun := time.Now()
		if err := transfer.Run(t.Context(), src, k, options(10)); err != nil {
			t.Fatal(err)
		}
		wantAll(t, k, src.products)
		if src.afters[1] != "p-010" || src.afters[2] != "p-010" || src.afters[3] != "p-010" {
			t.Errorf("read after %q; a page that failed is asked for again", src.afters)
		}
		if len(k.waits) != 3 {
			t.Fatalf("waits %+v, want two and that they are over", k.waits)
		}
		var waited time.Duration
		for i, least := range []time.Duration{time.Second, 2 * time.Second} {
			w := k.waits[i]
			if want := fmt.Sprintf("branch answers with 503; retry %d of 2", i+1); w.Reason != want || w.Throttled || w.Try != i+1 || !w.Source {
				t.Errorf("wait %d: %+v, want the reason %q and nothing of throttling", i+1, w, want)
			}
			if w.For < least || w.For > least+least/4 {
				t.Errorf("wait %d takes %s, want %s and a quarter at most", i+1, w.For, least)
			}
			waited += w.For
		}
		if k.waits[2] != (transfer.Wait{Source: true}) {
			t.Errorf("the end of the waiting was told as %+v", k.waits[2])
		}
		if took := time.Since(begun); took != waited {
			t.Errorf("the run took %s, but said it would wait for %s", took, waited)
		}
	})
}

func TestTheSourceMayAskForMoreTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		src, k := &source{products: products(5), read: failing(busy(90*time.Second), 1)}, &sink{}
		begun := time.Now()
		if err := transfer.Run(t.Context(), src, k, options(10)); err != nil {
			t.Fatal(err)
		}
		if w := k.waits[0]; w.For != 90*time.Second || !w.Throttled {
			t.Errorf("wait %+v; Retry-After was 90 s", w)
		}
		if took := time.Since(begun); took != 90*time.Second {
			t.Errorf("the run took %s", took)
		}
		// Less than our own wait is no reason to come back sooner.
		src, k = &source{products: products(5), read: failing(busy(time.Millisecond), 1)}, &sink{}
		if err := transfer.Run(t.Context(), src, k, options(10)); err != nil {
			t.Fatal(err)
		}
		if w := k.waits[0]; w.For < time.Second || !w.Throttled {
			t.Errorf("wait %+v; our own first wait is a second", w)
		}
	})
}

func TestTroubleThatDoesNotPassEndsTheRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		src, k := &source{products: products(30), read: failing(busy(0), 2, 3, 4)}, &sink{}
		err := transfer.Run(t.Context(), src, k, options(10))
		if got := fault.Sentence(err, ""); !strings.HasPrefix(got, "branch answers with 503 It was tried 3 times in ") {
			t.Errorf("%v, want the last error of the source, and how often and long it was tried", err)
		}
		if src.calls != 4 || len(k.waits) != 2 {
			t.Errorf("%d reads, %d waits; three tries are two waits", src.calls, len(k.waits))
		}
		wantAll(t, k, src.products[:10])
	})
}

// A source that says when to come back is alive: only silence and errors use up tries.
func TestWhoeverAsksForTimeGetsIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		calls := make([]int, 20)
		for i := range calls {
			calls[i] = i + 2
		}
		src, k := &source{products: products(30), read: failing(busy(2*time.Second), calls...)}, &sink{}
		begun := time.Now()
		if err := transfer.Run(t.Context(), src, k, options(10)); err != nil {
			t.Fatal(err)
		}
		wantAll(t, k, src.products)
		if took := time.Since(begun); took != 40*time.Second || len(k.waits) != 21 {
			t.Errorf("%d waits in %s, want 20 of 2 s, and that they are over", len(k.waits), took)
		}
		if w := k.waits[19]; w.Reason != "branch answers with 503" || !w.Throttled || !w.Source || w.Err == nil {
			t.Errorf("wait %+v", w)
		}
	})
}

// A pause that would outlast the session is cut short enough for another try.
func TestNoPauseOutlastsTheSession(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		src, k := &source{products: products(30), read: failing(busy(7*24*time.Hour), 1, 2)}, &sink{}
		ctx, cancel := context.WithTimeoutCause(t.Context(), 1000*time.Second, errStopped)
		defer cancel()
		if err := transfer.Run(ctx, src, k, options(10)); err != nil {
			t.Fatal(err)
		}
		if len(k.waits) != 3 || k.waits[0].For != 900*time.Second || k.waits[1].For != 90*time.Second {
			t.Errorf("waits %+v, want nine tenths of what is left", k.waits)
		}
		// One that never stops asking ends with the session.
		src, k = &source{products: products(30)}, &sink{}
		src.read = func(context.Context, int, string) (*transfer.Page, error) { return nil, busy(7 * 24 * time.Hour) }
		ctx, cancel = context.WithTimeoutCause(t.Context(), 1000*time.Second, errStopped)
		defer cancel()
		if err := transfer.Run(ctx, src, k, options(10)); err != errStopped || len(k.waits) > 10 {
			t.Errorf("%v after %d waits, want the cause", err, len(k.waits))
		}
	})
}

// A speed at which the rest cannot be moved before the deadline is no reason to call the rest moved.
func TestPacingEndsAtTheDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		src, k := &source{products: products(30)}, &sink{}
		ctx, cancel := context.WithTimeoutCause(t.Context(), 5500*time.Millisecond, errStopped)
		defer cancel()
		opt := options(10)
		opt.MaxPerSecond = 2
		begun := time.Now()
		if err := transfer.Run(ctx, src, k, opt); err != errStopped || len(k.batches) != 12 {
			t.Errorf("%v after %d batches, want the cause after 12", err, len(k.batches))
		}
		if took := time.Since(begun); took != 5500*time.Millisecond {
			t.Errorf("ended after %s", took)
		}
	})
}

// Deletes keep to the same pace and the same deadline: what is left then is not called deleted.
func TestDeletesEndAtTheDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := &sink{}
		// The twelfth turn would come at 5.5 s, so it is refused before the deadline.
		ctx, cancel := context.WithTimeoutCause(t.Context(), 5250*time.Millisecond, errStopped)
		defer cancel()
		opt := options(10)
		opt.MaxPerSecond = 2
		left := 30
		err := transfer.Delete(ctx, k, opt, func(int) ([]string, error) {
			if left--; left < 0 {
				return nil, nil
			}
			return []string{"p-001"}, nil
		})
		if err != errStopped || len(k.batches) != 11 {
			t.Errorf("%v after %d batches, want the cause after 11", err, len(k.batches))
		}
	})
}

// Pages get smaller while answers take too long, and grow again.
func TestPagesShrinkWhileAnswersTakeTooLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		src, k := &source{products: products(999)}, &sink{}
		src.read = func(_ context.Context, call int, _ string) (*transfer.Page, error) {
			if src.limits[call-1] > 30 {
				return nil, &transfer.TransientError{Err: fault.New(fault.Unavailable, "SLOW", "Slow", "504"), Slow: true}
			}
			return nil, nil
		}
		if err := transfer.Run(t.Context(), src, k, options(100)); err != nil {
			t.Fatal(err)
		}
		wantAll(t, k, src.products)
		limits := slices.Compact(src.limits)
		if want := []int{100, 50, 25, 50, 25}; !slices.Equal(limits, want) {
			t.Errorf("asked for %v, want %v", limits, want)
		}
	})
}

// Tries are in a row: trouble that keeps coming back but passes every time is no reason to give up.
func TestEverySuccessBeginsTheCountAnew(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		src, k := &source{products: products(30), read: failing(busy(0), 1, 2, 4, 5, 7, 8)}, &sink{}
		if err := transfer.Run(t.Context(), src, k, options(10)); err != nil {
			t.Fatal(err)
		}
		wantAll(t, k, src.products)
	})
}

// Before a commit is tried again the flag is looked at again: the session may be cancelled by then.
func TestACommitIsTriedAgainAfterALook(t *testing.T) {
	t.Parallel()
	away := fault.New(fault.Unavailable, "DATABASE_UNAVAILABLE", "Database unavailable", "The database does not answer")
	synctest.Test(t, func(t *testing.T) {
		src, k := &source{products: products(20)}, &sink{}
		k.commit = func(_ context.Context, call int, _ catalog.Batch) error {
			if call == 2 {
				return away
			}
			return nil
		}
		if err := transfer.Run(t.Context(), src, k, options(10)); err != nil {
			t.Fatal(err)
		}
		wantAll(t, k, src.products)
		if k.helds != 3 || len(k.waits) != 2 || k.waits[0].Reason != "The database does not answer; retry 1 of 2" {
			t.Errorf("%d looks, waits %+v", k.helds, k.waits)
		}

		src, k = &source{products: products(20)}, &sink{}
		k.commit = func(context.Context, int, catalog.Batch) error { return away }
		k.held = func(call int) error {
			if call == 2 {
				return transfer.ErrFenced
			}
			return nil
		}
		if err := transfer.Run(t.Context(), src, k, options(10)); !errors.Is(err, transfer.ErrFenced) {
			t.Errorf("%v, want ErrFenced", err)
		}
	})
}

func TestAnErrorThatSaysNothingIsExplained(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		secret := &transfer.TransientError{Err: errors.New("dial tcp 10.0.0.7:443: connect: refused")}
		src, k := &source{products: products(1), read: failing(secret, 1)}, &sink{}
		if err := transfer.Run(t.Context(), src, k, options(10)); err != nil {
			t.Fatal(err)
		}
		if got := k.waits[0].Reason; got != "the source does not answer; retry 1 of 2" {
			t.Errorf("reason %q; nothing internal may show", got)
		}
	})
}

// While it waits a worker tells the session's row; that row may say that the session is no longer its own.
func TestWaitingMeetsTheFence(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		src, k := &source{products: products(30), read: failing(busy(0), 2)}, &sink{}
		k.waiting = func(transfer.Wait) error { return transfer.ErrFenced }
		if err := transfer.Run(t.Context(), src, k, options(10)); !errors.Is(err, transfer.ErrFenced) {
			t.Errorf("%v, want ErrFenced", err)
		}
		wantAll(t, k, src.products[:10])

		// That the database is away as well is no reason to stop.
		src, k = &source{products: products(30), read: failing(busy(0), 2)}, &sink{}
		k.waiting = func(transfer.Wait) error { return fault.New(fault.Unavailable, "AWAY", "Away", "Away.") }
		if err := transfer.Run(t.Context(), src, k, options(10)); err != nil {
			t.Error(err)
		}
		wantAll(t, k, src.products)
	})
}
