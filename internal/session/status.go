package session

import "slices"

// Status is the state of a session.
type Status string

// The states. Preparing and Transferring are active. A catalog has at most one active session.
const (
	Preparing    Status = "PREPARING"
	Transferring Status = "TRANSFERRING"
	Completed    Status = "COMPLETED"
	Failed       Status = "FAILED"
	Cancelled    Status = "CANCELLED"
)

// Validating is what replicas of the previous version write while they verify; nothing else writes it. It counts as
// [Transferring] everywhere and is shown as that ([Session.Current]).
const Validating Status = "VALIDATING"

// Transition is one edge of the state machine.
type Transition struct {
	From, To Status
	// When says what causes the transition.
	When string
}

// Transitions is the whole state machine. A test checks docs/state_machine.md against it.
var Transitions = []Transition{
	{Preparing, Transferring, "the source has said who it is and how many products it has"},
	{Transferring, Completed, "everything was read from the source and, with verifyAfterSync, everything matches"},
	{Preparing, Failed, "the source cannot be used, or the sync ran out of time or workers"},
	{Transferring, Failed, "the source or the database failed for good, the sync ran out of time or workers, or the result is not what was asked for"},
	{Preparing, Cancelled, "a person or an API caller asked for it"},
	{Transferring, Cancelled, "a person or an API caller asked for it"},
}

// Statuses returns all states in the order of a run.
func Statuses() []Status {
	return []Status{Preparing, Transferring, Completed, Failed, Cancelled}
}

// ActiveStatuses returns the states, as stored, in which a session occupies its catalog.
func ActiveStatuses() []Status { return Stored(Preparing, Transferring) }

// Active reports whether a session in this state occupies its catalog.
func (s Status) Active() bool { return s == Preparing || s == Transferring || s == Validating }

// Current returns this version's name for the state: [Transferring] for [Validating].
func (s Status) Current() Status {
	if s == Validating {
		return Transferring
	}
	return s
}

// Stored returns these states as rows may store them: with [Transferring] it includes [Validating].
func Stored(statuses ...Status) []Status {
	if slices.Contains(statuses, Transferring) && !slices.Contains(statuses, Validating) {
		return append(slices.Clone(statuses), Validating)
	}
	return statuses
}

// Before returns the states, as stored, that lead in one step to the given one. The UPDATE that makes the transition uses
// them as its guard.
func Before(to Status) []Status {
	var from []Status
	for _, t := range Transitions {
		if t.To == to {
			from = append(from, t.From)
		}
	}
	return Stored(from...)
}
