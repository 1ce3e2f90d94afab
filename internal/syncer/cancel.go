package syncer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"fullsync/internal/fault"
	"fullsync/internal/session"
)

// FinishedError says that a session cannot be cancelled because it has completed or failed.
type FinishedError struct{ Finished session.View }

// Error returns the contract's sentence.
func (e *FinishedError) Error() string {
	return "Sync session is already " + string(e.Finished.Status)
}

// abortPatience is how long an answered cancel may take to reach the worker before it is left to find out by itself.
const abortPatience = time.Second

// Cancelled is the answer to a cancel.
type Cancelled struct {
	Session session.View
	// Already says that the session had been cancelled before.
	Already bool
	// MayLandUntil is until when, at the latest, a batch may still land at the target of a push that has not confirmed the cancel; nil where
	// nothing can.
	MayLandUntil *time.Time
	// NotReverted is why nothing is put back although that was asked for; empty where it is, or was not asked for.
	NotReverted string
}

// Message is a sentence to show.
func (c Cancelled) Message() string {
	const done = "Sync session cancelled successfully"
	switch {
	case c.MayLandUntil != nil:
		return fmt.Sprintf("%s. %s has not confirmed it yet: a batch may still land there until %s at the latest. This node goes on asking.",
			done, c.Session.PeerID, c.MayLandUntil.UTC().Format("15:04:05 UTC"))
	case c.NotReverted != "":
		return done + ". Nothing is put back: " + c.NotReverted
	case c.Session.RevertedBy == "":
		return done
	case c.Session.Outgoing():
		return fmt.Sprintf("%s. At %s, session %s puts back what it had changed.", done, c.Session.PeerID, c.Session.RevertedBy)
	default:
		return fmt.Sprintf("%s. Session %s puts back what it had changed.", done, c.Session.RevertedBy)
	}
}

// Cancel ends an active session at once; it needs no worker and waits for none. When it returns without error, no
// product of the session is ever committed here again. The target of a push is told right after that, which takes two seconds at
// most; a [Confirmer] goes on where that was in vain. A session that was cancelled before is returned as it is, with
// Already true. If what the session has changed is to be put back, its revert begins in the same moment; see [Reverts]. Cancel
// returns NotFound for an unknown session, [*FinishedError] when it has completed or failed, [*RunningError] when it was cancelled before and
// cannot be put back because another session writes its catalog, and Unavailable with [CodeCancelUncertain] when the database fell silent, so
// that nobody knows.
func (s *Service) Cancel(ctx context.Context, id string, by Cancellation) (Cancelled, error) {
	var none Cancelled
	ok, err := s.cancel(ctx, id, by)
	var occupied *OccupiedError
	if errors.As(err, &occupied) {
		return none, &RunningError{Running: s.view(occupied.Row, occupied.Now)}
	}
	if err != nil {
		return none, uncertain(ctx, err)
	}
	v, err := s.Get(ctx, id)
	if err != nil {
		return none, uncertain(ctx, err)
	}
	switch {
	case ok:
		s.cancelled(ctx, v.Session, by)
	case v.Status.Active():
		return none, fault.New(fault.Internal, "CANCEL_LOST", "Cannot cancel sync",
			"The session is active but could not be cancelled. Try again.")
	case v.Status != session.Cancelled:
		return none, &FinishedError{Finished: v}
	}
	out := Cancelled{Session: v, Already: !ok}
	switch {
	case v.TargetConfirmed != nil && !*v.TargetConfirmed:
		s.confirm(ctx, &out)
	case by.Revert && v.RevertedBy == "":
		out.NotReverted = v.WhyNotReverted()
	}
	return out, nil
}

// cancel cancels a session in the database, and begins its revert if that is wanted.
func (s *Service) cancel(ctx context.Context, id string, by Cancellation) (ok bool, err error) {
	if by.Revert {
		return s.sessions.CancelAndRevert(ctx, id, by, s.cfg.reverting(s.queue, by.By))
	}
	return s.sessions.CancelSession(ctx, id, by)
}

// confirm tells the target of a cancelled push, and notes in out what it says.
func (s *Service) confirm(ctx context.Context, out *Cancelled) {
	// Whoever asked for the cancel may have gone; the target is told all the same.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tellPatience)
	defer cancel()
	said, err := s.targets.tell(ctx, out.Session.Session)
	if err == nil {
		yes := true
		out.Session.TargetConfirmed, out.Session.RevertedBy, out.NotReverted = &yes, said.RevertedBy, said.NotReverted
		return
	}
	s.cfg.Logger.WarnContext(ctx, "the target of a cancelled push has not confirmed it yet", "session", out.Session.ID, "peer", out.Session.PeerID, "error", err)
	until := mayLandUntil(out.Session.Session, s.cfg)
	out.MayLandUntil = &until
}

// mayLandUntil is when the lease of a cancelled push has run out at its target for sure. What the target has not told yet is at most
// what it would grant.
func mayLandUntil(row session.Session, cfg Config) time.Time {
	lease := row.Lease()
	if lease == 0 {
		lease = maxLease * cfg.Limits.StaleAfter
	}
	return row.CompletedAt.Add(lease + cfg.Limits.TakeoverWithin)
}

