package app_test

import (
	"context"
	"database/sql"
	"testing"

	"github.com/google/uuid"

	"fullsync/api/spec"
	"fullsync/internal/catalog"
	"fullsync/internal/nodetest"
	"fullsync/internal/session"
	"fullsync/internal/syncer"
)

// TestLostImport: no replica can go on with an import from the command line whose process is gone, so it fails, and frees its catalog.
func TestLostImport(t *testing.T) {
	t.Parallel()
	n := nodetest.Start(t, nodetest.Config{Settings: map[string]string{"HEARTBEAT_INTERVAL": "100ms", "STALE_AFTER": "500ms"}})
	for _, worker := range []string{"", "host-1"} { // it died before its claim, or after it
		noJob := func(context.Context, *sql.Tx, string, int64) (int64, error) { return 0, nil }
		created, err := n.Store.CreateSession(t.Context(), session.Session{
			ID: uuid.NewString(), Catalog: catalog.Default, Direction: session.Import, SourceNodeID: n.NodeID(), TargetNodeID: n.NodeID(),
			Status: session.Preparing, Phase: session.PhaseQueued, CurrentStep: "Preparing", StartedBy: "cli:alice", Options: session.Options{BatchSize: 10, Import: &session.Input{}},
		}, syncer.Creation{Enqueue: noJob})
		if err != nil || !created.OK {
			t.Fatal(created, err)
		}
		id := uuid.MustParse(created.Session.ID)
		if worker != "" {
			if _, ok, err := n.Store.ClaimSession(t.Context(), created.Session.ID, 0, worker); err != nil || !ok {
				t.Fatal(ok, err)
			}
		}
		s := n.WaitEnd(id, spec.FAILED)
		if s.ErrorCode == nil || *s.ErrorCode != "IMPORT_LOST" || s.Direction != spec.Import {
			t.Errorf("it ended as %s", nodetest.Show(s))
		}
	}
}
