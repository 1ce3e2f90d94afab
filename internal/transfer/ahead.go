package transfer

import (
	"context"
	"time"
)

// stage runs next in the background, one result ahead of whoever takes them, and closes the channel after the last
// one. A result with an error is the last. stop ends the stage and returns when it has ended; it is safe to call twice.
func stage[T any](ctx context.Context, next func(context.Context) (item T, more bool, err error)) (items <-chan made[T], stop func()) {
	return stageAhead(ctx, 1, next)
}

// stageAhead is stage, by any number of results ahead.
func stageAhead[T any](ctx context.Context, ahead int, next func(context.Context) (item T, more bool, err error)) (items <-chan made[T], stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	out := make(chan made[T], ahead-1)
	go func() {
		defer close(out)
		for more := true; more; {
			var m made[T]
			m.item, more, m.err = next(ctx)
			if m.err == nil && !more {
				return
			}
			more = m.err == nil
			select {
			case out <- m:
			case <-ctx.Done():
				return
			}
		}
	}()
	return out, func() {
		cancel()
		for range out { // draining is how we wait for the stage to end
		}
	}
}

// made is one result of a stage, or what ended it.
type made[T any] struct {
	item T
	err  error
}

// take returns the next result of a stage; more is false after the last one. A stage also ends, without a word, when
// ctx does.
func take[T any](ctx context.Context, items <-chan made[T]) (item T, more bool, err error) {
	return takeUntil(ctx, items, nil)
}

// takeUntil is take; more is also false when late comes before the next result.
func takeUntil[T any](ctx context.Context, items <-chan made[T], late <-chan time.Time) (item T, more bool, err error) {
	select {
	case m, ok := <-items:
		if !ok {
			return item, false, context.Cause(ctx)
		}
		return m.item, m.err == nil, m.err
	case <-late:
		return item, false, nil
	}
}

// then returns what makes each result of another stage into one of its own.
func then[A, B any](before <-chan made[A], turn func(context.Context, A) (B, error)) func(context.Context) (B, bool, error) {
	return func(ctx context.Context) (b B, _ bool, _ error) {
		a, more, err := take(ctx, before)
		if err != nil || !more {
			return b, false, err
		}
		b, err = turn(ctx, a)
		return b, true, err
	}
}
