package session_test

import (
	"testing"
	"time"

	"fullsync/internal/session"
)

// noon is the database's time in these tests.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

var limits = session.Limits{
	StaleAfter: 15 * time.Second, StalledAfter: 15 * time.Second, IdleAfter: time.Minute, TakeoverWithin: 6 * time.Second,
	HeartbeatInterval: 2 * time.Second,
}

// ago returns a pointer to a time before noon.
func ago(d time.Duration) *time.Time {
	t := noon.Add(-d)
	return &t
}

// working returns a session in the middle of its transfer: started 100 s ago, claimed 90 s ago, last batch 10 s ago. Its
// worker is of the previous version, which reports nothing about the source and sets no marks.
func working() session.Session {
	total := int64(1067)
	return session.Session{
		ID: "5245ddc7-7ac1-4b5a-8e0a-f50ea1e6d186", Status: session.Transferring, Worker: "main-1", Fence: 1, PeerID: "branch", TotalRecords: &total,
		StartedAt: *ago(100 * time.Second), ClaimedAt: ago(90 * time.Second), LastHeartbeatAt: ago(time.Second),
		LastCommitAt: ago(10 * time.Second), TransferredRecords: 800,
		Counts: session.Counts{Created: 700, Updated: 60, Unchanged: 40, TransferredBytes: 400_000},
	}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change  func(*session.Session)
		verdict session.Verdict
		reason  string
	}{
		"normal": {func(*session.Session) {}, session.Healthy, "working normally"},
		"queued long ago": {func(s *session.Session) {
			s.Status, s.Worker, s.ClaimedAt, s.LastHeartbeatAt, s.LastCommitAt = session.Preparing, "", nil, nil, nil
			s.StartedAt = *ago(time.Hour)
		}, session.Healthy, "waiting for a free worker"},
		"handed over, not yet taken": {func(s *session.Session) {
			s.Worker, s.LastHeartbeatAt = "", ago(time.Hour)
		}, session.Healthy, "waiting for a free worker"},
		"heartbeat as old as allowed": {func(s *session.Session) {
			s.LastHeartbeatAt = ago(15 * time.Second)
		}, session.Healthy, "working normally"},
		"heartbeat stale": {func(s *session.Session) {
			s.LastHeartbeatAt = ago(47 * time.Second)
		}, session.Dead, "no sign of life from worker main-1 for 47 s; another worker takes the sync over within 6 s, as long as a node is running"},
		"no heartbeat ever": {func(s *session.Session) {
			s.LastHeartbeatAt = nil
		}, session.Dead, "no sign of life from worker main-1 for 100 s; another worker takes the sync over within 6 s, as long as a node is running"},
		"dead while it waited": {func(s *session.Session) {
			s.LastHeartbeatAt, s.WaitingFor, s.WaitingUntil = ago(20*time.Second), "branch answers with 503", ago(-time.Minute)
		}, session.Dead, "no sign of life from worker main-1 for 20 s; another worker takes the sync over within 6 s, as long as a node is running"},
		"waiting": {func(s *session.Session) {
			s.WaitingFor, s.WaitingUntil = "branch answers with 503; retry 2 of 7", ago(-8*time.Second)
			s.LastCommitAt = ago(5 * time.Minute)
		}, session.Throttled, "branch answers with 503; retry 2 of 7; goes on in 8 s"},
		"waiting for less than a second": {func(s *session.Session) {
			s.WaitingFor, s.WaitingUntil = "branch answers with 429", ago(-200*time.Millisecond)
		}, session.Throttled, "branch answers with 429; goes on in 1 s"},
		"the wait is over": {func(s *session.Session) {
			s.WaitingFor, s.WaitingUntil = "branch answers with 503", ago(0)
		}, session.Healthy, "working normally"},
		"no commit for as long as allowed": {func(s *session.Session) {
			s.LastCommitAt = ago(time.Minute)
		}, session.Healthy, "working normally"},
		"no commit for long": {func(s *session.Session) {
			s.LastCommitAt = ago(75 * time.Second)
		}, session.Stalled, "worker main-1 is alive, but has committed nothing for 75 s"},
		"no commit since the claim": {func(s *session.Session) {
			s.LastCommitAt = nil
		}, session.Stalled, "worker main-1 is alive, but has committed nothing for 90 s"},
		"queued for long, claimed just now": {func(s *session.Session) {
			s.StartedAt, s.ClaimedAt, s.LastCommitAt = *ago(time.Hour), ago(time.Second), nil
		}, session.Healthy, "working normally"},
		"last commit long ago, taken over just now": {func(s *session.Session) {
			s.ClaimedAt, s.LastCommitAt = ago(time.Second), ago(time.Hour)
		}, session.Healthy, "working normally"},
		"taken over, and nothing committed for as long as allowed": {func(s *session.Session) {
			s.ClaimedAt, s.LastCommitAt = ago(time.Minute), ago(time.Hour)
		}, session.Healthy, "working normally"},
		"taken over, and nothing committed for long": {func(s *session.Session) {
			s.ClaimedAt, s.LastCommitAt = ago(61*time.Second), ago(time.Hour)
		}, session.Stalled, "worker main-1 is alive, but has committed nothing for 61 s"},
		"verifying commits nothing": {func(s *session.Session) {
			s.Phase, s.LastCommitAt = session.PhaseVerifying, ago(time.Hour)
		}, session.Healthy, "working normally"},
		"nothing from the source for as long as allowed": {func(s *session.Session) {
			s.MarksFence, s.LastCommitAt, s.LastSourceAt = 1, ago(time.Minute), ago(15*time.Second)
		}, session.Healthy, "working normally"},
		"nothing from the source": {func(s *session.Session) {
			s.MarksFence, s.LastCommitAt, s.LastSourceAt = 1, ago(time.Minute), ago(17*time.Second)
		}, session.Stalled, "worker main-1 is alive, but nothing came from branch for 17 s"},
		"nothing from the source since the last batch": {func(s *session.Session) {
			s.MarksFence, s.LastCommitAt, s.LastSourceAt = 1, ago(16*time.Second), ago(18*time.Second)
		}, session.Stalled, "worker main-1 is alive, but nothing came from branch for 16 s"},
		"the source never answered": {func(s *session.Session) {
			s.Status, s.Phase, s.MarksFence, s.ClaimedAt, s.LastCommitAt = session.Preparing, session.PhaseConnecting, 1, ago(20*time.Second), nil
		}, session.Stalled, "worker main-1 is alive, but nothing came from branch for 20 s"},
		"the source said nothing while it was verified": {func(s *session.Session) {
			s.Phase, s.MarksFence, s.LastCommitAt = session.PhaseVerifying, 1, ago(17*time.Second)
		}, session.Stalled, "worker main-1 is alive, but nothing came from branch for 17 s"},
		"the source is not asked while products are deleted": {func(s *session.Session) {
			s.Phase, s.MarksFence, s.LastCommitAt = session.PhaseDeleting, 1, ago(17*time.Second)
		}, session.Healthy, "working normally"},
		"taken over just now, and the source silent for long": {func(s *session.Session) {
			s.MarksFence, s.ClaimedAt, s.LastCommitAt, s.LastSourceAt = 1, ago(time.Second), ago(time.Hour), ago(time.Hour)
		}, session.Healthy, "working normally"},
		"bytes come, and no batch for long": {func(s *session.Session) {
			s.MarksFence, s.LastCommitAt, s.LastSourceAt = 1, ago(75*time.Second), ago(time.Second)
		}, session.Stalled, "worker main-1 is alive, but has committed nothing for 75 s"},
		"completed": {func(s *session.Session) {
			s.Status, s.LastHeartbeatAt = session.Completed, ago(time.Hour)
		}, session.Finished, "completed"},
		"completed with refusals": {func(s *session.Session) {
			s.Status, s.ErrorMessage = session.Completed, "5 of 30 products were refused: name is required."
		}, session.Finished, "completed, but not everything was done: 5 of 30 products were refused: name is required."},
		"cancelled": {func(s *session.Session) {
			s.Status, s.ErrorMessage = session.Cancelled, "Cancelled by alice: wrong peer"
		}, session.Finished, "Cancelled by alice: wrong peer"},
		"failed": {func(s *session.Session) {
			s.Status, s.ErrorMessage = session.Failed, "Branch does not answer."
		}, session.Finished, "failed: Branch does not answer."},
	} {
		s := working()
		c.change(&s)
		if got := session.Judge(s, noon, limits); got.Verdict != c.verdict || got.Reason != c.reason {
			t.Errorf("%s: %s, %q\nwant %s, %q", name, got.Verdict, got.Reason, c.verdict, c.reason)
		}
	}
}

// The verdict depends only on the database's time, never on a worker's or observer's clock.
func TestJudgeGoesByTheTimeItIsGiven(t *testing.T) {
	t.Parallel()
	s := working()
	if got := session.Judge(s, noon.Add(time.Hour), limits).Verdict; got != session.Dead {
		t.Errorf("an hour later the verdict is %s", got)
	}
	if got := session.Judge(s, noon.Add(-time.Hour), limits).Verdict; got != session.Healthy {
		t.Errorf("with times ahead of the database's the verdict is %s", got)
	}
}
