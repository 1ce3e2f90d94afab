package session

import (
	"fmt"
	"strings"

	"fullsync/internal/fault"
	"fullsync/internal/plural"
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

// Refusals are what a session refused of the products behind its cursor. For a resumed one that includes what was refused
// before it went on.
type Refusals struct {
	// Count is the number of refused products.
	Count int64
	// Reason is the commonest reason, without what differs from product to product; Times is how often it was given.
	Reason string
	Times  int64
}

// AllRefused returns the failure of a session that handled at least one product and refused every one, else nil.
func AllRefused(peerID string, refused Refusals, handled int64) error {
	if handled == 0 || refused.Count < handled {
		return nil
	}
	products := fmt.Sprintf("All %d products", handled)
	if handled == 1 {
		products = "The only product"
	}
	return fault.New(fault.Conflict, "ALL_REFUSED", "All products refused",
		"%s from %s %s refused%s. Correct the products at %s, then start the sync again.",
		products, peerID, plural.Was(handled), refused.because(handled), peerID)
}

// Completion returns the ending of a session that came to its end with that many products handled. step says what was done.
func Completion(step string, refused Refusals, handled int64) Ending {
	e := Ending{Status: Completed, Step: step, Outcome: Clean}
	if refused.Count > 0 {
		// Old clients show the step and the message, and nothing else of it.
		words := fmt.Sprintf("%d of %s %s refused", refused.Count, plural.Of(handled, "product"), plural.Was(refused.Count))
		e.Outcome, e.Step, e.Message = Rejects, step+"; "+words, words+refused.because(refused.Count)+"."
	}
	return e
}

// Deletion is what became of products that are missing at the source.
type Deletion struct {
	// Withheld is how many the guard kept, and Why its reason.
	Withheld int64
	Why      string
}

// With returns the ending with what was withheld, which outweighs what was refused.
func (e Ending) With(d Deletion) Ending {
	if d.Withheld == 0 {
		return e
	}
	words := fmt.Sprintf("%d deletes were withheld", d.Withheld)
	if d.Withheld == 1 {
		words = "1 delete was withheld"
	}
	e.Outcome, e.Step = DeletesWithheld, e.Step+"; "+words
	e.Message = strings.TrimSpace(e.Message + " " + words + ": " + d.Why + ". Look at the list, and approve the deletes if they are right.")
	return e
}

// because says why products were refused, as the end of a sentence about that many.
func (r Refusals) because(all int64) string {
	switch {
	case r.Times == 0:
		return ""
	case r.Times == all:
		return ": " + r.Reason
	default:
		return fmt.Sprintf(", %d of them for this reason: %s", r.Times, r.Reason)
	}
}
