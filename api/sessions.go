package api

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"fullsync/api/spec"
	"fullsync/internal/auth"
	"fullsync/internal/catalog"
	"fullsync/internal/session"
	"fullsync/internal/syncer"
)

// sessionHandlers start, show and cancel sessions.
type sessionHandlers struct{ syncs Syncs }

// StartFullSync starts a pull.
func (h *sessionHandlers) StartFullSync(ctx context.Context, r spec.StartFullSyncRequestObject) (spec.StartFullSyncResponseObject, error) {
	req, err := startRequest(r.Body, caller(ctx))
	if err != nil {
		return nil, err
	}
	v, err := h.syncs.Start(ctx, req)
	if err != nil {
		return nil, err
	}
	return spec.StartFullSync202JSONResponse{
		Headers: spec.StartFullSync202ResponseHeaders{Location: "/api/admin/sync/full-sync/" + v.ID},
		Body: spec.StartResponse{
			Success: true, SessionId: sessionID(v.ID), Message: "Full sync pull initiated successfully", Session: sessionOf(v),
		},
	}, nil
}

// CancelFullSync cancels a session at once.
func (h *sessionHandlers) CancelFullSync(ctx context.Context, r spec.CancelFullSyncRequestObject) (spec.CancelFullSyncResponseObject, error) {
	v, already, err := h.syncs.Cancel(ctx, r.Body.SessionId.String(), caller(ctx), strings.TrimSpace(valueOr(r.Body.Reason, "")))
	if err != nil {
		return nil, err
	}
	return spec.CancelFullSync200JSONResponse{
		Success: true, Message: "Sync session cancelled successfully", AlreadyCancelled: already, Session: sessionOf(v),
	}, nil
}

// GetFullSync shows one session.
func (h *sessionHandlers) GetFullSync(ctx context.Context, r spec.GetFullSyncRequestObject) (spec.GetFullSyncResponseObject, error) {
	v, err := h.syncs.Get(ctx, r.SessionId.String())
	if err != nil {
		return nil, err
	}
	return spec.GetFullSync200JSONResponse{Success: true, Session: sessionOf(v)}, nil
}

// GetFullSyncStatus shows a catalog's active session and the one that ended last.
func (h *sessionHandlers) GetFullSyncStatus(ctx context.Context, r spec.GetFullSyncStatusRequestObject) (spec.GetFullSyncStatusResponseObject, error) {
	active, last, err := h.syncs.Status(ctx, valueOr(r.Params.Catalog, catalog.Default))
	if err != nil {
		return nil, err
	}
	out := spec.GetFullSyncStatus200JSONResponse{Success: true}
	if active != nil {
		v := sessionOf(*active)
		out.Active = &v
	}
	if last != nil {
		v := sessionOf(*last)
		out.Last = &v
	}
	return out, nil
}

// ListFullSyncs lists sessions, newest first.
func (h *sessionHandlers) ListFullSyncs(ctx context.Context, r spec.ListFullSyncsRequestObject) (spec.ListFullSyncsResponseObject, error) {
	q := syncer.Query{
		Catalog:       valueOr(r.Params.Catalog, ""),
		PeerID:        valueOr(r.Params.Peer, ""),
		StartedAfter:  valueOr(r.Params.StartedAfter, time.Time{}),
		StartedBefore: valueOr(r.Params.StartedBefore, time.Time{}),
	}
	for _, status := range valueOr(r.Params.Status, nil) {
		q.Statuses = append(q.Statuses, session.Status(status))
	}
	slices.Sort(q.Statuses)
	bound := fmt.Sprint(q.Statuses, q.Catalog, q.PeerID, q.StartedAfter.UTC(), q.StartedBefore.UTC())
	var err error
	if q.BeforeStartedAt, q.BeforeID, err = sessionsAfter(valueOr(r.Params.PageToken, ""), bound); err != nil {
		return nil, err
	}
	size := pageSize(r.Params.PageSize)
	q.Limit = size + 1
	views, err := h.syncs.List(ctx, q)
	if err != nil {
		return nil, err
	}
	out := spec.ListFullSyncs200JSONResponse{Success: true, Sessions: []spec.Session{}}
	if len(views) > size {
		views = views[:size]
		last := views[size-1]
		out.NextPageToken = optional(pageToken{kind: sessionsPage, bound: bound, position: sessionPosition(last.StartedAt, last.ID)}.String())
	}
	for _, v := range views {
		out.Sessions = append(out.Sessions, sessionOf(v))
	}
	return out, nil
}

// caller returns the subject of the request's token.
func caller(ctx context.Context) string {
	principal, _ := auth.FromContext(ctx)
	return principal.Subject
}

// sessionOf renders a session.
func sessionOf(v session.View) spec.Session {
	return spec.Session{
		SessionId:              sessionID(v.ID),
		Catalog:                v.Catalog,
		Direction:              spec.Direction(v.Direction),
		SourceNodeId:           v.SourceNodeID,
		TargetNodeId:           v.TargetNodeID,
		Method:                 v.Method,
		Status:                 spec.SessionStatus(v.Status),
		Phase:                  spec.Phase(v.Phase),
		CurrentStep:            v.CurrentStep,
		Progress:               v.Progress,
		TotalRecords:           v.TotalRecords,
		TransferredRecords:     v.TransferredRecords,
		Created:                v.Created,
		Updated:                v.Updated,
		Unchanged:              v.Unchanged,
		Deleted:                v.Deleted,
		Rejected:               v.Rejected,
		TransferredBytes:       v.TransferredBytes,
		TransferSpeed:          math.Round(v.TransferSpeed),
		RecordsPerSecond:       math.Round(v.RecordsPerSecond*10) / 10,
		EstimatedTimeRemaining: wholeSeconds(v.EstimatedTimeRemaining),
		StartedAt:              v.StartedAt.UTC(),
		StartedBy:              v.StartedBy,
		LastHeartbeatAt:        inUTC(v.LastHeartbeatAt),
		LastCommitAt:           inUTC(v.LastCommitAt),
		CompletedAt:            inUTC(v.CompletedAt),
		ErrorMessage:           optional(v.ErrorMessage),
		CancelledBy:            optional(v.CancelledBy),
		CancelReason:           optional(v.CancelReason),
		Attempts:               v.Attempts,
		Options: spec.SessionOptions{
			BatchSize:            v.Options.BatchSize,
			MaxProductsPerSecond: v.Options.MaxProductsPerSecond,
			VerifyAfterSync:      v.Options.VerifyAfterSync,
			CompressionEnabled:   v.Options.CompressionEnabled,
		},
		Health: healthOf(v),
	}
}

func healthOf(v session.View) spec.Health {
	return spec.Health{Verdict: spec.HealthVerdict(v.Health.Verdict), Reason: v.Health.Reason}
}

// wholeSeconds rounds up: something that is not over yet never shows as 0.
func wholeSeconds(d *time.Duration) *int64 {
	if d == nil {
		return nil
	}
	seconds := int64(math.Ceil(d.Seconds()))
	return &seconds
}

// inUTC returns the time in UTC, nil for nil.
func inUTC(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	utc := t.UTC()
	return &utc
}

// optional returns nil for the empty text.
func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
