package store_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fullsync/internal/schedule"
	"fullsync/internal/session"
	"fullsync/internal/store"
)

// TestAScheduleFallsDueOnce however many replicas see it, and its run starts one session.
func TestAScheduleFallsDueOnce(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		past := time.Now().UTC().Add(-time.Hour).Truncate(time.Second)
		one := schedule.Schedule{ID: "n", Name: "nightly", Cron: "@daily", Timezone: "UTC", Enabled: true, Action: session.Pull, TargetPeers: []string{"branch"}, Catalog: "main", IfRunning: schedule.Skip}
		if err := s.AddSchedule(t.Context(), &one, func(s *schedule.Schedule, _ time.Time) { s.NextAt = &past }); err != nil {
			t.Fatal(err)
		}
		if ready, _, err := s.LookAtSchedules(t.Context()); err != nil || !ready {
			t.Fatal(ready, err)
		}
		due, err := s.DueSchedules(t.Context())
		if err != nil || len(due) != 1 || !due[0].NextAt.Equal(past) {
			t.Fatalf("%+v %v", due, err)
		}
		var fell atomic.Int64
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				err := s.FallDue(t.Context(), due[0], func(s *schedule.Schedule, now time.Time) []schedule.Run {
					fell.Add(1)
					next := now.Add(time.Hour)
					s.NextAt = &next
					return []schedule.Run{{ID: "r", ScheduleID: "n", Occasion: "o", PeerID: "branch", DueAt: past, StartAt: now, State: schedule.Waiting}}
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		waiting, err := s.WaitingRuns(t.Context())
		if err != nil || fell.Load() != 1 || len(waiting) != 1 || waiting[0].Schedule.Name != "nightly" {
			t.Fatalf("fell due %d times: %+v %v", fell.Load(), waiting, err)
		}
		ready, wait, err := s.LookAtSchedules(t.Context())
		if err != nil || !ready || wait < 50*time.Minute || wait > 70*time.Minute {
			t.Error(ready, wait, err)
		}
		how := plainly()
		how.RunID = "r"
		if c, err := s.CreateSession(t.Context(), prepared("s1", "main"), how); err != nil || !c.OK {
			t.Fatal(c, err)
		}
		// Another replica comes later, with the same run: for another catalog, where nothing else would be in its way.
		if c, err := s.CreateSession(t.Context(), prepared("s2", "other"), how); err == nil || c.OK {
			t.Error("the run started two sessions")
		}
		if _, _, err := s.GetSession(t.Context(), "s2"); err == nil {
			t.Error("the second session is there")
		}
		if _, err := s.DecideRun(t.Context(), "r", schedule.Skipped, "Skipped."); err != nil {
			t.Fatal(err)
		}
		runs, err := s.ListRuns(t.Context(), "n", 10)
		if err != nil || len(runs) != 1 || runs[0].State != schedule.Started || *runs[0].SessionID != "s1" || runs[0].Session.Status != session.Preparing {
			t.Errorf("%+v %v", runs, err)
		}
	})
}
