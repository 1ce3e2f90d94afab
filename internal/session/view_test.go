package session_test

import (
	"strconv"
	"testing"
	"time"

	"fullsync/internal/session"
)

// unknown stands for a speed that a view does not give.
const unknown = -1

// at returns a speed.
func at(speed *float64) float64 {
	if speed == nil {
		return unknown
	}
	return *speed
}

// Without marks, the speed is the average over the time in which a worker had the session. That applies to finished
// sessions and to those of a worker of the previous version. The time between two workers does not count.
func TestAverageCountsOnlyTimeWithAWorker(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*session.Session)
		worked time.Duration
		left   bool
	}{
		"one worker": {func(*session.Session) {}, 80 * time.Second, true},
		"queued for long before the first worker": {func(s *session.Session) {
			s.StartedAt = *ago(time.Hour)
		}, 80 * time.Second, true},
		"the second worker has just claimed it": {func(s *session.Session) {
			s.WorkedBeforeMS, s.ClaimedAt, s.LastCommitAt = 100_000, ago(time.Second), ago(time.Hour)
		}, 100 * time.Second, true},
		"the second worker has committed too": {func(s *session.Session) {
			s.WorkedBeforeMS, s.ClaimedAt, s.LastCommitAt = 100_000, ago(70*time.Second), ago(10*time.Second)
		}, 160 * time.Second, true},
		"its worker is lost": {func(s *session.Session) {
			s.StartedAt, s.ClaimedAt, s.LastCommitAt, s.LastHeartbeatAt = *ago(time.Hour), ago(50*time.Minute), ago(49*time.Minute), ago(48*time.Minute)
		}, time.Minute, false},
		"completed by a worker that found nothing left": {func(s *session.Session) {
			s.Status, s.WorkedBeforeMS, s.ClaimedAt, s.LastCommitAt = session.Completed, 100_000, ago(time.Minute), ago(time.Hour)
		}, 100 * time.Second, false},
	} {
		s := working()
		c.change(&s)
		if got := s.Worked(); got != c.worked {
			t.Errorf("%s: worked %s, want %s", name, got, c.worked)
		}
		v := session.NewView(s, noon, limits)
		if want := 800 / c.worked.Seconds(); at(v.RecordsPerSecond) != want || at(v.TransferSpeed) != 500*want {
			t.Errorf("%s: %v products/s, %v bytes/s; want %v and %v", name, v.RecordsPerSecond, v.TransferSpeed, want, 500*want)
		}
		if (v.EstimatedTimeRemaining != nil) != c.left {
			t.Errorf("%s: %v remain", name, v.EstimatedTimeRemaining)
		}
	}
}

func TestAverageIsNilWhenUnknown(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*session.Session)
		speed  float64
		left   bool
	}{
		"not claimed":             {func(s *session.Session) { s.ClaimedAt = nil }, unknown, false},
		"nothing committed":       {func(s *session.Session) { s.LastCommitAt = nil }, unknown, false},
		"committed in no time":    {func(s *session.Session) { s.LastCommitAt = s.ClaimedAt }, unknown, false},
		"nobody has it":           {func(s *session.Session) { s.Worker = "" }, unknown, false},
		"only rejects so far":     {func(s *session.Session) { s.TransferredRecords, s.Rejected = 0, 800 }, 10, true},
		"nothing handled":         {func(s *session.Session) { s.TransferredRecords = 0 }, 0, false},
		"total unknown":           {func(s *session.Session) { s.TotalRecords = nil }, 10, false},
		"verifying":               {func(s *session.Session) { s.Phase = session.PhaseVerifying }, unknown, false},
		"cancelled":               {func(s *session.Session) { s.Status = session.Cancelled }, 10, false},
		"completed, speed stays":  {func(s *session.Session) { s.Status = session.Completed }, 10, false},
		"more came than was said": {func(s *session.Session) { *s.TotalRecords = 700 }, 10, true},
		"nobody works on it":      {func(s *session.Session) { s.LastHeartbeatAt = ago(time.Hour) }, 10, false},
		"throttled":               {func(s *session.Session) { s.WaitingFor, s.WaitingUntil = "429", ago(-time.Hour) }, 10, true},
	} {
		s := working()
		c.change(&s)
		v := session.NewView(s, noon, limits)
		if at(v.RecordsPerSecond) != c.speed || (v.EstimatedTimeRemaining != nil) != c.left {
			t.Errorf("%s: %v products/s, remaining %v", name, v.RecordsPerSecond, v.EstimatedTimeRemaining)
		}
		if left := v.EstimatedTimeRemaining; left != nil && *left < 0 {
			t.Errorf("%s: %s remain", name, *left)
		}
	}
}

func TestProgress(t *testing.T) {
	t.Parallel()
	total := func(n int64) *int64 { return &n }
	for _, c := range []struct {
		previous int
		handled  int64
		total    *int64
		want     int
	}{
		{0, 0, total(1067), 0},
		{0, 10, total(1067), 0},
		{0, 11, total(1067), 1},
		{70, 758, total(1067), 71},
		{71, 700, total(1067), 71}, // never back
		{0, 1066, total(1067), 99},
		{0, 1067, total(1067), 99}, // 100 belongs to COMPLETED
		{0, 5000, total(1067), 99},
		{0, 500, nil, 0}, // the total is unknown
		{40, 500, nil, 40},
		{0, 5, total(0), 0}, // an empty source that was filled in the meantime
		{0, 90_000_000_000_000, total(100_000_000_000_000), 90},
	} {
		if got := session.Progress(c.previous, c.handled, c.total); got != c.want {
			of := "unknown"
			if c.total != nil {
				of = strconv.FormatInt(*c.total, 10)
			}
			t.Errorf("Progress(%d, %d, %s) = %d, want %d", c.previous, c.handled, of, got, c.want)
		}
	}
}

func TestTransferredCountsEveryProductThatArrived(t *testing.T) {
	t.Parallel()
	c := session.Counts{Created: 5, Updated: 3, Unchanged: 2, Deleted: 7, Rejected: 9, TransferredBytes: 1000}
	if got := c.Transferred(); got != 10 {
		t.Errorf("Transferred() = %d, want 10: created, updated and unchanged", got)
	}
}
