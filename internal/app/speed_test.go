package app_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"fullsync/api/spec"
	"fullsync/internal/catalog"
	"fullsync/internal/nodetest"
	"fullsync/internal/session"
)

// TestTimeBetweenTwoWorkersIsNobodys takes over a session of 100 products whose worker committed 10 of them within a second and
// was lost an hour ago. That hour counts neither against the new worker nor in the figures.
func TestTimeBetweenTwoWorkersIsNobodys(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, 100, nodetest.Config{})
		gate := pair.Wire.HoldPage(t, nodetest.ProductsPath, 1)
		id := lostAnHourAgo(t, pair)

		nodetest.Await(t, "the second worker's first page", gate.Reached)
		s := pair.Main.WaitFor(id, "the second worker", func(s spec.Session) bool { return s.Worker != nil && *s.Worker != "gone-42" })
		if s.Health.Verdict != spec.HealthVerdictHealthy || s.Health.Reason != "working normally" {
			t.Errorf("a worker that has just come: %+v", s.Health)
		}
		if s.RecordsPerSecond != nil || s.TransferSpeed != nil || s.EstimatedTimeRemaining != nil {
			t.Errorf("the new worker's speed is known before it has committed anything: %s", nodetest.Show(s))
		}
		gate.Open()
		s = pair.Main.WaitEnd(id, spec.COMPLETED)
		if s.TransferredRecords != 100 || value(s.RecordsPerSecond) < 0.1 {
			t.Errorf("the hour counts as work: %s", nodetest.Show(s))
		}
		nodetest.SameCatalog(t, pair.Branch, pair.Main, "main")
	})
}

// tenCommitted makes a session of total products that the worker has claimed, with the first 10 committed.
func tenCommitted(t *testing.T, pair *nodetest.Pair, worker string, total int64) (spec.SessionID, session.Session) {
	t.Helper()
	ctx, db, id := t.Context(), pair.Main.Store, uuid.MustParse(pair.Main.Orphan().ID)
	row, ok, err := db.ClaimSession(ctx, id.String(), 0, worker)
	if err != nil || !ok {
		t.Fatalf("claim: %v, %v", ok, err)
	}
	to := session.Progressed{
		Status: session.Transferring, Phase: session.PhaseTransferring, Step: session.TransferringStep(&total), Total: &total,
	}
	if err := db.Advance(ctx, session.Claim{SessionID: row.ID, Fence: row.Fence}, to); err != nil {
		t.Fatal(err)
	}
	row.Status, row.TotalRecords = session.Transferring, &total
	batch := catalog.Batch{Bytes: 500}
	for _, p := range pair.Branch.Products("main")[:10] {
		batch.Products = append(batch.Products, p.Product)
	}
	batch.Cursor = catalog.Cursor{NodeID: nodetest.Branch, Catalog: "main", After: batch.Products[9].ID}
	if err := db.CommitBatch(ctx, &row, batch); err != nil {
		t.Fatal(err)
	}
	return id, row
}

// lostAnHourAgo makes a session with one batch of 10 products whose worker was lost an hour ago.
func lostAnHourAgo(t *testing.T, pair *nodetest.Pair) spec.SessionID {
	t.Helper()
	id, row := tenCommitted(t, pair, "gone-42", 100)
	at := func(d time.Duration) string { return inSQL(row.ClaimedAt.Add(d)) }
	write(t, pair.Main, id, fmt.Sprintf("started_at = '%s', claimed_at = '%s', last_commit_at = '%s', last_heartbeat_at = '%s'",
		at(-time.Hour), at(-time.Hour), at(time.Second-time.Hour), at(time.Second-time.Hour)))
	return id
}

// TestPeerThatHangsIsSeen: a peer falls silent in the middle of a sync. The test moves times instead of waiting.
func TestPeerThatHangsIsSeen(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, 100, nodetest.Config{})
		gate := pair.Wire.HoldPage(t, nodetest.ProductsPath, 4)
		size := 10
		s := pair.Main.Pull(nodetest.Pull{Options: spec.StartOptions{BatchSize: &size}})
		nodetest.Await(t, "the fourth page", gate.Reached)
		s = pair.Main.WaitFor(s.SessionId, "three batches", func(s spec.Session) bool { return s.TransferredRecords == 30 })
		if s.LastSourceAt == nil || s.LastCommitAt == nil || value(s.RecordsPerSecond) <= 0 {
			t.Errorf("in time: %s", nodetest.Show(s))
		}
		nodetest.Eventually(t, "the silence", func() bool {
			// Once more, in case a heartbeat that was on its way has reported the last page.
			age(t, pair.Main, s.SessionId, time.Minute/3)
			s = pair.Main.Session(s.SessionId)
			return s.Health.Verdict == spec.HealthVerdictStalled
		}, func() string { return nodetest.Show(s) })
		silent := regexp.MustCompile(`nothing came from (branch|it) for [234]\d s$`)
		if !silent.MatchString(s.Health.Reason) || !silent.MatchString(s.CurrentStep) || !strings.HasPrefix(s.CurrentStep, "Waiting for branch: ") {
			t.Errorf("it is not said what is wrong: %q, %q", s.Health.Reason, s.CurrentStep)
		}
		if s.RecordsPerSecond == nil || *s.RecordsPerSecond != 0 || s.TransferSpeed == nil || *s.TransferSpeed != 0 || s.EstimatedTimeRemaining != nil {
			t.Errorf("it still has a speed: %s", nodetest.Show(s))
		}
		gate.Open()
		s = pair.Main.WaitEnd(s.SessionId, spec.COMPLETED)
		if s.CurrentStep != "Transferred 100 products" || value(s.RecordsPerSecond) <= 0 || s.LastSourceAt.Before(s.StartedAt.Add(-time.Hour)) {
			t.Errorf("at its end: %s", nodetest.Show(s))
		}
	})
}

// age moves everything that has happened to a session, except its last heartbeat, that far into the past.
func age(t *testing.T, n *nodetest.Node, id spec.SessionID, by time.Duration) {
	t.Helper()
	row, _, err := n.Store.GetSession(t.Context(), id.String())
	if err != nil {
		t.Fatal(err)
	}
	set := "started_at = '" + inSQL(row.StartedAt.Add(-by)) + "'"
	for column, at := range map[string]*time.Time{
		"claimed_at": row.ClaimedAt, "last_commit_at": row.LastCommitAt, "last_source_at": row.LastSourceAt,
		"mark_at": row.Mark.At, "next_mark_at": row.NextMark.At,
	} {
		if at != nil {
			set += fmt.Sprintf(", %s = '%s'", column, inSQL(at.Add(-by)))
		}
	}
	write(t, n, id, set)
}
