package session_test

import (
	"testing"
	"time"

	"fullsync/internal/session"
)

// marked returns a session whose last batch came a second ago, and whose last eight batches, with 160 products and 80,000
// bytes, took eight seconds.
func marked() session.Session {
	s := working()
	s.MarksFence, s.BatchSeq = s.Fence, 40
	s.Mark = session.Mark{At: ago(9 * time.Second), Batches: 32, Handled: 640, Bytes: 320_000}
	s.LastCommitAt, s.LastSourceAt = ago(time.Second), ago(time.Second)
	return s
}

// TestSpeedIsThatOfTheLastSeconds, and it falls as time passes without news.
func TestSpeedIsThatOfTheLastSeconds(t *testing.T) {
	t.Parallel()
	// committed moves the last batch and everything before it into the past.
	committed := func(s *session.Session, past time.Duration) {
		s.LastCommitAt, s.Mark.At = ago(past), ago(past+8*time.Second)
	}
	for name, c := range map[string]struct {
		change func(*session.Session)
		speed  float64
		left   bool
	}{
		"in time":                         {func(*session.Session) {}, 20, true},
		"half refused":                    {func(s *session.Session) { s.TransferredRecords, s.Rejected = 720, 80 }, 20, true},
		"a batch is due":                  {func(s *session.Session) { committed(s, 1900*time.Millisecond) }, 20, true},
		"a batch is late, but bytes come": {func(s *session.Session) { committed(s, 4*time.Second) }, 5, true},
		"bytes trickle":                   {func(s *session.Session) { committed(s, 40*time.Second) }, 0.5, true},
		"silent for a while":              {func(s *session.Session) { committed(s, 5*time.Second); s.LastSourceAt = ago(6 * time.Second) }, 4, true},
		"hangs":                           {func(s *session.Session) { committed(s, 8*time.Second); s.LastSourceAt = ago(8 * time.Second) }, 0, false},
		"large batches": {func(s *session.Session) {
			s.Mark.Batches = 39
			committed(s, 8*time.Second)
			s.LastSourceAt = ago(8 * time.Second)
		}, 20, true},
		"large batches, hangs": {func(s *session.Session) {
			s.Mark.Batches = 39
			committed(s, 13*time.Second)
			s.LastSourceAt = ago(13 * time.Second)
		}, 0, false},
		"asks for pauses between batches": {func(s *session.Session) {
			s.Mark.Batches, s.Mark.At, s.LastCommitAt, s.LastSourceAt = 39, ago(38*time.Second), ago(18*time.Second), ago(18*time.Second)
			s.WaitingFor, s.WaitingUntil = "Peer branch asks to be left alone for a while (429)", ago(-2*time.Second)
		}, 8, true},
		"asks for nothing but pauses": {func(s *session.Session) {
			committed(s, 11*time.Second)
			s.WaitingFor, s.WaitingUntil = "Peer branch asks to be left alone for a while (429)", ago(-2*time.Second)
		}, 0, false},
		"its worker is lost": {func(s *session.Session) {
			committed(s, time.Minute)
			s.LastSourceAt, s.LastHeartbeatAt = ago(time.Minute), ago(time.Minute)
		}, 0, false},
		"nothing since the claim": {func(s *session.Session) { s.Mark.Batches = 40 }, unknown, false},
		"the first batch ever":    {func(s *session.Session) { s.LastCommitAt = nil }, unknown, false},
		"nobody has it":           {func(s *session.Session) { s.Worker = "" }, unknown, false},
		"verifying":               {func(s *session.Session) { s.Phase = session.PhaseVerifying }, unknown, false},
		"deleting":                {func(s *session.Session) { s.Phase = session.PhaseDeleting }, unknown, false},
		"total unknown":           {func(s *session.Session) { s.TotalRecords = nil }, 20, false},
		"completed":               {func(s *session.Session) { s.Status, s.LastCommitAt = session.Completed, ago(10*time.Second) }, 10, false},
	} {
		s := marked()
		c.change(&s)
		v := session.NewView(s, noon, limits)
		if got := at(v.RecordsPerSecond); got != c.speed || (v.EstimatedTimeRemaining != nil) != c.left {
			t.Errorf("%s: %v products/s, want %v; remaining %v", name, got, c.speed, v.EstimatedTimeRemaining)
		}
		if bytes := at(v.TransferSpeed); c.speed == unknown && bytes != unknown || c.speed != unknown && bytes != 500*c.speed {
			t.Errorf("%s: %v bytes/s", name, bytes)
		}
	}
	v := session.NewView(marked(), noon, limits)
	if want := 13350 * time.Millisecond; v.EstimatedTimeRemaining == nil || *v.EstimatedTimeRemaining != want {
		t.Errorf("estimated time remaining %v, want %s for 267 products", v.EstimatedTimeRemaining, want)
	}
}

// TestSpeedDoesNotChangeWithEveryLook: every change is an event for subscribers.
func TestSpeedDoesNotChangeWithEveryLook(t *testing.T) {
	t.Parallel()
	s := marked()
	first := session.NewView(s, noon.Add(4*time.Second), limits)
	second := session.NewView(s, noon.Add(4*time.Second+900*time.Millisecond), limits)
	if at(first.RecordsPerSecond) != at(second.RecordsPerSecond) || at(first.RecordsPerSecond) != 4 {
		t.Errorf("%v, then %v products/s", at(first.RecordsPerSecond), at(second.RecordsPerSecond))
	}
}
