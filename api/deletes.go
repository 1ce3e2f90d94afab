package api

import (
	"context"

	"fullsync/api/spec"
	"fullsync/internal/session"
)

// ListFullSyncDeletes lists what a session found to be gone at the source.
func (h *sessionHandlers) ListFullSyncDeletes(ctx context.Context, r spec.ListFullSyncDeletesRequestObject) (spec.ListFullSyncDeletesResponseObject, error) {
	id := r.SessionId.String()
	var states []session.DeleteState
	if r.Params.State != nil {
		states = []session.DeleteState{session.DeleteState(*r.Params.State)}
	}
	bound := id + " " + string(valueOr(r.Params.State, ""))
	after := ""
	if token := valueOr(r.Params.PageToken, ""); token != "" {
		var err error
		if after, err = parsePageToken(token, deletesPage, bound); err != nil {
			return nil, err
		}
	}
	size := pageSize(r.Params.PageSize)
	deletes, err := h.syncs.Deletes(ctx, id, states, after, size+1)
	if err != nil {
		return nil, err
	}
	out := spec.ListFullSyncDeletes200JSONResponse{Success: true, Deletes: []spec.SyncDelete{}}
	if len(deletes) > size {
		deletes = deletes[:size]
		out.NextPageToken = optional(pageToken{kind: deletesPage, bound: bound, position: deletes[size-1].ProductID}.String())
	}
	for _, d := range deletes {
		out.Deletes = append(out.Deletes, spec.SyncDelete{ProductId: foreign(d.ProductID, maxRejectID), State: spec.DeleteState(d.State)})
	}
	return out, nil
}

// ApproveFullSyncDeletes starts a session that deletes what another one withheld.
func (h *sessionHandlers) ApproveFullSyncDeletes(ctx context.Context, r spec.ApproveFullSyncDeletesRequestObject) (spec.ApproveFullSyncDeletesResponseObject, error) {
	v, err := h.syncs.ApproveDeletes(ctx, r.SessionId.String(), r.Body.Count, caller(ctx))
	if err != nil {
		return nil, err
	}
	concerns(ctx, v.ID)
	return spec.ApproveFullSyncDeletes202JSONResponse{
		Headers: spec.ApproveFullSyncDeletes202ResponseHeaders{Location: location(ctx, v)},
		Body:    startedOf(v, "Full sync pull initiated successfully"),
	}, nil
}
