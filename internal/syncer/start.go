package syncer

import (
	"cmp"
	"context"
	"fmt"

	"github.com/google/uuid"

	"fullsync/internal/auth"
	"fullsync/internal/catalog"
	"fullsync/internal/fault"
	"fullsync/internal/peer"
	"fullsync/internal/session"
)

// IfRunning says what a start does when the catalog already has an active session.
type IfRunning string

// The choices.
const (
	// Fail refuses the start with a [*RunningError].
	Fail IfRunning = "fail"
	// Attach answers with the running session.
	Attach IfRunning = "attach"
	// Replace cancels the running session and starts the new one, in one transaction.
	Replace IfRunning = "replace"
)

// StartRequest asks for a full sync. The zero BatchSize and TimeoutSeconds mean the node's own, the zero IfRunning is
// Fail, the zero Method is [session.MethodHTTP].
type StartRequest struct {
	// Direction is where products go; the zero value is [session.Pull].
	Direction session.Direction
	// Catalog may be "": then it is the feed's own, or [catalog.Default].
	Catalog string
	PeerID  string
	// Method is what the session is to say; see [session.Session].
	Method    string
	Options   session.Options
	IfRunning IfRunning
	// By is who asks.
	By string
	// PlanID is a dry run to apply: peer, catalog and options are those of the plan. Peer and catalog may be given as well, and must then be the
	// same.
	PlanID string
	// Key makes the start safe to repeat; nil where the caller sent none.
	Key *StartKey
	// RunID is the run of a schedule that asks; empty for a person's start.
	RunID string
}

// Started is the answer to a start.
type Started struct {
	Session session.View
	// Attached says that the session was running already.
	Attached bool
}

// RunningError says that the catalog already has an active session.
type RunningError struct {
	Running session.View
	// Deleted is how many products the refused request had deleted before that session began.
	Deleted int64
}

// Error returns the contract's sentence.
func (e *RunningError) Error() string { return "Full sync already in progress" }

// startTries bounds the search for a session that was in the way and has ended before it could be read.
const startTries = 10

// Start begins a pull from a peer, a push to one, or the import that a dry run has planned. It returns NotFound for an unknown peer, Impossible for one that is switched off or
// has no token, and for a key that was used with another request; and [*RunningError] when the catalog already has an
// active session in the way and the request says fail, and schedule.ErrDecided for a run that no longer waits. A repeated key gets the session of its first start, and changes nothing.
func (s *Service) Start(ctx context.Context, req StartRequest) (Started, error) {
	if started, ok, err := s.repeated(ctx, req.Key); ok || err != nil {
		return started, err
	}
	plan, err := s.planned(ctx, &req)
	if err != nil {
		return Started{}, err
	}
	if err := s.mayPlan(req); err != nil {
		return Started{}, err
	}
	if req.Direction == session.Import {
		return s.beginImport(ctx, uuid.NewString(), req, plan)
	}
	p, err := s.peers.Target(ctx, req.PeerID)
	if err == nil && req.Direction == session.Push {
		err = mayPush(p)
	}
	if err == nil {
		req.Catalog, err = catalogOf(req, p)
	}
	if err != nil {
		return Started{}, err
	}
	s.cfg.complete(&req.Options)
	row := session.Session{
		ID: uuid.NewString(), Catalog: req.Catalog, Direction: session.Pull, PeerID: p.NodeID,
		SourceNodeID: p.NodeID, TargetNodeID: s.cfg.NodeID, Method: cmp.Or(req.Method, session.MethodHTTP), Options: req.Options,
		Status: session.Preparing, Phase: session.PhaseQueued, CurrentStep: "Preparing to read from " + p.NodeID,
		StartedBy: req.By, PlanID: req.PlanID, SourceState: plan.SourceState, TargetState: plan.TargetState,
	}
	if req.Direction == session.Push {
		row.Direction, row.SourceNodeID, row.TargetNodeID = session.Push, s.cfg.NodeID, p.NodeID
		row.CurrentStep = "Preparing to push to " + p.NodeID
	}
	return s.begin(ctx, req, row)
}

// catalogOf returns the catalog that a start is about: a feed has its own. It returns Impossible where a start names another.
func catalogOf(req StartRequest, p peer.Target) (string, error) {
	switch {
	case !p.IsFeed():
		return cmp.Or(req.Catalog, catalog.Default), nil
	case req.Catalog != "" && req.Catalog != p.Feed.Catalog:
		return "", fault.New(fault.Impossible, "FEED_CATALOG", "Feed belongs to another catalog",
			"The products of feed %s go to catalog %s, not to %s. Leave catalog out, or change the peer's.", p.NodeID, p.Feed.Catalog, req.Catalog)
	}
	return p.Feed.Catalog, nil
}

