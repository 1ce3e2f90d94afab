package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"fullsync/api/spec"
	"fullsync/internal/syncer"
)

// RevertFullSync puts back what a session changed, in a new one.
func (h *sessionHandlers) RevertFullSync(ctx context.Context, r spec.RevertFullSyncRequestObject) (spec.RevertFullSyncResponseObject, error) {
	req := syncer.RevertRequest{SessionID: r.SessionId.String(), IfRunning: syncer.Fail, By: caller(ctx)}
	if r.Body != nil {
		req.IfRunning = syncer.IfRunning(valueOr(r.Body.IfRunning, spec.RevertFail))
	}
	if key := r.Params.IdempotencyKey; key != nil {
		sum := sha256.Sum256([]byte(strings.Join([]string{"revert", req.SessionID, string(req.IfRunning)}, " ")))
		req.Key = &syncer.StartKey{Subject: req.By, Key: *key, RequestHash: hex.EncodeToString(sum[:])}
	}
	started, err := h.syncs.Revert(ctx, req)
	if err != nil {
		return nil, err
	}
	concerns(ctx, started.Session.ID)
	return spec.RevertFullSync202JSONResponse{
		Headers: spec.RevertFullSync202ResponseHeaders{Location: location(ctx, started.Session)},
		Body:    startedOf(started.Session, "Full sync revert initiated successfully"),
	}, nil
}