// CodeCancelUncertain is the code of the fault that a cancel may have been taken or not.
const CodeCancelUncertain = "CANCEL_UNCERTAIN"

// uncertain says of a cancel whose answer did not come back what that means. Trouble of which the database told itself is
// no such case.
func uncertain(ctx context.Context, err error) error {
	if ctx.Err() == nil && fault.CodeOf(err) != fault.CodeDatabaseUnavailable {
		return err
	}
	return fault.New(fault.Unavailable, CodeCancelUncertain, "Cancel uncertain",
		"The database does not answer, so the sync may be cancelled already or not. Cancel it again in a moment; that is always safe.").Because(err)
}

// cancelled tells the log, and the worker of a session that was cancelled.
func (s *Service) cancelled(ctx context.Context, row session.Session, by Cancellation) {
	log := s.cfg.Logger.With("session", row.ID)
	log.InfoContext(ctx, "session cancelled", "by", by.By, "reason", by.Reason)
	abort(ctx, s.queue, row, log)
}

// StuckRequest says which active sessions [Service.CancelStuck] takes: the one named, or all of them, or only those
// whose worker is dead.
type StuckRequest struct {
	SessionID string
	All       bool
	// DryRun finds, and changes nothing.
	DryRun bool
	By     string
}

// Stuck is what was found and done with one session.
type Stuck struct {
	// Session is as it was found; Session.Health says why it counts as stuck.
	Session session.View
	// HeartbeatAge and CommitAge are by the database's clock; nil before the first one.
	HeartbeatAge, CommitAge *time.Duration
	// Takeovers is how often the session was taken from a lost worker.
	Takeovers int
	// Cancelled says that it was cancelled now, AlreadyCancelled that it had been before, AlreadyEnded that it ended by
	// itself meanwhile.
	Cancelled, AlreadyCancelled, AlreadyEnded bool
	Err                                       error
}

// Outcome says in a few words what became of the session.
func (f Stuck) Outcome() string {
	switch {
	case f.Err != nil:
		return "failed"
	case f.Cancelled:
		return "cancelled"
	case f.AlreadyCancelled:
		return "was cancelled before"
	case f.AlreadyEnded:
		return "had ended by itself"
	default:
		return "would be cancelled"
	}
}

// CancelStuck cancels sessions that block their catalog, with the database alone. A session that is named and was
// cancelled before is found as it is: as with [Service.Cancel] that is a success. It returns NotFound for an unknown one and
// [*FinishedError] for one that has completed or failed; trouble with single sessions is in the result.
func (s *Service) CancelStuck(ctx context.Context, req StuckRequest) ([]Stuck, error) {
	found, err := s.stuck(ctx, req)
	if err != nil || req.DryRun {
		return found, err
	}
	for i := range found {
		f := &found[i]
		if f.AlreadyCancelled {
			continue
		}
		done, err := s.Cancel(ctx, f.Session.ID, Cancellation{By: req.By, Reason: "cancel-stuck, found " + string(f.Session.Health.Verdict)})
		var finished *FinishedError
		switch {
		case err == nil:
			f.Cancelled, f.AlreadyCancelled = !done.Already, done.Already
		case errors.As(err, &finished):
			f.AlreadyEnded = true
		default:
			f.Err = err
			s.cfg.Logger.ErrorContext(ctx, "session could not be cancelled", "session", f.Session.ID, "error", err)
		}
	}
	return found, nil
}

// stuck finds the sessions that req is about, with the evidence.
func (s *Service) stuck(ctx context.Context, req StuckRequest) ([]Stuck, error) {
	if req.SessionID != "" {
		row, now, err := s.sessions.GetSession(ctx, req.SessionID)
		if err != nil {
			return nil, err
		}
		if !row.Status.Active() && row.Status != session.Cancelled {
			return nil, &FinishedError{Finished: s.view(row, now)}
		}
		f, err := s.evidence(ctx, s.view(row, now), now)
		if err != nil {
			return nil, err
		}
		f.AlreadyCancelled = row.Status == session.Cancelled
		return []Stuck{f}, nil
	}
	rows, now, err := s.sessions.FindSessions(ctx, Query{Statuses: session.ActiveStatuses()})
	if err != nil {
		return nil, err
	}
	var found []Stuck
	for _, row := range rows {
		v := s.view(row, now)
		if !req.All && v.Health.Verdict != session.Dead {
			continue
		}
		f, err := s.evidence(ctx, v, now)
		if err != nil {
			return nil, err
		}
		found = append(found, f)
	}
	return found, nil
}

// evidence gathers what tells how a session is; now is the database's time.
func (s *Service) evidence(ctx context.Context, v session.View, now time.Time) (Stuck, error) {
	takeovers, err := s.sessions.ListTakeovers(ctx, v.ID)
	if err != nil {
		return Stuck{}, err
	}
	return Stuck{
		Session: v, Takeovers: len(takeovers),
		HeartbeatAge: ageAt(now, v.LastHeartbeatAt), CommitAge: ageAt(now, v.LastCommitAt),
	}, nil
}

// ageAt returns how long before now then was, at least 0; nil for nil.
func ageAt(now time.Time, then *time.Time) *time.Duration {
	if then == nil {
		return nil
	}
	age := max(0, now.Sub(*then))
	return &age
}
