package webhook

import (
	"slices"
	"testing"

	"fullsync/internal/session"
)

func TestWhatASessionTells(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status  string
		outcome session.Outcome
		want    []Type
	}{
		{"PREPARING", "", []Type{SessionStarted}}, {"TRANSFERRING", "", nil}, {"COMPLETED", session.Clean, []Type{SessionCompleted}},
		{"COMPLETED", session.DeletesWithheld, []Type{SessionCompleted, SessionDeletesWithheld}}, {"FAILED", "", []Type{SessionFailed}},
		{"CANCELLED", "", []Type{SessionCancelled}}, {Stalled, "", []Type{SessionStalled}}, {"UNHEARD_OF", "", nil},
	} {
		if got := typesOf(c.status, &session.Session{Outcome: c.outcome}); !slices.Equal(got, c.want) {
			t.Errorf("%s %s: %v", c.status, c.outcome, got)
		}
	}
}
