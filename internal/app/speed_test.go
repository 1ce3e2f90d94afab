package app_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"fullsync/api/spec"
	"fullsync/internal/catalog"
	"fullsync/internal/nodetest"
	"fullsync/internal/session"
)

// TestTimeBetweenTwoWorkersIsNobodys takes over a session of 100 products whose worker committed 10 of them within a second
// and was lost an hour ago. The worker that takes it over is not blamed for that hour, and neither are the figures.
func TestTimeBetweenTwoWorkersIsNobodys(t *testing.T) {
	nodetest.OnBoth(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, 100, nodetest.Config{})
		gate := pair.Wire.HoldPage(t, nodetest.ProductsPath, 1)
		id := lostAnHourAgo(t, pair)

		nodetest.Await(t, "the second worker's first page", gate.Reached)
		s := pair.Main.WaitFor(id, "the second worker", func(s spec.Session) bool { return s.Worker != nil && *s.Worker != "gone-42" })
		if s.Health.Verdict != spec.HealthVerdictHealthy || s.Health.Reason != "working normally" {
			t.Errorf("a worker that has just come: %+v", s.Health)
		}
		if value(s.RecordsPerSecond) != 10 || value(s.TransferSpeed) != 500 || value(s.EstimatedTimeRemaining) != 9 {
			t.Errorf("10 products and 500 bytes in one second of work, 90 products to go: %s", nodetest.Show(s))
		}
		gate.Open()
		s = pair.Main.WaitEnd(id, spec.COMPLETED)
		if s.TransferredRecords != 100 || value(s.RecordsPerSecond) < 0.1 {
			t.Errorf("the hour counts as work: %s", nodetest.Show(s))
		}
		nodetest.SameCatalog(t, pair.Branch, pair.Main, "main")
	})
}

// lostAnHourAgo makes a session with one batch of 10 products whose worker was lost an hour ago.
func lostAnHourAgo(t *testing.T, pair *nodetest.Pair) spec.SessionID {
	t.Helper()
	ctx, db, id := t.Context(), pair.Main.Store, uuid.MustParse(pair.Main.Orphan().ID)
	row, ok, err := db.ClaimSession(ctx, id.String(), 0, "gone-42")
	if err != nil || !ok {
		t.Fatalf("claim: %v, %v", ok, err)
	}
	total := int64(100)
	err = db.Advance(ctx, session.Claim{SessionID: row.ID, Fence: row.Fence},
		session.Progressed{Status: session.Transferring, Phase: session.PhaseTransferring, Step: "Transferring 100 products", Total: &total})
	if err != nil {
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
	// Both databases read a time in this form; SQLite stores it so.
	at := func(d time.Duration) string {
		return row.ClaimedAt.Add(d).UTC().Format("2006-01-02 15:04:05.000-07:00")
	}
	_, err = db.SQL().ExecContext(ctx, fmt.Sprintf("UPDATE sync_sessions SET started_at = '%s', claimed_at = '%s', last_commit_at = '%s', last_heartbeat_at = '%s' WHERE id = '%s'",
		at(-time.Hour), at(-time.Hour), at(time.Second-time.Hour), at(time.Second-time.Hour), id))
	if err != nil {
		t.Fatal(err)
	}
	return id
}
