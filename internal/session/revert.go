package session

import (
	"fmt"

	"fullsync/internal/fault"
	"fullsync/internal/plural"
)

// MayRevert returns nil if what the session changed can be put back, and otherwise a fault that says why not: Conflict, or NotFound where it
// is not known what the session changed.
func (s *Session) MayRevert() error {
	switch {
	case s.Status.Active():
		return cannotRevert("SESSION_ACTIVE", "It is still %s. Cancel it with revert: true, which also puts back what it has changed.", s.Status.Current())
	case s.Outgoing():
		return cannotRevert("REVERT_AT_TARGET", "It changed products at %s, and only that node can put them back. Revert session %s there.", s.PeerID, s.ID)
	case s.Options.DryRun:
		return cannotRevert("DRY_RUN", "It was a dry run, which changes nothing.")
	case !s.KeepsChanges():
		return ChangesUnknown()
	}
	return nil
}

// NothingToRevert is the fault that a session changed no product.
func NothingToRevert() error {
	return cannotRevert("NOTHING_CHANGED", "It changed no product, so there is nothing to put back.")
}

// WhyNotReverted says of an ended session that was to be put back at its cancel, and has no revert, why.
func (s *Session) WhyNotReverted() string {
	err := s.MayRevert()
	switch {
	case s.Status != Cancelled:
		err = cannotRevert("", "It was %s already when the cancel came. Revert session %s by itself.", s.Status, s.ID)
	case err == nil:
		err = NothingToRevert()
	}
	return fault.Sentence(err, "")
}

func cannotRevert(code, why string, args ...any) error {
	return fault.New(fault.Conflict, code, "Cannot revert sync", why, args...)
}

// CodeChangesNotKept is the code of the faults that this node does not keep what a session changed.
const CodeChangesNotKept = "CHANGES_NOT_KEPT"

// ChangesUnknown is the fault that nobody knows any more what a session changed.
func ChangesUnknown() error {
	return fault.New(fault.NotFound, CodeChangesNotKept, "Changes not kept",
		"What the session changed is not known, or no longer. A node keeps it for FULLSYNC_KEEP_CHANGES after the end of a session.")
}

// RestForgotten is the fault that the changes which a revert puts back are gone in the middle of it.
func (s *Session) RestForgotten() error {
	return fault.New(fault.NotFound, CodeChangesNotKept, "Changes not kept", "What session %s changed is not kept any more, so its revert went no further than %d of %s. "+
		"The other products stay as they are. To undo what this revert has done, revert it.", s.RevertOf, s.Handled(), plural.Of(*s.TotalRecords, "product"))
}

// RevertingStep returns the step of a revert of that many changes.
func RevertingStep(changes int64) string { return "Putting back " + plural.Of(changes, "product") }

// Reverted returns the ending of a revert that has put back what it could; left are the products that it left alone.
func (s *Session) Reverted(left Refusals) Ending {
	step := "Put back " + plural.Of(s.Created+s.Updated, "product")
	if s.Deleted > 0 {
		step += fmt.Sprintf("; took away %d", s.Deleted)
	}
	return completion(step, "left alone", left, s.Handled())
}
