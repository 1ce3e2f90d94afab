package schedule

import (
	"testing"
	"time"
)

// TestRunsThatFallDue: a run for each peer, late ones too, each with a delay of its own within the jitter.
func TestRunsThatFallDue(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	missed := now.Add(-50 * time.Hour)
	earlier, later := 0, 0
	for range 100 {
		next := missed
		s := Schedule{Cron: "15 3 * * *", Timezone: "UTC", Enabled: true, NextAt: &next, TargetPeers: []string{"branch", "harbour"}, JitterSeconds: 600}
		runs := fall(&s, now)
		if len(runs) != 2 || runs[0].Occasion != runs[1].Occasion || runs[0].PeerID != "branch" || runs[1].PeerID != "harbour" {
			t.Fatalf("%+v", runs)
		}
		for _, r := range runs {
			switch delay := r.StartAt.Sub(now); {
			case !r.DueAt.Equal(missed) || delay < 0 || delay > 10*time.Minute || r.State != Waiting || r.By != "":
				t.Fatalf("%+v", r)
			case delay < 5*time.Minute:
				earlier++
			default:
				later++
			}
		}
		if want := time.Date(2026, 11, 29, 3, 15, 0, 0, time.UTC); !s.NextAt.Equal(want) { // those in between are left out
			t.Fatalf("due again at %s", s.NextAt)
		}
	}
	if earlier == 0 || later == 0 {
		t.Errorf("%d runs begin in the first half of the jitter, %d in the second", earlier, later)
	}
	next := missed
	s := Schedule{Cron: "@daily", Timezone: "UTC", Enabled: true, NextAt: &next, TargetPeers: []string{"branch"}}
	if runs := fall(&s, now); len(runs) != 1 || !runs[0].StartAt.Equal(now) {
		t.Errorf("without jitter: %+v", runs)
	}
}
