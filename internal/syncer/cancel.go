package syncer

import (
	"context"
	"errors"
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

// Cancel ends an active session at once; it needs no worker and waits for none. When it returns without error, no
// product of the session is ever committed again. A session that was cancelled before is returned as it is, with
// already true. It returns NotFound for an unknown session and [*FinishedError] when it has completed or failed.
func (s *Service) Cancel(ctx context.Context, id, by, reason string) (v session.View, already bool, err error) {
	ok, err := s.sessions.CancelSession(ctx, id, by, reason, cancelMessage(by, reason))
	if err != nil {
		return session.View{}, false, err
	}
	if v, err = s.Get(ctx, id); err != nil {
		return session.View{}, false, err
	}
	switch {
	case ok:
		s.cfg.Logger.Info("session cancelled", "session", id, "by", by)
		s.abort(ctx, v)
		return v, false, nil
	case v.Status == session.Cancelled:
		return v, true, nil
	case v.Status.Active():
		return v, false, fault.New(fault.Internal, "CANCEL_LOST", "Cannot cancel sync",
			"The session is active but could not be cancelled. Try again.")
	default:
		return v, false, &FinishedError{Finished: v}
	}
}

// abort tells the worker, as a courtesy: without it the worker would stop at its next look at the session. The caller's
// going away must not keep it from happening.
func (s *Service) abort(ctx context.Context, v session.View) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortPatience)
	defer cancel()
	if err := s.queue.Abort(ctx, v.JobID); err != nil {
		s.cfg.Logger.Warn("the worker could not be told of the cancel; it stops at its next batch",
			"session", v.ID, "error", err)
	}
}

func cancelMessage(by, reason string) string {
	if reason == "" {
		return "Cancelled by " + by
	}
	return "Cancelled by " + by + ": " + reason
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
	// Cancelled says that it was cancelled now, AlreadyEnded that it ended by itself meanwhile.
	Cancelled, AlreadyEnded bool
	Err                     error
}

// CancelStuck cancels sessions that block their catalog, with the database alone. It returns NotFound or
// [*FinishedError] when a session was named that cannot be cancelled; trouble with single sessions is in the result.
func (s *Service) CancelStuck(ctx context.Context, req StuckRequest) ([]Stuck, error) {
	found, err := s.stuck(ctx, req)
	if err != nil || req.DryRun {
		return found, err
	}
	for i := range found {
		f := &found[i]
		_, already, err := s.Cancel(ctx, f.Session.ID, req.By, "cancel-stuck, found "+string(f.Session.Health.Verdict))
		var finished *FinishedError
		switch {
		case err == nil:
			f.Cancelled, f.AlreadyEnded = !already, already
		case errors.As(err, &finished):
			f.AlreadyEnded = true
		default:
			f.Err = err
		}
	}
	return found, nil
}

func (s *Service) stuck(ctx context.Context, req StuckRequest) ([]Stuck, error) {
	if req.SessionID != "" {
		v, err := s.Get(ctx, req.SessionID)
		if err != nil {
			return nil, err
		}
		if !v.Status.Active() {
			return nil, &FinishedError{Finished: v}
		}
		return []Stuck{{Session: v}}, nil
	}
	views, err := s.List(ctx, Query{Statuses: session.ActiveStatuses()})
	if err != nil {
		return nil, err
	}
	var found []Stuck
	for _, v := range views {
		if req.All || v.Health.Verdict == session.Dead {
			found = append(found, Stuck{Session: v})
		}
	}
	return found, nil
}
