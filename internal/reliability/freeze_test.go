//go:build unix

package reliability

import (
	"testing"
	"time"

	"fullsync/internal/session"
	"fullsync/internal/store"
)

// TestWorkerFrozenInsideItsTransactionBlocksNobody cuts a worker off right inside a batch's transaction, where it holds the
// most locks. Cancel must still answer, and the next session must still run.
func TestWorkerFrozenInsideItsTransactionBlocksNobody(t *testing.T) {
	t.Parallel()
	for i, p := range append(points(), claiming()) {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			c := onPostgres(t)
			db := c.open()
			c.watchCommits()
			var answers []time.Duration
			for range rounds(1, 20) {
				c.spoil(db)
				answers = append(answers, c.freezeAndCancel(db, p, (i+len(answers))%2 == 1, len(answers)%4 > 1))
			}
			f := c.checkCommits(db)
			t.Logf("frozen %s %d times: cancel answered after %s at the median and %s at most; %d batches, %d writes rolled back",
				p.name, len(answers), at(answers, 50), at(answers, 100), f.batches, f.undone)
		})
	}
}

// freezeAndCancel cuts a worker off at p, cancels its session on the command line or through the other replica, completes
// another session, and returns how long the cancel took to answer. The worker comes back after that, or early: before it
// notices that it was cut off, so that it tries to go on.
func (c *cluster) freezeAndCancel(db *store.Store, p point, byCommand, early bool) time.Duration {
	c.t.Helper()
	var id string
	var worker, other *replica
	if p.name == claiming().name {
		id, worker, other = c.freezeClaim(p)
	} else {
		id = c.start(c.replicas[0], steady())
		worker, other = c.moving(db, id, 2)
		c.hit(worker.wire.cutAt(p), p)
	}
	began := time.Now()
	if byCommand {
		if out, code := command(c.t, c.direct(), "cancel-stuck", id); code != 0 {
			c.t.Fatalf("cancel-stuck: exit code %d: %s", code, out)
		}
	} else {
		c.cancel(other, id)
	}
	took := time.Since(began)
	if took > 10*time.Second {
		c.t.Errorf("frozen %s, cancel answered only after %s", p.name, took)
	}
	next := c.start(other, brisk())
	if early {
		worker.wire.heal()
	}
	began = time.Now()
	c.complete(db, c.ended(db, next))
	if blocked := time.Since(began); blocked > 20*time.Second {
		c.t.Errorf("frozen %s, the next session took %s", p.name, blocked)
	}
	worker.wire.heal()
	if p.name != claiming().name {
		c.zombieIsBack(worker, id)
	}
	if row := c.row(db, id); row.Status != session.Cancelled {
		c.t.Errorf("the cancelled session came back: %+v", row)
	}
	return took
}

// freezeClaim starts a session and cuts off the replica that claims it in the middle of the claim. Whichever replica is
// first is cut off; the other goes on undisturbed.
func (c *cluster) freezeClaim(p point) (id string, worker, other *replica) {
	c.t.Helper()
	hits := make([]<-chan struct{}, len(c.replicas))
	for i, r := range c.replicas {
		hits[i] = r.wire.cutAt(p)
	}
	id = c.start(c.replicas[0], brisk())
	select {
	case <-hits[0]:
		worker = c.replicas[0]
	case <-hits[1]:
		worker = c.replicas[1]
	case <-time.After(patience):
		c.t.Fatalf("the wire was not cut %s", p.name)
	}
	other = c.other(worker)
	other.wire.heal()
	return id, worker, other
}

func (c *cluster) hit(hit <-chan struct{}, p point) {
	c.t.Helper()
	select {
	case <-hit:
	case <-time.After(patience):
		c.t.Fatalf("the wire was not cut %s", p.name)
	}
}

// direct returns settings for a command that reaches the database without a wire.
func (c *cluster) direct() map[string]string {
	settings := map[string]string{}
	for _, name := range []string{"DATA_DIR", "NODE_ID"} {
		settings[name] = c.settings[name]
	}
	if c.url != "" {
		settings["DATABASE_URL"] = c.url
	}
	return settings
}
