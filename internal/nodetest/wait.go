package nodetest

import (
	"testing"
	"time"
)

// pollInterval is how often a condition is checked.
const pollInterval = 10 * time.Millisecond

// Eventually waits until cond holds, and fails the test if that takes longer than [Patience]. If last is not nil, the
// failure message includes what it returns.
func Eventually(t testing.TB, what string, cond func() bool, last ...func() string) {
	t.Helper()
	deadline := time.NewTimer(Patience)
	defer deadline.Stop()
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-deadline.C:
			seen := ""
			for _, f := range last {
				seen += "; last seen: " + f()
			}
			t.Fatalf("waited %s for %s%s", Patience, what, seen)
		}
	}
}

// Await receives from c; ok is false if c was closed. It fails the test after [Patience].
func Await[T any](t testing.TB, what string, c <-chan T) (v T, ok bool) {
	t.Helper()
	deadline := time.NewTimer(Patience)
	defer deadline.Stop()
	select {
	case v, ok = <-c:
	case <-deadline.C:
		t.Fatalf("waited %s for %s", Patience, what)
	}
	return v, ok
}
