package session_test

import (
	"testing"
	"time"

	"fullsync/internal/session"
)

// TestTroubleShowsInTheStep as long as it lasts, because old clients show it nowhere else.
func TestTroubleShowsInTheStep(t *testing.T) {
	t.Parallel()
	const usual = "Transferring 1067 products"
	for name, c := range map[string]struct {
		change func(*session.Session)
		want   string
	}{
		"none": {func(*session.Session) {}, usual},
		"the peer fails": {func(s *session.Session) {
			s.WaitingFor, s.WaitingUntil = "Peer branch answers with 503, an error of its own; retry 3 of 7", ago(-time.Second)
		}, "Waiting for branch: it answers with 503, an error of its own; retry 3 of 7"},
		"another try is under way": {func(s *session.Session) {
			s.WaitingFor, s.WaitingUntil = "Peer branch did not answer in time; retry 3 of 7", ago(time.Second)
		}, "Waiting for branch: it did not answer in time; retry 3 of 7"},
		"the way to the peer fails": {func(s *session.Session) {
			s.WaitingFor = "The connection to peer branch was cut; retry 1 of 7"
		}, "Waiting for branch: the connection to peer branch was cut; retry 1 of 7"},
		"the database fails": {func(s *session.Session) {
			s.WaitingFor = "The database does not answer; retry 1 of 7"
		}, "Waiting: the database does not answer; retry 1 of 7"},
		"the source says nothing": {func(s *session.Session) {
			s.LastSourceAt, s.LastCommitAt = ago(17*time.Second), ago(time.Minute)
		}, "Waiting for branch: nothing came from it for 17 s"},
		"nothing is committed": {func(s *session.Session) {
			s.LastCommitAt = ago(75 * time.Second)
		}, usual + "; nothing was committed for 75 s"},
		"nobody has it": {func(s *session.Session) {
			s.Worker, s.WaitingFor = "", "Peer branch did not answer"
		}, usual},
		"it has ended": {func(s *session.Session) {
			s.Status, s.WaitingFor = session.Failed, "Peer branch did not answer"
		}, usual},
		"its worker is lost": {func(s *session.Session) { s.LastHeartbeatAt = ago(time.Minute) }, usual},
	} {
		s := marked()
		s.CurrentStep = usual
		c.change(&s)
		if got := session.NewView(s, noon, limits).CurrentStep; got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
