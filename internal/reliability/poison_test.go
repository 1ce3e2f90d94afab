//go:build unix

package reliability

import (
	"strconv"
	"strings"
	"sync"
	"testing"

	"fullsync/internal/postgrestest"
	"fullsync/internal/session"
)

// TestPoisonBatchDoesNotCircleForever kills every worker as soon as it asks the source for a certain page. After the
// allowed number of takeovers without progress, the session is FAILED and says why.
func TestPoisonBatchDoesNotCircleForever(t *testing.T) {
	t.Parallel()
	lengthy(t)
	const allowed = 2
	c := newCluster(t, postgrestest.NewDatabase(t), 2, map[string]string{"MAX_TAKEOVERS": strconv.Itoa(allowed)})
	db := c.open()
	c.watchCommits()
	poison := make(chan struct{}) // never closed: the page never comes
	asked := make(chan struct{}, 16)
	c.gate.holding(func(after string) <-chan struct{} {
		if after != "P-0000100" {
			return nil
		}
		asked <- struct{}{}
		return poison
	})
	id := c.start(c.replicas[0], speed{batch: 100, rate: 0})
	var deaths sync.WaitGroup
	deaths.Go(func() {
		for range allowed + 1 {
			select {
			case <-asked:
			case <-t.Context().Done():
				return
			}
			// Reading runs one page ahead. Wait until the batch before is committed, so that this batch is the one that
			// kills.
			row := c.until(db, id, "the batch before the poison", func(s session.Session) bool { return s.BatchSeq == 1 && s.Worker != "" })
			victim := c.worker(row)
			victim.kill()
			c.restart(victim)
		}
	})
	row := c.ended(db, id)
	deaths.Wait()
	if row.Status != session.Failed || !strings.Contains(row.ErrorMessage, strconv.Itoa(allowed+1)+" workers in a row were lost at the same batch") {
		t.Errorf("ended as %s: %s", row.Status, row.ErrorMessage)
	}
	if n := len(c.takeovers(db, id)); n != allowed {
		t.Errorf("%d takeovers, want %d", n, allowed)
	}
	c.gate.holding(nil)
	c.complete(db, c.ended(db, c.start(c.replicas[0], brisk())))
	c.checkCommits(db)
	t.Logf("%d workers lost at the same batch: %s", allowed+1, row.ErrorMessage)
}
