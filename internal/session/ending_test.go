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
			Message: "The sync failed because of an internal error; see this node's log for details. Start it again."},
	} {
		if got := session.Failure(err); got != want {
			t.Errorf("%v ends as %+v, want %+v", err, got, want)
		}
	}
}

func TestCompletionSaysWhatWasRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		refused       session.Refusals
		outcome       session.Outcome
		step, message string
	}{
		{session.Refusals{}, session.Clean, "Transferred them", ""},
		{session.Refusals{Count: 514, Reason: "name is required", Times: 500}, session.Rejects, "Transferred them; 514 of 1200 products were refused",
			"514 of 1200 products were refused, 500 of them for this reason: name is required."},
		{session.Refusals{Count: 1, Reason: "name is required", Times: 1}, session.Rejects, "Transferred them; 1 of 1200 products was refused",
			"1 of 1200 products was refused: name is required."},
		{session.Refusals{Count: 2}, session.Rejects, "Transferred them; 2 of 1200 products were refused", "2 of 1200 products were refused."},
	} {
		want := session.Ending{Status: session.Completed, Outcome: c.outcome, Step: c.step, Message: c.message}
		if got := session.Completion("Transferred them", c.refused, 1200); got != want {
			t.Errorf("%+v of 1200: %+v, want %+v", c.refused, got, want)
		}
	}
}

func TestAllRefusedNeedsEveryProduct(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		refused session.Refusals
		handled int64
		want    string
	}{
		{session.Refusals{}, 0, ""}, // an empty source
		{session.Refusals{Count: 4, Reason: "name is required", Times: 4}, 5, ""},
		{session.Refusals{Count: 5, Reason: "name is required", Times: 5}, 5,
			"All 5 products from branch were refused: name is required. Correct the products at branch, then start the sync again."},
		{session.Refusals{Count: 5, Reason: "id is required", Times: 3}, 5,
			"All 5 products from branch were refused, 3 of them for this reason: id is required. Correct the products at branch, then start the sync again."},
		{session.Refusals{Count: 1, Reason: "id is required", Times: 1}, 1,
			"The only product from branch was refused: id is required. Correct the products at branch, then start the sync again."},
	} {
		got := ""
		if err := session.AllRefused("branch", c.refused, c.handled); err != nil {
			e := session.Failure(err)
			if got = e.Message; e.Code != "ALL_REFUSED" {
				t.Errorf("code %s", e.Code)
			}
		}
		if got != c.want {
			t.Errorf("%+v of %d: %q, want %q", c.refused, c.handled, got, c.want)
		}
	}
}

// The previous version's rows are shown as this version would have written them.
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
	// A row of this version stays as it is.
	s.Outcome, s.ErrorMessage, s.Rejected = session.Rejects, "As it was written.", 3
	if v := session.NewView(s, noon, limits); v.ErrorMessage != "As it was written." || v.CurrentStep != "Transferred 800 products" {
		t.Errorf("written by this version: %+v", v.Session)
	}
}
