package session

import "slices"

// Status is the state of a session.
type Status string

// The states. Preparing, Transferring and Validating are active: at most one active session exists per catalog.
const (
	Preparing    Status = "PREPARING"
	Transferring Status = "TRANSFERRING"
	Validating   Status = "VALIDATING"
	Completed    Status = "COMPLETED"
	Failed       Status = "FAILED"
	Cancelled    Status = "CANCELLED"
)

// Transition is one edge of the state machine.
type Transition struct {
	From, To Status
	// When says what makes it happen.
	When string
}

// Transitions is the whole state machine; docs/state_machine.md is checked against it.
var Transitions = []Transition{
	{Preparing, Transferring, "the source has said who it is and how many products it has"},
	{Transferring, Validating, "the source was read to its end and verifyAfterSync was asked for"},
	{Transferring, Completed, "the source was read to its end and verifyAfterSync was not asked for"},
	{Validating, Completed, "every product of the source is here, with the same content"},
	{Preparing, Failed, "the source cannot be used"},
	{Transferring, Failed, "the source or the database failed for good"},
	{Validating, Failed, "products are missing or different, or the source failed for good"},
	{Preparing, Cancelled, "a person or an API caller asked for it"},
	{Transferring, Cancelled, "a person or an API caller asked for it"},
	{Validating, Cancelled, "a person or an API caller asked for it"},
}

// Statuses returns all states in the order of a run.
func Statuses() []Status {
	return []Status{Preparing, Transferring, Validating, Completed, Failed, Cancelled}
}

// ActiveStatuses returns the states in which a session occupies its catalog.
func ActiveStatuses() []Status {
	return []Status{Preparing, Transferring, Validating}
}

// Active says whether a session in this state occupies its catalog.
func (s Status) Active() bool { return slices.Contains(ActiveStatuses(), s) }

// Before returns the states from which to can be reached in one step: the guard of the UPDATE that does it.
func Before(to Status) []Status {
	var from []Status
	for _, t := range Transitions {
		if t.To == to {
			from = append(from, t.From)
		}
	}
	return from
}
