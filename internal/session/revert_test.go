package session_test

import (
	"testing"

	"fullsync/internal/fault"
	"fullsync/internal/session"
)

func TestWhatCanBePutBack(t *testing.T) {
	t.Parallel()
	ended := func(change func(*session.Session)) session.Session {
		s := session.Session{ID: "s1", Direction: session.Pull, PeerID: "branch", Status: session.Completed, BatchSeq: 3, ChangesThrough: 3}
		change(&s)
		return s
	}
	for code, s := range map[string]session.Session{
		"":                 ended(func(*session.Session) {}),
		"SESSION_ACTIVE":   ended(func(s *session.Session) { s.Status = session.Validating }),
		"REVERT_AT_TARGET": ended(func(s *session.Session) { s.Direction, s.ChangesThrough = session.Push, session.NoChanges }),
		"DRY_RUN":          ended(func(s *session.Session) { s.Options.DryRun = true }),
		"CHANGES_NOT_KEPT": ended(func(s *session.Session) { s.ChangesThrough = session.NoChanges }),
	} {
		if err := s.MayRevert(); fault.CodeOf(err) != code || (err == nil) != (code == "") {
			t.Errorf("%+v: %v, want %q", s, err, code)
		}
	}
	for name, s := range map[string]session.Session{
		"a revert":                  ended(func(s *session.Session) { s.Direction, s.PeerID = session.Revert, "" }),
		"a push into this node":     ended(func(s *session.Session) { s.Direction, s.Incoming = session.Push, true }),
		"one that was cancelled":    ended(func(s *session.Session) { s.Status = session.Cancelled }),
		"one that failed":           ended(func(s *session.Session) { s.Status = session.Failed }),
		"one that was put back yet": ended(func(s *session.Session) { s.RevertedBy = "s2" }),
	} {
		if err := s.MayRevert(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestARevertSaysWhatItLeftAlone(t *testing.T) {
	t.Parallel()
	s := session.Session{Direction: session.Revert, Counts: session.Counts{Created: 2, Updated: 3, Deleted: 4, Rejected: 1}, TransferredRecords: 5}
	got := s.Reverted(session.Refusals{Count: 1, Reason: "it was changed", Times: 1})
	want := session.Ending{
		Status: session.Completed, Outcome: session.Rejects, Step: "Put back 5 products; took away 4; 1 of 10 products was left alone",
		Message: "1 of 10 products was left alone: it was changed.",
	}
	if got != want {
		t.Errorf("%+v, want\n%+v", got, want)
	}
}
