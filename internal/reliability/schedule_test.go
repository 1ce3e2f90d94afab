//go:build unix

package reliability

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"fullsync/internal/schedule"
)

// TestScheduleRunsWhenAReplicaDies kills one of two replicas around the moment when a schedule falls due, each in turn, so also the one that leads the
// job engine. Every time happens once, and no run waits for another leader.
func TestScheduleRunsWhenAReplicaDies(t *testing.T) {
	t.Parallel()
	heavy(t)
	c := onPostgres(t)
	db := c.open()
	var added struct{ Schedule struct{ ID string } }
	c.must(c.replicas[0], http.StatusCreated, http.MethodPost, "/api/admin/sync/schedules",
		map[string]any{"name": "nightly", "cron": "@yearly", "timezone": "UTC", "action": "pull", "targetPeers": []string{"branch"}}, &added)
	id := added.Schedule.ID
	var late []time.Duration
	n := rounds(2, 60)
	for i := range n {
		c.spoil(db)
		due := time.Now().Add(1500 * time.Millisecond).UTC().Truncate(time.Millisecond)
		if _, err := db.SQL().ExecContext(t.Context(), "UPDATE schedules SET next_at = $1 WHERE id = $2", due, id); err != nil {
			t.Fatal(err)
		}
		pause(time.Duration(c.rand.Int64N(int64(1700 * time.Millisecond))))
		victim := c.replicas[i%2]
		victim.kill()
		var runs []schedule.Shown
		eventually(t, "the run to start", func() bool {
			var err error
			runs, err = db.ListRuns(t.Context(), id, n+1)
			return err == nil && len(runs) == i+1 && runs[0].State == schedule.Started
		})
		late = append(late, runs[0].Session.StartedAt.Sub(due))
		c.complete(db, c.ended(db, *runs[0].SessionID))
		c.restart(victim)
	}
	slices.Sort(late)
	t.Logf("%d kills: every time happened once, %s late at the median, %s at most", n, late[len(late)/2].Round(time.Millisecond), late[len(late)-1].Round(time.Millisecond))
	if most := late[len(late)-1]; most > 10*time.Second { // another leader would take up to 20
		t.Errorf("a run was %s late", most)
	}
}
