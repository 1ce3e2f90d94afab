//go:build unix

package reliability

import (
	"reflect"
	"testing"
	"time"

	"fullsync/internal/session"
)

// TestNothingIsCommittedAfterACancelsAnswer cancels sessions at random moments, each time through a random replica, and
// immediately starts the next one.
func TestNothingIsCommittedAfterACancelsAnswer(t *testing.T) {
	t.Parallel()
	c := onPostgres(t)
	db := c.open()
	c.watchCommits()
	var answers []time.Duration
	midway := 0
	for range rounds(25, 1000) {
		c.spoil(db) // so that there is something to do for longer than the pause
		id := c.start(c.replicas[c.rand.IntN(2)], speed{batch: 20, rate: 1000})
		pause(time.Duration(c.rand.Int64N(int64(300 * time.Millisecond))))
		answers = append(answers, c.cancel(c.replicas[c.rand.IntN(2)], id))
		answered := c.row(db, id)
		if answered.BatchSeq > 0 {
			midway++
		}
		next := c.start(c.replicas[c.rand.IntN(2)], speed{batch: 20, rate: 2000, everything: true})
		if after := c.row(db, id); !reflect.DeepEqual(after, answered) {
			t.Errorf("the session changed after its end: %+v, then %+v", answered, after)
		}
		c.cancel(c.replicas[0], next)
	}
	c.spoil(db)
	c.complete(db, c.ended(db, c.start(c.replicas[0], brisk())))
	f := c.checkCommits(db)
	t.Logf("%d cancels, %d of them after a first batch, answered after %s at the median, %s at 99%% and %s at most; %d batches, none after its session's cancel",
		len(answers), midway, at(answers, 50), at(answers, 99), at(answers, 100), f.batches)
}

// TestCancelOnOneReplicaAbortsTheRequestOfAnother cancels on one replica while the worker on another waits for a source
// that does not answer.
func TestCancelOnOneReplicaAbortsTheRequestOfAnother(t *testing.T) {
	t.Parallel()
	c := onPostgres(t)
	db := c.open()
	never := make(chan struct{})
	asked := make(chan struct{}, 16)
	c.gate.holding(func(string) <-chan struct{} {
		asked <- struct{}{}
		return never
	})
	var delays []time.Duration
	for range rounds(10, 100) {
		id := c.start(c.replicas[0], brisk())
		select {
		case <-asked:
		case <-time.After(patience):
			t.Fatal("the source gets no request")
		}
		worker := c.worker(c.until(db, id, "a worker", func(s session.Session) bool { return s.Worker != "" }))
		began := time.Now()
		c.cancel(c.other(worker), id)
		select {
		case at := <-c.gate.aborted:
			delays = append(delays, at.Sub(began))
		case <-time.After(patience):
			t.Fatal("the request to the source goes on after the cancel")
		}
	}
	t.Logf("%d requests to the source aborted from the other replica, after %s at the median, %s at 99%% and %s at most",
		len(delays), at(delays, 50), at(delays, 99), at(delays, 100))
}
