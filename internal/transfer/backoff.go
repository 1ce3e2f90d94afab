package transfer

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"fullsync/internal/fault"
)

// Backoff says how often and how long trouble that may pass by itself is waited out. The wait doubles with every try,
// from First up to Most, with up to a quarter of it added at random so that replicas do not return in step.
type Backoff struct {
	// Tries is how often in a row the same step may fail before the session does; at least 1.
	Tries int
	// First and Most bound the wait between two tries.
	First, Most time.Duration
}

// DefaultBackoff waits half a second first and 30 s at most, 8 tries in a row: a little over a minute in all.
var DefaultBackoff = Backoff{Tries: 8, First: 500 * time.Millisecond, Most: 30 * time.Second}

// Wait is what a worker waits for before it tries again.
type Wait struct {
	// Reason is a sentence without full stop, such as "branch answers with 503; try 2 of 8".
	Reason string
	For    time.Duration
	// Throttled says that the other side asked for the pause.
	Throttled bool
}

// Do calls step until it succeeds, fails for good, or has failed Tries times in a row with a [*TransientError] or a
// fault of kind Unavailable. What it waits for is made known to sink. When ctx ends it returns the cause.
func (b Backoff) Do(ctx context.Context, sink Sink, step func() error) error {
	for try := 1; ; try++ {
		err := step()
		if err == nil && try > 1 {
			return report(ctx, sink, Wait{})
		}
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		after, passing := passing(err)
		if !passing || try >= b.Tries {
			return err
		}
		wait := Wait{
			Reason: fmt.Sprintf("%s; retry %d of %d",
				strings.TrimSuffix(fault.Sentence(err, "the source does not answer"), "."), try, b.Tries-1),
			For:       b.delay(try, after),
			Throttled: after > 0,
		}
		if err := report(ctx, sink, wait); err != nil {
			return err
		}
		select {
		case <-time.After(wait.For):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// report makes wait known. That the database cannot be told just now is no reason to stop.
func report(ctx context.Context, sink Sink, wait Wait) error {
	if err := sink.Waiting(ctx, wait); err != nil && fault.KindOf(err) != fault.Unavailable {
		return err
	}
	return nil
}

// delay returns the wait after the given failed try (1, 2, …), never less than the other side asked for.
func (b Backoff) delay(try int, asked time.Duration) time.Duration {
	d := min(b.First<<min(try-1, 20), b.Most)
	if d > 0 {
		d += rand.N(d/4 + 1)
	}
	return max(d, asked)
}

// passing says whether err is worth another try, and how long the other side asked to be left alone.
func passing(err error) (after time.Duration, ok bool) {
	if t, ok := asTransient(err); ok {
		return t.After, true
	}
	return 0, fault.KindOf(err) == fault.Unavailable
}
