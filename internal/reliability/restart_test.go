//go:build unix

package reliability

import (
	"net/http"
	"testing"
	"time"

	"fullsync/internal/postgrestest"
	"fullsync/internal/session"
)

// TestPostgresRestartedInTheMiddleLeavesNothingStuck stops PostgreSQL abruptly in the middle of a sync and starts it again:
// the sync completes or fails cleanly, and the next one works, on both replicas.
func TestPostgresRestartedInTheMiddleLeavesNothingStuck(t *testing.T) {
	t.Parallel()
	lengthy(t)
	server := postgrestest.Start(t)
	c := newCluster(t, server.NewDatabase(t), 2, nil)
	db := c.open()
	c.watchCommits()
	ends := map[session.Status]int{}
	var took []time.Duration
	for range rounds(1, 20) {
		c.spoil(db)
		id := c.start(c.replicas[0], speed{batch: 25, rate: 1000})
		c.moving(db, id, 2)
		pause(time.Duration(c.rand.Int64N(int64(500 * time.Millisecond))))
		server.Restart(t)
		began := time.Now()
		row := c.ended(db, id)
		took = append(took, time.Since(began))
		ends[row.Status]++
		switch row.Status {
		case session.Completed:
			c.complete(db, row)
		case session.Failed:
			if row.ErrorMessage == "" {
				t.Errorf("FAILED without saying why: %+v", row)
			}
		default:
			t.Errorf("ended as %s", row.Status)
		}
		for _, r := range c.replicas {
			eventually(t, "a replica to be ready again", func() bool {
				status, _ := c.call(t.Context(), r, http.MethodGet, "/readyz", nil, nil)
				return status == http.StatusOK
			})
			c.complete(db, c.ended(db, c.start(r, brisk())))
		}
	}
	f := c.checkCommits(db)
	t.Logf("PostgreSQL restarted %d times: %v, after %s at the median and %s at most; %d batches, each once",
		len(took), ends, at(took, 50), at(took, 100), f.batches)
}
