package api

import (
	"context"
	"time"

	"fullsync/api/spec"
	"fullsync/internal/session"
)

// GetFullSyncReceipt shows the account of a finished session.
func (h *sessionHandlers) GetFullSyncReceipt(ctx context.Context, r spec.GetFullSyncReceiptRequestObject) (spec.GetFullSyncReceiptResponseObject, error) {
	receipt, err := h.syncs.Receipt(ctx, r.SessionId.String())
	if err != nil {
		return nil, err
	}
	return spec.GetFullSyncReceipt200JSONResponse{Success: true, Receipt: receiptOf(receipt)}, nil
}

// receiptOf renders a receipt.
func receiptOf(r session.Receipt) spec.Receipt {
	out := spec.Receipt{
		SessionId:          sessionID(r.ID),
		Catalog:            r.Catalog,
		Direction:          spec.Direction(r.Direction),
		SourceNodeId:       r.SourceNodeID,
		TargetNodeId:       r.TargetNodeID,
		Status:             spec.SessionStatus(r.Status),
		TotalRecords:       r.TotalRecords,
		TransferredRecords: r.TransferredRecords,
		Created:            r.Created,
		Updated:            r.Updated,
		Unchanged:          r.Unchanged,
		Deleted:            r.Deleted,
		Rejected:           r.Rejected,
		FirstKey:           optional(r.FirstKey),
		LastKey:            optional(r.LastKey),
		Cursor:             optional(r.Cursor),
		Batches:            r.BatchSeq,
		TransferredBytes:   r.TransferredBytes,
		StartedAt:          r.StartedAt.UTC(),
		CompletedAt:        valueOr(r.CompletedAt, time.Time{}).UTC(),
		DurationSeconds:    milliseconds(r.Duration),
		Attempts:           r.Attempts,
		Retries:            r.Retries,
		Takeovers:          make([]spec.Takeover, len(r.Takeovers)),
		StartedBy:          r.StartedBy,
		ResumedFrom:        optionalSessionID(r.ResumedFrom),
		ResumedRecords:     r.ResumedRecords,
		RevertOf:           optionalSessionID(r.RevertOf),
		CancelledBy:        optional(r.CancelledBy),
		CancelReason:       optional(r.CancelReason),
		ErrorMessage:       optional(r.ErrorMessage),
		ErrorCode:          optional(r.ErrorCode),
		Outcome:            outcomeOf(r.Outcome),
		DeletesWithheld:    r.DeletesWithheld,
		Repaired:           r.Repaired,
		ReadWhole:          optional(r.ReadWhole),
		Certificates:       certificatesOf(r.Certificate),
		Options:            optionsOf(r.Options),
		Statement:          r.Statement,
	}
	for i, t := range r.Takeovers {
		out.Takeovers[i] = spec.Takeover{
			Worker: t.Worker, Fence: t.Fence, LastHeartbeatAt: inUTC(t.HeartbeatAt), At: t.At.UTC(), Batches: t.BatchSeq,
		}
	}
	return out
}
