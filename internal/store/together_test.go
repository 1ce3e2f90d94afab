package store

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// asker asks the same question again and again; each of its readings waits for a word to end.
type asker struct {
	shared together[int]
	begun  int
	end    chan struct{}
	all    sync.WaitGroup
}

// ask asks in the background and calls back with the answer.
func (a *asker) ask(ctx context.Context, answered func(int, error)) {
	a.all.Go(func() {
		answered(a.shared.ask(ctx, "key", func(ctx context.Context) (int, error) {
			a.begun++
			number := a.begun
			select {
			case <-a.end:
				return number, nil
			case <-ctx.Done():
				return 0, ctx.Err()
			}
		}))
	})
	synctest.Wait()
}

func TestAskingTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := asker{end: make(chan struct{})}
		want := func(number int) func(int, error) {
			return func(got int, err error) {
				if got != number || err != nil {
					t.Errorf("got the answer of reading %d (%v), want that of reading %d", got, err, number)
				}
			}
		}
		a.ask(t.Context(), want(1))
		for range 10 {
			a.ask(t.Context(), want(2)) // reading 1 has begun, so its answer may be older than this question
		}
		if a.begun != 1 {
			t.Errorf("%d readings run at the same time", a.begun)
		}
		a.end <- struct{}{}
		synctest.Wait()
		a.ask(t.Context(), want(3))
		a.end <- struct{}{}
		a.end <- struct{}{}
		a.all.Wait()
		a.ask(t.Context(), want(4))
		a.end <- struct{}{}
		a.all.Wait()
		if len(a.shared.running)+len(a.shared.next) != 0 {
			t.Error("readings that have ended are kept")
		}
	})
}

func TestWhoeverGivesUpTakesNobodyAlong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := asker{end: make(chan struct{})}
		gone := func(_ int, err error) {
			if !errors.Is(err, context.Canceled) {
				t.Errorf("got %v of a question that was given up", err)
			}
		}
		var answered atomic.Int32
		right := func(_ int, err error) {
			if err == nil {
				answered.Add(1)
			}
		}
		first, stopFirst := context.WithCancel(t.Context())
		second, stopSecond := context.WithCancel(t.Context())
		third, stopThird := context.WithCancel(t.Context())
		a.ask(first, gone)  // reads at once
		a.ask(second, gone) // is to read next, for all who follow
		a.ask(third, gone)
		for range 3 {
			a.ask(t.Context(), right)
		}
		stopSecond() // before its turn: one of the four others is to read next
		synctest.Wait()
		stopFirst() // in the middle of its reading; the next begins
		synctest.Wait()
		stopThird() // whether it reads now or waits
		synctest.Wait()
		close(a.end)
		a.all.Wait()
		if answered.Load() != 3 || len(a.shared.running)+len(a.shared.next) != 0 {
			t.Errorf("%d of 3 got an answer, after %d readings", answered.Load(), a.begun)
		}
	})
}

func TestWhoeverGivesUpWhileItReadsTakesNobodyAlong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := asker{end: make(chan struct{})}
		reads, stop := context.WithCancel(t.Context())
		a.ask(t.Context(), func(int, error) {})
		a.ask(reads, func(int, error) {})
		a.ask(t.Context(), func(got int, err error) {
			if got != 3 || err != nil {
				t.Errorf("got %d, %v", got, err)
			}
		})
		a.end <- struct{}{}
		synctest.Wait() // the second reads, for the third as well
		stop()
		synctest.Wait()
		a.end <- struct{}{}
		a.all.Wait()
	})
}

func TestAReadingThatPanicsHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	var shared together[int]
	func() {
		defer func() { _ = recover() }()
		_, _ = shared.ask(t.Context(), "key", func(context.Context) (int, error) { panic("on purpose") })
	}()
	got, err := shared.ask(t.Context(), "key", func(context.Context) (int, error) { return 1, nil })
	if got != 1 || err != nil {
		t.Errorf("got %d, %v", got, err)
	}
}
