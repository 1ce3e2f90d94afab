package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"fullsync/api/spec"
	"fullsync/internal/auth"
	"fullsync/internal/catalog"
	"fullsync/internal/fault"
	"fullsync/internal/session"
	"fullsync/internal/syncer"
)

// sessionHandlers start, show and cancel sessions.
type sessionHandlers struct{ syncs Syncs }

// StartFullSync starts a sync, or answers with the session that is running already.
func (h *sessionHandlers) StartFullSync(ctx context.Context, r spec.StartFullSyncRequestObject) (spec.StartFullSyncResponseObject, error) {
	req, err := startRequest(r.Body, caller(ctx))
	if err != nil {
		return nil, err
	}
	peers, several, err := targetPeers(r.Body)
	if err != nil {
		return nil, err
	}
	if several {
		return h.startMany(ctx, req, peers, r.Params.IdempotencyKey)
	}
	req.PeerID = peers[0]
	started, err := h.startOne(ctx, req, r.Params.IdempotencyKey)
	if err != nil {
		return nil, err
	}
	concerns(ctx, started.Session.ID)
	if started.Attached {
		return spec.StartFullSync200JSONResponse{
			Headers: spec.StartFullSync200ResponseHeaders{Location: location(ctx, started.Session)},
			Body:    startedOf(started.Session, "Full sync already running; attached to it"),
		}, nil
	}
	return accepted{location(ctx, started.Session), startedOf(started.Session, "Full sync "+string(started.Session.Direction)+" initiated successfully")}, nil
}

// startMany starts a push to each of the peers. One that is refused does not stop the others, and each may be repeated under the same key.
func (h *sessionHandlers) startMany(ctx context.Context, req syncer.StartRequest, peers []string, header *string) (spec.StartFullSyncResponseObject, error) {
	out := spec.StartsResponse{Success: true, Sessions: make([]spec.StartedPeer, len(peers))}
	for i, id := range peers {
		one := req
		one.PeerID = id
		out.Sessions[i].Peer = id
		var key *string
		if header != nil {
			own := *header + " " + id
			key = &own
		}
		started, err := h.startOne(ctx, one, key)
		if err == nil {
			id := sessionID(started.Session.ID)
			out.Sessions[i].SessionId = &id
		} else if !refused(ctx, err, &out.Sessions[i]) {
			return nil, err // trouble of this node's own, or the end of the request; with the same key it can be repeated
		}
	}
	return accepted{underPrefix(ctx, "/api/admin/sync/full-sync"), out}, nil
}

func (h *sessionHandlers) startOne(ctx context.Context, req syncer.StartRequest, key *string) (started syncer.Started, err error) {
	if req.Key, err = startKey(key, req); err != nil {
		return started, err
	}
	return h.syncs.Start(ctx, req)
}

// refused notes why one of several starts was refused; it returns false for an error that is no refusal.
func refused(ctx context.Context, err error, out *spec.StartedPeer) bool {
	switch _, body := describe(ctx, err); b := body.(type) {
	case spec.SyncInProgress:
		out.SessionId, out.Error, out.Code, out.Message = &b.SessionId, &b.Error, &b.Code, &b.Message
	case spec.Error:
		if fault.KindOf(err) == fault.Unavailable {
			return false
		}
		out.Error, out.Code, out.Message = &b.Error, &b.Code, b.Message
	default:
		return false
	}
	return true
}

// accepted is the 202 of a start, of one session or of several.
type accepted struct {
	location string
	body     any
}

// VisitStartFullSyncResponse writes the answer.
func (a accepted) VisitStartFullSyncResponse(w http.ResponseWriter) error {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Location", a.location)
	w.WriteHeader(http.StatusAccepted)
	return json.NewEncoder(w).Encode(a.body)
}

