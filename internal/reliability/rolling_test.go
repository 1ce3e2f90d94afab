//go:build unix

package reliability

import (
	"syscall"
	"testing"
	"time"

	"fullsync/internal/postgrestest"
	"fullsync/internal/session"
)

// TestRollingRestartLosesNothing restarts both replicas in turn while a session is running.
func TestRollingRestartLosesNothing(t *testing.T) {
	t.Parallel()
	heavy(t)
	lengthy(t)
	// With a long stale-after, a session that goes on quickly was handed over, not found dead.
	c := newCluster(t, postgrestest.NewDatabase(t), 2, map[string]string{"STALE_AFTER": "30s"})
	db := c.open()
	c.watchCommits()
	total := rounds(2, 5)
	id := c.start(c.replicas[0], speed{batch: 10, rate: products / (5 * total)})
	var stops, gaps []time.Duration
	for range total {
		for _, r := range c.replicas {
			row := c.until(db, id, "a worker", func(s session.Session) bool { return s.Worker != "" || !s.Status.Active() })
			if !row.Status.Active() {
				t.Fatalf("the session ended before the last restart: %+v", row)
			}
			held := c.worker(row) == r
			began := time.Now()
			r.signal(t, syscall.SIGTERM)
			if held {
				c.until(db, id, "the next worker", func(s session.Session) bool {
					return s.Worker != "" && s.Worker != row.Worker || !s.Status.Active()
				})
				gaps = append(gaps, time.Since(began))
			}
			stops = append(stops, r.terminated(t, began))
			c.restart(r)
		}
	}
	row := c.ended(db, id)
	c.complete(db, row)
	if row.Attempts != 1 {
		t.Errorf("%d attempts were counted; a restart should not count", row.Attempts)
	}
	if n := len(c.takeovers(db, id)); n != 0 {
		t.Errorf("%d takeovers: the session was not handed over", n)
	}
	if worst := at(gaps, 100); worst > 10*time.Second {
		t.Errorf("a session that was handed over waited %s", worst)
	}
	f := c.checkCommits(db)
	t.Logf("%d rolling restarts: %d handovers, resumed after %s at the median and %s at most; a replica stopped within %s; %d batches; losses: 0",
		total, len(gaps), at(gaps, 50), at(gaps, 100), at(stops, 100), f.batches)
}
