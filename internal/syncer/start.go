package syncer

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"fullsync/internal/fault"
	"fullsync/internal/session"
)

// StartRequest asks for a full sync. The zero BatchSize means the node's own.
type StartRequest struct {
	Catalog string
	PeerID  string
	Options session.Options
	// By is who asks.
	By string
}

// RunningError says that the catalog already has an active session.
type RunningError struct{ Running session.View }

// Error returns the contract's sentence.
func (e *RunningError) Error() string { return "Full sync already in progress" }

// startTries bounds the search for a session that was in the way and has ended before it could be read.
const startTries = 10

// Start begins a pull from a peer. It returns NotFound for an unknown peer, Impossible for one that is switched off
// or has no token, and [*RunningError] when the catalog already has an active session.
func (s *Service) Start(ctx context.Context, req StartRequest) (session.View, error) {
	p, err := s.peers.Target(ctx, req.PeerID)
	if err != nil {
		return session.View{}, err
	}
	if req.Options.BatchSize == 0 {
		req.Options.BatchSize = s.cfg.BatchSize
	}
	row := session.Session{
		ID: uuid.NewString(), Catalog: req.Catalog, Direction: session.Pull, PeerID: p.NodeID,
		SourceNodeID: p.NodeID, TargetNodeID: s.cfg.NodeID, Method: session.MethodHTTP, Options: req.Options,
		Status: session.Preparing, Phase: session.PhaseQueued, CurrentStep: "Preparing to read from " + p.NodeID,
		StartedBy: req.By,
	}
	for range startTries {
		created, now, ok, err := s.sessions.CreateSession(ctx, row, s.queue.Enqueue)
		if err != nil {
			return session.View{}, err
		}
		if ok {
			s.cfg.Logger.Info("session started", "session", created.ID, "catalog", req.Catalog, "peer", p.NodeID, "by", req.By)
			return s.view(created, now), nil
		}
		running, err := s.newest(ctx, req.Catalog, session.ActiveStatuses())
		if err != nil {
			return session.View{}, err
		}
		if running != nil {
			return session.View{}, &RunningError{Running: *running}
		}
	}
	return session.View{}, fault.New(fault.Unavailable, "BUSY", "Too many starts at once",
		"Other syncs of this catalog start and end faster than this one can begin. Try again.").
		Because(fmt.Errorf("no turn in %d tries", startTries))
}
