package session

import (
	"fmt"
	"strings"

	"fullsync/internal/fault"
	"fullsync/internal/plural"
)

// Outcome says how well a COMPLETED session went.
type Outcome string

// The outcomes.
const (
	// Clean means that every product here is the same as at the source.
	Clean Outcome = "clean"
	// Rejects means that some products were refused.
	Rejects Outcome = "rejects"
	// DeletesWithheld means that products missing at the source were not deleted here.
	DeletesWithheld Outcome = "deletes_withheld"
	// Planned means that it was a dry run, which writes nothing.
	Planned Outcome = "planned"
)

// Ending is how a session ends.
type Ending struct {
	Status Status
	// Step is the final current step; "" keeps the one the session has.
	Step string
	// Message says what went wrong, or what a COMPLETED session left undone; "" if there is nothing to say.
	Message string
	// Code is for programs; "" unless FAILED.
	Code string
	// Outcome is "" unless COMPLETED.
	Outcome Outcome
	// Bytes came over the wire since the last batch.
	Bytes int64
}

// CodeInternal is the code of a failure inside fullsync itself.
const CodeInternal = "INTERNAL"

// Failure returns the ending of a session that failed with err. From err the message takes only the sentence of the
// [fault.Error] in its chain.
func Failure(err error) Ending {
	e := Ending{
		Status: Failed, Code: fault.CodeOf(err),
		Message: fault.Sentence(err, "The sync failed because of an internal error; see this node's log for details. Start it again."),
	}
	if e.Code == "" {
		e.Code = CodeInternal
	}
	return e
}

// Refusals sums up the products that a session has refused. A resumed session includes those refused before it was resumed.
type Refusals struct {
	// Count is the number of refused products.
	Count int64
	// Reason is the most common reason, without the parts that differ from product to product; Times is how often it was
	// given.
	Reason string
	Times  int64
}

// AllRefused returns the failure of a session that handled at least one product and refused them all; otherwise nil. An import has no peer.
func AllRefused(peerID string, refused Refusals, handled int64) error {
	if handled == 0 || refused.Count < handled {
		return nil
	}
	products := fmt.Sprintf("All %d products", handled)
	if handled == 1 {
		products = "The only product"
	}
	if peerID == "" {
		return fault.New(fault.Conflict, "ALL_REFUSED", "All products refused",
			"%s of the input %s refused%s. Correct what was refused, or say how the input is to be read, then import it again.", products, plural.Was(handled), refused.because(handled))
	}
	return fault.New(fault.Conflict, "ALL_REFUSED", "All products refused",
		"%s from %s %s refused%s. Correct the products at %s, then start the sync again.",
		products, peerID, plural.Was(handled), refused.because(handled), peerID)
}

// Completion returns the ending of a session that handled that many products and finished. step says what it did.
func Completion(step string, refused Refusals, handled int64) Ending {
	return completion(step, "refused", refused, handled)
}

// completion is [Completion]; became says what became of the refused products.
func completion(step, became string, refused Refusals, handled int64) Ending {
	e := Ending{Status: Completed, Step: step, Outcome: Clean}
	if refused.Count > 0 {
		// Old clients show only the step and the message.
		words := fmt.Sprintf("%d of %s %s %s", refused.Count, plural.Of(handled, "product"), plural.Was(refused.Count), became)
		e.Outcome, e.Step, e.Message = Rejects, step+"; "+words, words+refused.because(refused.Count)+"."
	}
	return e
}

// Deletion is what happened to the products that are missing at the source.
type Deletion struct {
	// Withheld is how many products the guard kept, and Why is its reason.
	Withheld int64
	Why      string
}

// With returns the ending with the withheld deletes, which matter more to the outcome than refusals.
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

// because says why products were refused, as the end of a sentence about all of them.
func (r Refusals) because(all int64) string {
	switch {
	case r.Times == 0:
		return ""
	case r.Times == all:
		return ": " + strings.TrimSuffix(r.Reason, ".") // the sentence ends after it
	default:
		return fmt.Sprintf(", %d of them for this reason: %s", r.Times, strings.TrimSuffix(r.Reason, "."))
	}
}