// mayPush returns Impossible where the token for a peer says that it may not push. The peer itself decides in the end.
func mayPush(p peer.Target) error {
	if p.IsFeed() {
		return fault.New(fault.Impossible, "PEER_IS_FEED", "Peer is a feed",
			"%s is a feed, and a feed can only be read. Push to a node, or pull from %s.", p.NodeID, p.NodeID)
	}
	claims, _ := auth.Peek(p.Token)
	if claims.Role == "" || auth.Role(claims.Role).MayPush() {
		return nil
	}
	return fault.New(fault.Impossible, "TOKEN_MAY_NOT_PUSH", "Token may not push",
		"The token for %s has the role %s, which may only read. Make one there with fullsync token --role node-push, and give it to the peer here.", p.NodeID, claims.Role)
}

// begin inserts the session, or does with the one in its way what the request says.
func (s *Service) begin(ctx context.Context, req StartRequest, row session.Session) (Started, error) {
	row = s.cfg.accounted(row)
	how := Creation{Enqueue: enqueuer(s.queue, row), Key: req.Key, RunID: req.RunID}
	if req.IfRunning == Replace {
		by := replacement(row)
		how.Replace = &by
	}
	for range startTries {
		created, err := s.sessions.CreateSession(ctx, row, how)
		if err != nil && fault.KindOf(err) != fault.Conflict {
			return Started{}, err
		}
		if created.OK && err == nil {
			s.started(ctx, created)
			return Started{Session: s.view(created.Session, created.Now)}, nil
		}
		// The one that was first may have come with the same key, in the same moment.
		if started, ok, err := s.repeated(ctx, req.Key); ok || err != nil {
			return started, err
		}
		status, err := s.Status(ctx, req.Catalog)
		if err != nil {
			return Started{}, err
		}
		running := status.inTheWay(row)
		switch {
		case running == nil || req.IfRunning == Replace:
			continue // it has ended, or changed, since
		case req.IfRunning == Attach:
			return s.attach(ctx, req, *running)
		default:
			return Started{}, &RunningError{Running: *running}
		}
	}
	return Started{}, fault.New(fault.Unavailable, "BUSY", "Too many starts at once",
		"Other syncs of this catalog start and end faster than this one can begin. Try again.").
		Because(fmt.Errorf("no turn in %d tries", startTries))
}

// replacement is how a session cancels the one whose place it takes.
func replacement(next session.Session) Cancellation {
	return Cancellation{By: next.StartedBy, Reason: "replaced by session " + next.ID}
}

// started tells the log, and the worker of a session that was replaced.
func (s *Service) started(ctx context.Context, c Created) {
	log := s.cfg.Logger.With("session", c.Session.ID, "by", c.Session.StartedBy)
	log.InfoContext(ctx, "session started", "catalog", c.Session.Catalog, "peer", c.Session.PeerID, "resumedFrom", c.Session.ResumedFrom)
	if c.Replaced != nil {
		s.cancelled(ctx, *c.Replaced, replacement(c.Session))
	}
}

// attach answers with the running session, and keeps the key for it.
func (s *Service) attach(ctx context.Context, req StartRequest, running session.View) (Started, error) {
	if req.Key != nil {
		err := s.sessions.AttachKey(ctx, *req.Key, running.ID)
		if fault.KindOf(err) == fault.Conflict {
			started, _, err := s.repeated(ctx, req.Key)
			return started, err
		}
		if err != nil {
			return Started{}, err
		}
	}
	return Started{Session: running, Attached: true}, nil
}

// repeated returns the session that a used key stands for; ok is false for a new key, and for none.
func (s *Service) repeated(ctx context.Context, key *StartKey) (started Started, ok bool, err error) {
	if key == nil {
		return Started{}, false, nil
	}
	kept, ok, err := s.sessions.FindStartKey(ctx, key.Subject, key.Key)
	if err != nil || !ok {
		return Started{}, false, err
	}
	if kept.RequestHash != key.RequestHash {
		return Started{}, false, fault.New(fault.Impossible, "IDEMPOTENCY_KEY_REUSED", "Idempotency-Key reused",
			"This Idempotency-Key was used for another request in the last 24 hours. Use a new key for a new request.")
	}
	v, err := s.Get(ctx, kept.SessionID)
	return Started{Session: v, Attached: kept.Attached}, err == nil, err
}

// complete fills in what the options of a start leave open, and keeps to what the node allows.
func (c Config) complete(opt *session.Options) {
	if opt.BatchSize == 0 {
		opt.BatchSize, opt.GrowBatches = c.BatchSize, c.GrowBatches
	}
	c.limit(opt)
}

// limit keeps options, also those of another node, to what this one allows.
func (c Config) limit(opt *session.Options) {
	opt.MaxDeletes = min(opt.MaxDeletes, c.MaxDeletes)
	opt.MaxDeletePercent = min(opt.MaxDeletePercent, c.MaxDeletePercent)
	if opt.TimeoutSeconds == 0 {
		opt.TimeoutSeconds = int(c.SessionTimeout.Seconds())
	}
}
