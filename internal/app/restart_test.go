package app_test

import (
	"testing"

	"github.com/google/uuid"

	"fullsync/api/spec"
	"fullsync/internal/nodetest"
)

// TestStoppedNodeHandsItsSessionOver stops a node in the middle of a pull and starts it again on the same database.
func TestStoppedNodeHandsItsSessionOver(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, 300, nodetest.Config{})
		size := 20
		gate := pair.Wire.HoldPage(t, nodetest.ProductsPath, 7)
		s := pair.Main.Pull(nodetest.Pull{Options: spec.StartOptions{BatchSize: &size, VerifyAfterSync: new(true)}})
		nodetest.Await(t, "the middle of the pull", gate.Reached)
		s = pair.Main.WaitFor(s.SessionId, "six batches", func(s spec.Session) bool { return s.TransferredRecords == 120 })

		pair.Main.Down()
		gate.Open()
		seen := len(pair.Wire.Exchanges(nodetest.ProductsPath))
		pair.RestartMain()

		s = pair.Main.WaitEnd(s.SessionId, spec.COMPLETED)
		checkCounts(t, s, counts{transferred: 300, created: 300})
		if s.Attempts != 1 {
			t.Errorf("a restart counted as an attempt: %d", s.Attempts)
		}
		pages := pair.Wire.Exchanges(nodetest.ProductsPath)[seen:]
		if after := pages[0].Query.Get("after"); after != pair.Branch.Products("main")[119].ID || len(pages) != 9 {
			t.Errorf("went on after %q with %d pages; 120 of 300 products were committed", after, len(pages))
		}
		nodetest.SameCatalog(t, pair.Branch, pair.Main, "main")
	})
}

// TestDeadWorker leaves behind what a killed process leaves: a session that somebody claimed and nobody is working on. It blocks
// nobody, and continues by itself.
func TestDeadWorker(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, 100, nodetest.Config{Settings: map[string]string{"STALE_AFTER": "2s"}})
		id := uuid.MustParse(pair.Main.Orphan().ID)
		if _, ok, err := pair.Main.Store.ClaimSession(t.Context(), id.String(), 0, "gone-42"); err != nil || !ok {
			t.Fatalf("claim: %v, %v", ok, err)
		}
		pair.Main.WaitFor(id, "COMPLETED", func(s spec.Session) bool { return s.Status == spec.COMPLETED })
		nodetest.SameCatalog(t, pair.Branch, pair.Main, "main")
		taken, err := pair.Main.Store.ListTakeovers(t.Context(), id.String())
		if err != nil || len(taken) != 1 || taken[0].Worker != "gone-42" {
			t.Errorf("takeovers %+v, %v", taken, err)
		}
	})
}
