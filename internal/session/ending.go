package session

import (
	"fmt"

	"fullsync/internal/fault"
)

// Outcome says how good a COMPLETED session was.
type Outcome string

// The outcomes.
const (
	// Clean means that every product is here as the source has it.
	Clean Outcome = "clean"
	// Rejects means that some products were refused.
	Rejects Outcome = "rejects"
	// DeletesWithheld means that products are missing at the source and were not deleted here.
	DeletesWithheld Outcome = "deletes_withheld"
	// Planned means that nothing was written: it was a dry run.
	Planned Outcome = "planned"
)

// Ending is how a session ends.
type Ending struct {
	Status Status
	// Step is the last current step; "" keeps the one there is.
	Step string
	// Message says what went wrong, or what a COMPLETED session left undone; "" where there is nothing to say.
	Message string
	// Code is for programs; "" unless FAILED.
	Code string
	// Outcome is "" unless COMPLETED.
	Outcome Outcome
}

// CodeInternal is the code of a failure for which nobody but fullsync itself is to blame.
const CodeInternal = "INTERNAL"

// Failure returns the ending of a session that err has failed. The message never holds more of err than the sentence of
// the [fault.Error] in its chain.
func Failure(err error) Ending {
	e := Ending{
		Status: Failed, Code: fault.CodeOf(err),
		Message: fault.Sentence(err, "The sync failed because of an internal error; the log of this node tells more. Start it again."),
	}
	if e.Code == "" {
		e.Code = CodeInternal
	}
	return e
}

// Completion returns the ending of a session that came to its end, having refused some of the products it handled, or
// none. step says what was done.
func Completion(step string, refused, handled int64) Ending {
	e := Ending{Status: Completed, Step: step, Outcome: Clean}
	if refused > 0 {
		words := refusedOf(refused, handled)
		e.Outcome, e.Step, e.Message = Rejects, step+"; "+words, words+". The list of what was refused says why."
	}
	return e
}

// refusedOf says how many products were refused. Old clients show nothing else of it.
func refusedOf(refused, handled int64) string {
	if refused == 1 {
		return fmt.Sprintf("1 of %d products was refused", handled)
	}
	return fmt.Sprintf("%d of %d products were refused", refused, handled)
}
