//go:build unix

package reliability

import (
	"net/http"
	"syscall"
	"testing"
	"time"

	"fullsync/internal/session"
)

// steady reads the whole catalog in about four seconds.
func steady() speed { return speed{batch: 25, rate: 250} }

// silence is a way for a worker to fall silent without ending, and to come back.
type silence struct {
	name       string
	begin, end func(t testing.TB, r *replica)
}

func silences() []silence {
	return []silence{
		{
			name:  "stopped",
			begin: func(t testing.TB, r *replica) { r.signal(t, syscall.SIGSTOP) },
			end:   func(t testing.TB, r *replica) { r.signal(t, syscall.SIGCONT) },
		},
		{
			name:  "cut off",
			begin: func(_ testing.TB, r *replica) { r.wire.cut() },
			end:   func(_ testing.TB, r *replica) { r.wire.heal() },
		},
	}
}

// TestSilentWorkerIsSucceededAndWritesNothing silences a worker for longer than staleAfter, lets another replica take the
// session over, and brings the worker back while that is working.
func TestSilentWorkerIsSucceededAndWritesNothing(t *testing.T) {
	t.Parallel()
	lengthy(t)
	for _, way := range silences() {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			c := onPostgres(t)
			db := c.open()
			c.watchCommits()
			for range rounds(1, 10) {
				c.spoil(db)
				id := c.start(c.replicas[0], steady())
				worker, _ := c.moving(db, id, 2)
				pause(time.Duration(c.rand.Int64N(int64(200 * time.Millisecond))))
				held := c.row(db, id)
				way.begin(t, worker)
				c.until(db, id, "a takeover", func(s session.Session) bool {
					return s.Fence > held.Fence+1 && s.Worker != "" && s.Worker != held.Worker || !s.Status.Active()
				})
				way.end(t, worker)
				c.zombieIsBack(worker, id)
				row := c.ended(db, id)
				c.complete(db, row)
				if len(c.takeovers(db, id)) == 0 {
					t.Errorf("no takeover is on record: %+v", row)
				}
			}
			f := c.checkCommits(db)
			t.Logf("%s %d times and taken over: %d batches, none under an outdated fence; %d writes rolled back", way.name, rounds(1, 10), f.batches, f.undone)
		})
	}
}

// TestSilentWorkerIsCancelledAndWritesNothing silences a worker, cancels its session through another replica, starts
// the next one at once, and brings the worker back.
func TestSilentWorkerIsCancelledAndWritesNothing(t *testing.T) {
	t.Parallel()
	for _, way := range silences() {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			c := onPostgres(t)
			db := c.open()
			c.watchCommits()
			for range rounds(1, 10) {
				c.spoil(db)
				id := c.start(c.replicas[0], steady())
				worker, other := c.moving(db, id, 2)
				pause(time.Duration(c.rand.Int64N(int64(200 * time.Millisecond))))
				way.begin(t, worker)
				c.cancel(other, id)
				next := c.start(other, brisk())
				// Wait longer than staleAfter, so that the worker has been silent for a long time when it comes back.
				pause(staleAfter + 2*heartbeat)
				way.end(t, worker)
				c.zombieIsBack(worker, id)
				c.complete(db, c.ended(db, next))
				if row := c.row(db, id); row.Status != session.Cancelled {
					t.Errorf("the cancelled session came back: %+v", row)
				}
			}
			f := c.checkCommits(db)
			t.Logf("%s %d times and cancelled: %d batches, none after the cancel; %d writes rolled back", way.name, rounds(1, 10), f.batches, f.undone)
		})
	}
}

// zombieIsBack waits until a worker that was silent has given up its session and can work again.
func (c *cluster) zombieIsBack(r *replica, id string) {
	c.t.Helper()
	gaveUp := func() bool {
		return r.logged(id, "session handed back") || r.logged(id, "session stopped") || r.logged(id, "session failed")
	}
	if !within(patience, gaveUp) {
		c.t.Fatalf("the worker does not give up session %s", id)
	}
	if !within(patience, func() bool {
		status, _ := c.call(c.t.Context(), r, http.MethodGet, "/readyz", nil, nil)
		return status == http.StatusOK
	}) {
		c.t.Fatalf("replica %d does not become ready again", r.pid())
	}
}
