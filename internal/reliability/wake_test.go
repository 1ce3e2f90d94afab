//go:build unix

package reliability

import (
	"context"
	"database/sql"
	"testing"

	"fullsync/internal/postgrestest"
	"fullsync/internal/session"
	"fullsync/internal/store"
	"fullsync/internal/syncer"
)

// TestWorkerThatWakesInsideItsTransactionIsFenced freezes a worker inside a batch's transaction, cancels its session or
// takes it away, and lets the worker go on at once. Nobody tells the worker: it has not been aborted and has not missed a
// heartbeat, so it tries to commit. Only the fence stops it.
func TestWorkerThatWakesInsideItsTransactionIsFenced(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(c *cluster, db *store.Store, id string){
		"cancelled": func(c *cluster, db *store.Store, id string) {
			if ok, err := db.CancelSession(c.t.Context(), id, syncer.Cancellation{By: "tester"}); err != nil || !ok {
				c.t.Fatal(ok, err)
			}
		},
		"taken over": func(c *cluster, db *store.Store, id string) {
			// This job does not exist; a watcher notices that later and gives the session a real one.
			noJob := func(context.Context, *sql.Tx, string, int64) (int64, error) { return 1 << 40, nil }
			if err := db.TakeOver(c.t.Context(), c.row(db, id), noJob); err != nil {
				c.t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t, postgrestest.NewDatabase(t), 2, map[string]string{"HEARTBEAT_INTERVAL": "1s", "STALE_AFTER": "3s"})
			db := c.open()
			c.watchCommits()
			wakes := 0
			for range rounds(1, 10) {
				for _, p := range points()[:2] { // in the others the row is the worker's own until it goes on
					c.spoil(db)
					id := c.start(c.replicas[0], speed{batch: 25, rate: 500})
					worker, other := c.moving(db, id, 2)
					c.hit(worker.wire.cutAt(p), p)
					lose(c, db, id)
					worker.wire.heal()
					c.zombieIsBack(worker, id)
					if c.row(db, id).Status == session.Cancelled {
						id = c.start(other, brisk())
					}
					c.complete(db, c.ended(db, id))
					wakes++
				}
			}
			f := c.checkCommits(db)
			if f.undone < int64(wakes) {
				t.Errorf("%d writes were rolled back in %d wakes: the worker did not try", f.undone, wakes)
			}
			t.Logf("woke %d times in a session that was %s: %d batches, none of them the zombie's; %d writes rolled back", wakes, name, f.batches, f.undone)
		})
	}
}
