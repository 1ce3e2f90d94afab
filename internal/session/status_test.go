package session_test

import (
	"slices"
	"testing"

	"fullsync/internal/session"
)

// leaving returns the states that a state leads to in one step.
func leaving(from session.Status) []session.Status {
	var to []session.Status
	for _, t := range session.Transitions {
		if t.From == from {
			to = append(to, t.To)
		}
	}
	return to
}

func TestEveryStateIsReachableFromTheFirst(t *testing.T) {
	t.Parallel()
	reached := map[session.Status]bool{session.Preparing: true}
	for todo := []session.Status{session.Preparing}; len(todo) > 0; todo = todo[1:] {
		for _, to := range leaving(todo[0]) {
			if !reached[to] {
				reached[to] = true
				todo = append(todo, to)
			}
		}
	}
	for _, s := range session.Statuses() {
		if !reached[s] {
			t.Errorf("there is no way from %s to %s", session.Preparing, s)
		}
	}
	if len(reached) != len(session.Statuses()) {
		t.Errorf("%d states are reachable, but Statuses lists %d", len(reached), len(session.Statuses()))
	}
}

// A state that no session can leave is either final, or exactly the stuck sync that this program exists to prevent.
func TestOnlyTheEndsAreFinal(t *testing.T) {
	t.Parallel()
	ends := []session.Status{session.Completed, session.Failed, session.Cancelled}
	for _, s := range session.Statuses() {
		final := slices.Contains(ends, s)
		if exits := leaving(s); (len(exits) == 0) != final {
			t.Errorf("%s leads to %v; final states lead nowhere, all others somewhere", s, exits)
		}
		if s.Active() == final {
			t.Errorf("%s: active is %v", s, s.Active())
		}
		if final {
			continue
		}
		for _, must := range []session.Status{session.Cancelled, session.Failed} {
			if !slices.Contains(leaving(s), must) {
				t.Errorf("an active session in %s cannot become %s", s, must)
			}
		}
	}
}

func TestTransitionsAreListedOnceAndSayWhy(t *testing.T) {
	t.Parallel()
	seen := map[[2]session.Status]bool{}
	for _, tr := range session.Transitions {
		if seen[[2]session.Status{tr.From, tr.To}] {
			t.Errorf("%s -> %s is listed twice", tr.From, tr.To)
		}
		seen[[2]session.Status{tr.From, tr.To}] = true
		if tr.When == "" {
			t.Errorf("%s -> %s does not say when", tr.From, tr.To)
		}
	}
}

func TestBeforeIsTheGuardOfAnUpdate(t *testing.T) {
	t.Parallel()
	for to, want := range map[session.Status][]session.Status{
		session.Preparing:    nil, // every session starts here, and none comes back
		session.Transferring: {session.Preparing},
		session.Completed:    {session.Transferring, session.Validating}, // the latter is what the previous version writes
		session.Failed:       {session.Preparing, session.Transferring, session.Validating},
		session.Cancelled:    session.ActiveStatuses(),
		"UNKNOWN":            nil,
	} {
		if got := session.Before(to); !slices.Equal(got, want) {
			t.Errorf("Before(%s) = %v, want %v", to, got, want)
		}
	}
	if session.Status("").Active() || session.Status("CANCELLING").Active() {
		t.Error("an unknown state counts as active")
	}
}