// ResumeFullSync goes on with a session that failed or was cancelled, in a new one.
func (h *sessionHandlers) ResumeFullSync(ctx context.Context, r spec.ResumeFullSyncRequestObject) (spec.ResumeFullSyncResponseObject, error) {
	v, err := h.syncs.Resume(ctx, r.SessionId.String(), caller(ctx))
	if err != nil {
		return nil, err
	}
	concerns(ctx, v.ID)
	return spec.ResumeFullSync202JSONResponse{
		Headers: spec.ResumeFullSync202ResponseHeaders{Location: location(ctx, v)},
		Body:    startedOf(v, "Full sync "+string(v.Direction)+" resumed successfully"),
	}, nil
}

// CancelFullSync cancels a session at once.
func (h *sessionHandlers) CancelFullSync(ctx context.Context, r spec.CancelFullSyncRequestObject) (spec.CancelFullSyncResponseObject, error) {
	concerns(ctx, r.Body.SessionId.String())
	c, err := h.syncs.Cancel(ctx, r.Body.SessionId.String(), syncer.Cancellation{
		By: caller(ctx), Reason: strings.TrimSpace(valueOr(r.Body.Reason, "")), Revert: valueOr(r.Body.Revert, false),
	})
	if err != nil {
		return nil, err
	}
	return spec.CancelFullSync200JSONResponse{
		Success: true, Message: c.Message(), AlreadyCancelled: c.Already, Session: sessionOf(c.Session), MayLandUntil: inUTC(c.MayLandUntil),
	}, nil
}

// GetFullSync shows one session, with its receipt once it has ended.
func (h *sessionHandlers) GetFullSync(ctx context.Context, r spec.GetFullSyncRequestObject) (spec.GetFullSyncResponseObject, error) {
	v, err := h.syncs.Get(ctx, r.SessionId.String())
	if err != nil {
		return nil, err
	}
	out := spec.GetFullSync200JSONResponse{Success: true, Session: sessionOf(v)}
	if !v.Status.Active() {
		receipt, err := h.syncs.ReceiptOf(ctx, v.Session)
		if err != nil {
			return nil, err
		}
		shown := receiptOf(receipt)
		out.Receipt = &shown
	}
	return out, nil
}

// GetFullSyncStatus shows a catalog's active session and the one that ended last.
func (h *sessionHandlers) GetFullSyncStatus(ctx context.Context, r spec.GetFullSyncStatusRequestObject) (spec.GetFullSyncStatusResponseObject, error) {
	status, err := h.syncs.Status(ctx, valueOr(r.Params.Catalog, catalog.Default))
	if err != nil {
		return nil, err
	}
	out := spec.GetFullSyncStatus200JSONResponse{Success: true, AlsoActive: make([]spec.Session, len(status.AlsoActive))}
	if status.Active != nil {
		v := sessionOf(*status.Active)
		out.Active = &v
	}
	if status.Last != nil {
		v := sessionOf(*status.Last)
		out.Last = &v
	}
	for i, v := range status.AlsoActive {
		out.AlsoActive[i] = sessionOf(v)
	}
	return out, nil
}

// ListFullSyncs lists sessions, newest first.
func (h *sessionHandlers) ListFullSyncs(ctx context.Context, r spec.ListFullSyncsRequestObject) (spec.ListFullSyncsResponseObject, error) {
	q := syncer.Query{
		Catalog:       valueOr(r.Params.Catalog, ""),
		PeerID:        valueOr(r.Params.Peer, ""),
		Direction:     session.Direction(valueOr(r.Params.Direction, "")),
		Outcome:       session.Outcome(valueOr(r.Params.Outcome, "")),
		Person:        valueOr(r.Params.Person, ""),
		StartedAfter:  valueOr(r.Params.StartedAfter, time.Time{}),
		StartedBefore: valueOr(r.Params.StartedBefore, time.Time{}),
	}
	for _, status := range valueOr(r.Params.Status, nil) {
		q.Statuses = append(q.Statuses, session.Status(status))
	}
	slices.Sort(q.Statuses)
	bound := fmt.Sprint(q.Statuses, q.Catalog, q.PeerID, q.StartedAfter.UTC(), q.StartedBefore.UTC(), q.Direction, q.Outcome, q.Person)
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
