package syncer

import (
	"context"

	"github.com/google/uuid"

	"fullsync/internal/fault"
	"fullsync/internal/session"
)

// Resume starts a new session that goes on from the cursor of one that failed or was cancelled; one that had read its
// source to the end is read again from the beginning. It returns NotFound
// for an unknown session, Conflict when it cannot be resumed (it is active, has completed, or ended too long ago),
// what [Service.Start] returns for its peer, and [*RunningError] when the catalog already has an active session.
func (s *Service) Resume(ctx context.Context, id, by string) (session.View, error) {
	old, now, err := s.sessions.GetSession(ctx, id)
	if err != nil {
		return session.View{}, err
	}
	switch {
	case old.Direction == session.Import:
		return session.View{}, cannotResume("It was an import. Import the file again: what is here already is not written twice.")
	case old.Incoming:
		return session.View{}, cannotResume("%s pushed it. Resume it there.", old.PeerID)
	case old.Options.DryRun:
		return session.View{}, cannotResume("It was a dry run. Start another one instead.")
	case old.PlanID != "":
		return session.View{}, cannotResume("It applied a plan, and part of that is done. Make a new dry run and apply that, or start a new sync.")
	case old.Status.Active():
		return session.View{}, cannotResume("It is still %s. Cancel it first, or wait for its end.", old.Status)
	case old.Status == session.Completed:
		return session.View{}, cannotResume("It is COMPLETED; there is nothing left to do. Start a new sync instead.")
	case old.CompletedAt == nil || now.Sub(*old.CompletedAt) > s.cfg.ResumeWithin:
		return session.View{}, cannotResume("It ended more than %s ago, and its source may have changed. Start a new sync instead.", s.cfg.ResumeWithin)
	}
	step, err := s.resumable(ctx, old)
	if err != nil {
		return session.View{}, err
	}
	cursor, behind := old.Cursor, old.Handled()
	if old.TotalRecords != nil && behind >= *old.TotalRecords {
		// It was read to its end: what went wrong, the verification as a rule, is not mended by reading nothing.
		cursor, behind = "", 0
	}
	next := session.Session{
		ID: uuid.NewString(), Catalog: old.Catalog, Direction: old.Direction, PeerID: old.PeerID,
		SourceNodeID: old.SourceNodeID, TargetNodeID: old.TargetNodeID, Method: old.Method, Options: old.Options,
		Status: session.Preparing, Phase: session.PhaseQueued, CurrentStep: step,
		StartedBy: by, ResumedFrom: old.ID, ResumedRecords: behind, Cursor: cursor,
		RevertOf: old.RevertOf, FeedState: old.FeedState,
	}
	if next.RevertOf != "" {
		next.TotalRecords = old.TotalRecords
	}
	started, err := s.begin(ctx, StartRequest{Catalog: old.Catalog}, next)
	return started.Session, err
}

// resumable returns the first step of a session that resumes old, or why there can be none.
func (s *Service) resumable(ctx context.Context, old session.Session) (step string, err error) {
	if old.Direction == session.Revert {
		return "Preparing to go on putting back what session " + old.RevertOf + " changed", nil
	}
	p, err := s.peers.Target(ctx, old.PeerID)
	switch {
	case fault.KindOf(err) == fault.NotFound:
		return "", cannotResume("Its peer %s is no longer registered. Start a new sync instead.", old.PeerID).Because(err)
	case err != nil:
		return "", err
	case old.Outgoing():
		return "Preparing to push on to " + old.PeerID, mayPush(p)
	}
	return "Preparing to read on from " + old.PeerID, nil
}

func cannotResume(why string, args ...any) *fault.Error {
	return fault.New(fault.Conflict, "CANNOT_RESUME", "Cannot resume sync", why, args...)
}
