package api

import (
	"context"
	"time"

	"fullsync/api/spec"
	"fullsync/internal/fault"
	"fullsync/internal/syncer"
)

// CancelStuckFullSyncs cancels the sessions whose worker is dead, or those that the request names.
func (h *sessionHandlers) CancelStuckFullSyncs(ctx context.Context, r spec.CancelStuckFullSyncsRequestObject) (spec.CancelStuckFullSyncsResponseObject, error) {
	req, err := stuckRequest(r.Body, caller(ctx))
	if err != nil {
		return nil, err
	}
	found, err := h.syncs.CancelStuck(ctx, req)
	if err != nil {
		return nil, err
	}
	out := spec.CancelStuckFullSyncs200JSONResponse{Success: true, DryRun: req.DryRun, Sessions: make([]spec.StuckSession, len(found))}
	for i, f := range found {
		out.Sessions[i] = stuckOf(f)
		out.Success = out.Success && f.Err == nil
	}
	return out, nil
}

// stuckRequest returns what to cancel; body is nil where there was none. It returns Invalid for a contradiction.
func stuckRequest(body *spec.CancelStuckRequest, by string) (syncer.StuckRequest, error) {
	req := syncer.StuckRequest{By: by}
	if body == nil {
		return req, nil
	}
	req.All, req.DryRun = valueOr(body.All, false), valueOr(body.DryRun, false)
	if body.SessionId != nil {
		if req.All {
			return req, invalidRequest().With("all", "must not be true together with sessionId")
		}
		req.SessionID = body.SessionId.String()
	}
	return req, nil
}

// stuckOf renders what was found and done with one session.
func stuckOf(f syncer.Stuck) spec.StuckSession {
	out := spec.StuckSession{
		Session: sessionOf(f.Session),
		Evidence: spec.StuckEvidence{
			HeartbeatAgeSeconds:  optionalAge(f.HeartbeatAge),
			LastCommitAgeSeconds: optionalAge(f.CommitAge),
			Worker:               optional(f.Session.Worker),
			Takeovers:            f.Takeovers,
			Verdict:              spec.HealthVerdict(f.Session.Health.Verdict),
			Reason:               f.Session.Health.Reason,
		},
		Done: spec.StuckSessionDone(f.Outcome()),
	}
	if f.Err != nil {
		out.Problem = optional(fault.Sentence(f.Err, "Something went wrong in this node; its log tells more. Try again."))
	}
	return out
}

// optionalAge returns an age in seconds, nil for nil.
func optionalAge(age *time.Duration) *float64 {
	if age == nil {
		return nil
	}
	seconds := milliseconds(*age)
	return &seconds
}
