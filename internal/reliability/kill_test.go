//go:build unix

package reliability

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"fullsync/internal/store"
)

// brisk reads the whole catalog in about half a second, in twenty batches.
func brisk() speed { return speed{batch: 50, rate: 2000} }

// TestKilledWorkerIsSucceededByAnotherReplica kills the worker at a random moment of a pull, again and again; another
// replica finishes it.
func TestKilledWorkerIsSucceededByAnotherReplica(t *testing.T) {
	t.Parallel()
	c := onPostgres(t)
	db := c.open()
	c.watchCommits()
	var k kills
	for range rounds(5, 100) {
		c.spoil(db)
		id := c.start(c.replicas[0], brisk())
		pause(time.Duration(c.rand.Int64N(int64(700 * time.Millisecond))))
		victim := c.worker(c.row(db, id))
		if victim == nil {
			victim = c.replicas[c.rand.IntN(len(c.replicas))] // nobody has begun yet
		}
		victim.kill()
		k.recovered(c, db, id)
		c.restart(victim)
	}
	f := c.checkCommits(db)
	t.Logf("PostgreSQL: %s; %d batches committed, each once", k.report(), f.batches)
}

// TestKilledWorkerIsSucceededAfterARestart does the same on SQLite, with a single process that is started again.
func TestKilledWorkerIsSucceededAfterARestart(t *testing.T) {
	t.Parallel()
	heavy(t)
	lengthy(t)
	c := newCluster(t, "", 1, nil)
	db := c.open()
	var k kills
	for range rounds(5, 100) {
		c.spoil(db)
		r := c.replicas[0]
		id := c.start(r, brisk())
		pause(time.Duration(c.rand.Int64N(int64(700 * time.Millisecond))))
		r.kill()
		c.restart(r)
		k.recovered(c, db, id)
	}
	t.Logf("SQLite: %s", k.report())
}

// TestWorkerKilledBeforeItsClaimIsReplaced kills a worker that has got the job but not yet claimed the session: the job
// engine thinks it is working, and the session seems to wait for a free worker.
func TestWorkerKilledBeforeItsClaimIsReplaced(t *testing.T) {
	t.Parallel()
	c := onPostgres(t)
	db := c.open()
	c.watchCommits()
	for range rounds(1, 20) {
		c.spoil(db)
		id, worker, _ := c.freezeClaim(claiming())
		worker.kill()
		worker.wire.drop()
		row := c.ended(db, id)
		c.complete(db, row)
		if row.Attempts != 1 {
			t.Errorf("%d attempts; the lost worker never had the session", row.Attempts)
		}
		c.restart(worker)
	}
	c.checkCommits(db)
	t.Logf("%d workers killed before their claim; losses: 0", rounds(1, 20))
}

// kills counts kills and takeovers, and measures how long recovery took.
type kills struct {
	kills, hits, takeovers int
	// silences holds the age of each lost worker's last heartbeat when somebody noticed.
	silences []time.Duration
}

// recovered checks that the session completes even though its worker was killed.
func (k *kills) recovered(c *cluster, db *store.Store, id string) {
	c.t.Helper()
	k.kills++
	if c.row(db, id).Status.Active() {
		k.hits++
	}
	row := c.ended(db, id)
	c.complete(db, row)
	for _, lost := range c.takeovers(db, id) {
		k.takeovers++
		k.silences = append(k.silences, lost.At.Sub(*lost.HeartbeatAt))
	}
	if row.Attempts > 2 {
		c.t.Logf("session %s took %d attempts", id, row.Attempts)
	}
	if worst := slices.Max(append(k.silences, 0)); worst > staleAfter+10*time.Second {
		c.t.Errorf("a lost worker was noticed only after %s", worst)
	}
}

func (k *kills) report() string {
	slices.Sort(k.silences)
	return fmt.Sprintf("%d kills, %d of them while the session was active, %d takeovers, noticed after %s at the median and %s at most; losses: 0",
		k.kills, k.hits, k.takeovers, at(k.silences, 50), at(k.silences, 100))
}
