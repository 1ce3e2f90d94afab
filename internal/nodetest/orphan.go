package nodetest

import (
	"context"
	"database/sql"

	"github.com/google/uuid"

	"fullsync/internal/catalog"
	"fullsync/internal/session"
	"fullsync/internal/syncer"
)

// Orphan creates a pull from Branch, started by alice, in batches of 10, and without a job, so that no worker of the node
// picks it up. A test can claim it and abandon it, as a killed process does.
func (n *Node) Orphan() session.Session {
	n.t.Helper()
	noJob := func(context.Context, *sql.Tx, string, int64) (int64, error) { return 1 << 40, nil }
	created, err := n.Store.CreateSession(n.t.Context(), session.Session{
		ID: uuid.NewString(), Catalog: catalog.Default, Direction: session.Pull, PeerID: Branch, SourceNodeID: Branch,
		TargetNodeID: MainNode, Method: session.MethodHTTP, Status: session.Preparing, Phase: session.PhaseQueued,
		CurrentStep: "Preparing", StartedBy: "alice", Options: session.Options{BatchSize: 10},
	}, syncer.Creation{Enqueue: noJob})
	if err != nil || !created.OK {
		n.t.Fatalf("creating a session without a job: %+v, %v", created, err)
	}
	return created.Session
}
