package session_test

import (
	"errors"
	"fmt"
	"testing"

	"fullsync/internal/fault"
	"fullsync/internal/session"
)

func TestFailureTakesCodeAndSentenceOfTheFault(t *testing.T) {
	t.Parallel()
	refused := fault.New(fault.Impossible, "PEER_REFUSED", "Peer cannot be used", "Give the peer a new token.").Because(errors.New("401 secret"))
	for err, want := range map[error]session.Ending{
		fmt.Errorf("page 3: %w", refused): {Status: session.Failed, Code: "PEER_REFUSED", Message: "Give the peer a new token."},
		errors.New("nil map"): {Status: session.Failed, Code: "INTERNAL",
			Message: "The sync failed because of an internal error; the log of this node tells more. Start it again."},
	} {
		if got := session.Failure(err); got != want {
			t.Errorf("%v ends as %+v, want %+v", err, got, want)
		}
	}
}

func TestCompletionSaysWhatWasRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		refused, handled int64
		outcome          session.Outcome
		step, message    string
	}{
		{0, 1200, session.Clean, "Transferred them", ""},
		{514, 1200, session.Rejects, "Transferred them; 514 of 1200 products were refused", "514 of 1200 products were refused. The list of what was refused says why."},
		{1, 3, session.Rejects, "Transferred them; 1 of 3 products was refused", "1 of 3 products was refused. The list of what was refused says why."},
	} {
		want := session.Ending{Status: session.Completed, Outcome: c.outcome, Step: c.step, Message: c.message}
		if got := session.Completion("Transferred them", c.refused, c.handled); got != want {
			t.Errorf("%d of %d refused: %+v, want %+v", c.refused, c.handled, got, want)
		}
	}
}

// A row of the previous version is shown as this version would have written it.
func TestCurrentShowsRowsOfThePreviousVersion(t *testing.T) {
	t.Parallel()
	s := working()
	s.Status, s.Phase = session.Validating, session.PhaseVerifying
	if v := session.NewView(s, noon, limits); v.Status != session.Transferring || v.Phase != session.PhaseVerifying || !v.Status.Active() {
		t.Errorf("verifying: %s, %s", v.Status, v.Phase)
	}
	s = working()
	s.Status, s.CurrentStep, s.Rejected = session.Completed, "Transferred 800 products", 267
	const step = "Transferred 800 products; 267 of 1067 products were refused"
	v := session.NewView(s, noon, limits)
	if r := session.NewReceipt(s, nil); v.Outcome != session.Rejects || v.CurrentStep != step || v.ErrorMessage == "" || r.Outcome != session.Rejects {
		t.Errorf("completed with rejects: %q, %q, %q", v.Outcome, v.CurrentStep, v.ErrorMessage)
	}
	s.Rejected = 0
	if v := session.NewView(s, noon, limits); v.Outcome != session.Clean || v.ErrorMessage != "" {
		t.Errorf("completed: %q, %q", v.Outcome, v.ErrorMessage)
	}
	// What this version wrote stays as it is.
	s.Outcome, s.ErrorMessage, s.Rejected = session.Rejects, "As it was written.", 3
	if v := session.NewView(s, noon, limits); v.ErrorMessage != "As it was written." || v.CurrentStep != "Transferred 800 products" {
		t.Errorf("written by this version: %+v", v.Session)
	}
}
