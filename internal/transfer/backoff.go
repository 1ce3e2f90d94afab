package transfer

import (
	"context"
	"errors"
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
	// Reason is a sentence without full stop, such as "branch answers with 503; retry 2 of 7".
	Reason string
	For    time.Duration
	// Throttled says that the other side asked for the pause.
	Throttled bool
	// Try numbers the failed tries of a step in a row, from 1; 0 where the other side asked for the pause.
	Try int
	// Err is the trouble, and Source says that it is the source's and not the database's, also of a zero wait.
	Err    error
	Source bool
}

// Do calls step until it succeeds, fails for good, or has failed Tries times in a row with a [*TransientError] or a
// fault of kind Unavailable. A step after which the other side asks for a pause does not count: whoever says when to
// come back is alive. What it waits for is made known to sink. When ctx ends it returns the cause; where ctx has a
// deadline, no pause that is asked for goes on until then.
func (b Backoff) Do(ctx context.Context, sink Sink, step func() error) error {
	begun, waited, source := time.Now(), false, false
	for tries := 0; ; waited = true {
		err := step()
		if err == nil && waited {
			return report(ctx, sink, Wait{Source: source})
		}
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		asked, passing := passing(err)
		if !passing {
			return err
		}
		wait := Wait{Reason: strings.TrimSuffix(fault.Sentence(err, "the source does not answer"), "."), Err: err}
		_, wait.Source = asTransient(err)
		source = source || wait.Source
		if asked > 0 {
			wait.For, wait.Throttled = b.pause(ctx, asked), true
		} else if tries++; tries < b.Tries {
			wait.For, wait.Try = b.delay(tries), tries
			wait.Reason += fmt.Sprintf("; retry %d of %d", tries, b.Tries-1)
		} else {
			return inVain(err, tries, time.Since(begun))
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

// inVain adds to trouble that did not pass how often and how long it was waited out.
func inVain(err error, tries int, took time.Duration) error {
	var why *fault.Error
	if tries < 2 || !errors.As(err, &why) {
		return err
	}
	return why.Also("It was tried %d times in %.0f s.", tries, max(took, time.Second).Seconds())
}

// report makes wait known. That the database cannot be told just now is no reason to stop.
func report(ctx context.Context, sink Sink, wait Wait) error {
	if err := sink.Waiting(ctx, wait); err != nil && fault.KindOf(err) != fault.Unavailable {
		return err
	}
	return nil
}

// delay returns the wait after the given failed try (1, 2, …).
func (b Backoff) delay(try int) time.Duration {
	d := min(b.First<<min(try-1, 20), b.Most)
	if d > 0 {
		d += rand.N(d/4 + 1)
	}
	return d
}

// pause returns the wait that the other side asked for. One that would last until the deadline of ctx or longer is cut to
// nine tenths of what is left, so that there is another try before.
func (b Backoff) pause(ctx context.Context, asked time.Duration) time.Duration {
	wait := max(asked, b.delay(1))
	deadline, ok := ctx.Deadline()
	if !ok {
		return wait
	}
	left := time.Until(deadline)
	if wait < left || left <= b.First {
		return wait
	}
	return left / 10 * 9
}

// passing says whether err is worth another try, and how long the other side asked to be left alone.
func passing(err error) (after time.Duration, ok bool) {
	if t, ok := asTransient(err); ok {
		return t.After, true
	}
	return 0, fault.KindOf(err) == fault.Unavailable
}
