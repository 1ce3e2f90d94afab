package api

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"

	"fullsync/api/spec"
	"fullsync/internal/catalog"
	"fullsync/internal/session"
	"fullsync/internal/syncer"
	"fullsync/internal/transfer"
)

// Receiver takes pushes; [syncer.Receiver] is one.
type Receiver interface {
	Open(ctx context.Context, o syncer.Opening, pushedBy string) (at syncer.Standing, opened bool, err error)
	At(ctx context.Context, id, pushedBy string) (syncer.Standing, error)
	Commit(ctx context.Context, id, pushedBy string, fence, seq int64, batch catalog.Batch, knownRejects int64) (syncer.Standing, error)
	Beat(ctx context.Context, id, pushedBy string, b syncer.Beat) (syncer.Standing, error)
	Propose(ctx context.Context, id, pushedBy string, p syncer.Proposal) (syncer.Decision, error)
	Deletes(ctx context.Context, id, pushedBy string, state session.DeleteState, after string, limit int) ([]string, error)
	Changes(ctx context.Context, pushedBy string, q session.ChangeQuery) ([]session.Change, error)
	Finish(ctx context.Context, id, pushedBy string, f syncer.Finish) (syncer.Standing, error)
	Cancel(ctx context.Context, id, pushedBy string, o *syncer.Opening, by syncer.Cancellation) (syncer.Standing, error)
}

// pushHandlers answer nodes that push into this one.
type pushHandlers struct{ receiver Receiver }

// OpenNodeSession opens an incoming session, or hands it over.
func (h *pushHandlers) OpenNodeSession(ctx context.Context, r spec.OpenNodeSessionRequestObject) (spec.OpenNodeSessionResponseObject, error) {
	b := r.Body
	id := b.SessionId.String()
	concerns(ctx, id)
	at, opened, err := h.receiver.Open(ctx, syncer.Opening{
		SessionID: id, NodeID: b.NodeId, Catalog: b.Catalog, StartedBy: foreign(b.StartedBy, maxName), StartedAt: valueOr(b.StartedAt, time.Time{}), Total: b.Total, Fence: b.Fence,
		Silence: time.Duration(valueOr(b.SilenceSeconds, 0)) * time.Second, ResumedFrom: idOr(b.ResumedFrom), PlanID: idOr(b.PlanId), Options: pushOptions(b.Options),
	}, caller(ctx))
	switch {
	case err != nil:
		return nil, err
	case opened:
		return spec.OpenNodeSession201JSONResponse(nodeSession(at)), nil
	}
	return spec.OpenNodeSession200JSONResponse(nodeSession(at)), nil
}

// maxName is how many characters are kept of a person's name from another node.
const maxName = 255

// pushOptions are the options of a push at its target.
func pushOptions(o spec.NodeSessionOptions) session.Options {
	return session.Options{
		BatchSize: valueOr(o.BatchSize, defaultLimit), MaxProductsPerSecond: valueOr(o.MaxProductsPerSecond, 0),
		VerifyAfterSync: valueOr(o.VerifyAfterSync, false), CompressionEnabled: valueOr(o.CompressionEnabled, false),
		ReadEverything: valueOr(o.ReadEverything, false), DeleteMissing: valueOr(o.DeleteMissing, false),
		MaxDeletes: valueOr(o.MaxDeletes, defaultMaxDeletes), MaxDeletePercent: valueOr(o.MaxDeletePercent, defaultMaxDeletePercent),
		TimeoutSeconds: valueOr(o.TimeoutSeconds, 0), ApprovedDeletes: idOr(o.ApprovedDeletes), DryRun: valueOr(o.DryRun, false),
	}
}

// idOr returns the text of an id, "" for nil.
func idOr(id *uuid.UUID) string {
	if id == nil {
		return ""
	}
	return id.String()
}

// GetNodeSession says where an incoming session is.
func (h *pushHandlers) GetNodeSession(ctx context.Context, r spec.GetNodeSessionRequestObject) (spec.GetNodeSessionResponseObject, error) {
	at, err := h.receiver.At(ctx, r.SessionId.String(), caller(ctx))
	if err != nil {
		return nil, err
	}
	return spec.GetNodeSession200JSONResponse(nodeSession(at)), nil
}

// PushNodeBatch commits a batch.
func (h *pushHandlers) PushNodeBatch(ctx context.Context, r spec.PushNodeBatchRequestObject) (spec.PushNodeBatchResponseObject, error) {
	concerns(ctx, r.SessionId.String())
	batch, err := readBatch(r.Body)
	if err != nil {
		return nil, err
	}
	p := r.Params
	if sent, ok := r.Body.(*linesBody); ok {
		batch.Bytes = sent.wire.N
	}
	batch.Skips = []catalog.Skip{{Count: valueOr(p.Skipped, 0)}}
	batch.Total, batch.Again = p.Total, valueOr(p.Again, false)
	batch.Cursor.After = valueOr(p.After, "")
	at, err := h.receiver.Commit(ctx, r.SessionId.String(), caller(ctx), p.Fence, p.Seq, batch, valueOr(p.KnownRejects, 0))
	if err != nil {
		return nil, err
	}
	return spec.PushNodeBatch200JSONResponse(nodeSession(at)), nil
}

// BeatNodeSession renews a lease.
func (h *pushHandlers) BeatNodeSession(ctx context.Context, r spec.BeatNodeSessionRequestObject) (spec.BeatNodeSessionResponseObject, error) {
	b := r.Body
	to := session.Progressed{Total: b.Total, Step: foreign(valueOr(b.Step, ""), maxStep), ReadWhole: foreign(valueOr(b.ReadWhole, ""), maxRejectReason)}
	if to.Phase = session.Phase(valueOr(b.Phase, "")); to.Phase != "" && to.Step == "" {
		return nil, invalidField("step", "is required with phase")
	}
	if b.Certificates != nil {
		to.Certificate = keptCertificates(*b.Certificates).String()
	}
	at, err := h.receiver.Beat(ctx, r.SessionId.String(), caller(ctx), syncer.Beat{Fence: b.Fence, Progressed: to})
	if err != nil {
		return nil, err
	}
	return spec.BeatNodeSession200JSONResponse(nodeSession(at)), nil
}

// maxStep is how many characters are kept of a step from another node.
const maxStep = 300

// keptCertificates is what a pusher says that its verification found.
func keptCertificates(c spec.Certificates) (kept session.Certificates) {
	one := func(c *spec.Certificate) *session.Certificate {
		if c == nil {
			return nil
		}
		return &session.Certificate{SHA256: foreign(c.Sha256, maxName), Products: c.Products}
	}
	return session.Certificates{Source: one(c.Source), Target: one(c.Target)}
}

// ProposeNodeDeletes takes proposals, and has the guard decide.
func (h *pushHandlers) ProposeNodeDeletes(ctx context.Context, r spec.ProposeNodeDeletesRequestObject) (spec.ProposeNodeDeletesResponseObject, error) {
	b := r.Body
	d, err := h.receiver.Propose(ctx, r.SessionId.String(), caller(ctx), syncer.Proposal{
		Fence: b.Fence, First: valueOr(b.First, false), IDs: valueOr(b.Ids, nil), SourceTotal: b.SourceTotal,
	})
	if err != nil {
		return nil, err
	}
	return spec.ProposeNodeDeletes200JSONResponse{Proposed: d.Proposed, Withheld: d.Withheld, Why: optional(d.Why)}, nil
}

// ListNodeDeletes lists what a push may delete, or what was withheld from it.
func (h *pushHandlers) ListNodeDeletes(ctx context.Context, r spec.ListNodeDeletesRequestObject) (spec.ListNodeDeletesResponseObject, error) {
	ids, err := h.receiver.Deletes(ctx, r.SessionId.String(), caller(ctx), session.DeleteState(r.Params.State),
		valueOr(r.Params.After, ""), valueOr(r.Params.Limit, defaultLimit))
	if err != nil {
		return nil, err
	}
	return spec.ListNodeDeletes200JSONResponse{Ids: ids}, nil
}

// ListNodeChanges lists what a push has changed here, or would change: a part of it where it is large.
func (h *pushHandlers) ListNodeChanges(ctx context.Context, r spec.ListNodeChangesRequestObject) (spec.ListNodeChangesResponseObject, error) {
	p := r.Params
	q := session.ChangeQuery{
		SessionID: r.SessionId.String(), Kind: session.ChangeKind(valueOr(p.Kind, "")), Text: valueOr(p.Q, ""), Limit: valueOr(p.Limit, defaultLimit),
	}
	if p.After != nil {
		var ok bool
		if q.After, ok = session.ParseChangePosition(*p.After); !ok {
			return nil, invalidField("after", "must be a batch, a slash and the id of a product")
		}
	}
	changes, err := h.receiver.Changes(ctx, caller(ctx), q)
	if err != nil {
		return nil, err
	}
	out := spec.ListNodeChanges200JSONResponse{Changes: []spec.Change{}, More: len(changes) == q.Limit}
	size := 0
	for i, c := range changes {
		if size > catalog.MaxBatchBytes {
			out.More = true
			break
		}
		out.Changes = append(out.Changes, changeOf(c))
		for _, f := range out.Changes[i].Fields {
			size += len(f.Field) + len(valueOr(f.Before, nil)) + len(valueOr(f.After, nil))
		}
	}
	return out, nil
}

// FinishNodeSession ends a push.
func (h *pushHandlers) FinishNodeSession(ctx context.Context, r spec.FinishNodeSessionRequestObject) (spec.FinishNodeSessionResponseObject, error) {
	b := r.Body
	concerns(ctx, r.SessionId.String())
	finish := syncer.Finish{Fence: valueOr(b.Fence, 0), Opening: neverHeardOf(b.Opening), SourceTotal: b.SourceTotal, Step: foreign(b.Step, maxStep)}
	if b.Failure != nil {
		finish.Code, finish.Message = b.Failure.Code, foreign(b.Failure.Message, maxFailure)
	}
	at, err := h.receiver.Finish(ctx, r.SessionId.String(), caller(ctx), finish)
	if err != nil {
		return nil, err
	}
	return spec.FinishNodeSession200JSONResponse(nodeSession(at)), nil
}

// neverHeardOf is what a push that may be unknown here was to be opened with.
func neverHeardOf(o *spec.NodeOpening) *syncer.Opening {
	if o == nil {
		return nil
	}
	return &syncer.Opening{NodeID: o.NodeId, Catalog: o.Catalog, Fence: o.Fence}
}

// maxFailure is how many characters are kept of what another node says about a failure.
const maxFailure = 2000

// CancelNodeSession takes the pusher's cancel.
func (h *pushHandlers) CancelNodeSession(ctx context.Context, r spec.CancelNodeSessionRequestObject) (spec.CancelNodeSessionResponseObject, error) {
	concerns(ctx, r.SessionId.String())
	by := syncer.Cancellation{
		By: foreign(r.Body.By, maxName), Reason: strings.TrimSpace(foreign(valueOr(r.Body.Reason, ""), maxRejectReason)), Revert: valueOr(r.Body.Revert, false),
	}
	at, err := h.receiver.Cancel(ctx, r.SessionId.String(), caller(ctx), neverHeardOf(r.Body.Opening), by)
	if err != nil {
		return nil, err
	}
	return spec.CancelNodeSession200JSONResponse(nodeSession(at)), nil
}

// nodeSession renders where a push is.
func nodeSession(at syncer.Standing) spec.NodeSession {
	out := spec.NodeSession{
		SessionId: sessionID(at.SessionID), Status: spec.SessionStatus(at.Status), Fence: at.Fence, Seq: at.Seq, After: at.After,
		LeaseSeconds: int(at.Lease.Seconds()), Created: at.Counts.Created, Updated: at.Counts.Updated, Unchanged: at.Counts.Unchanged,
		Deleted: at.Counts.Deleted, Rejected: at.Counts.Rejected, ResumedRecords: at.ResumedRecords, DeletesWithheld: at.DeletesWithheld,
		CancelledBy: optional(at.CancelledBy), Reason: optional(at.Reason), ErrorCode: optional(at.ErrorCode),
		RevertedBy: optionalSessionID(at.RevertedBy), NotReverted: optional(at.NotReverted), Mark: optional(at.Mark),
	}
	if at.DryRun {
		out.DryRun = &at.DryRun
	}
	if at.PlanID != "" {
		out.PlanId = optionalSessionID(at.PlanID)
	}
	if at.MaxPerSecond > 0 {
		out.MaxProductsPerSecond = &at.MaxPerSecond
	}
	if len(at.Rejects) > 0 {
		rejects := make([]spec.Reject, len(at.Rejects))
		for i, one := range at.Rejects {
			rejects[i] = rejectOf(one)
		}
		out.Rejects = &rejects
	}
	return out
}

// pushConflict renders why a request of a push was refused; ok is false for any other error.
func pushConflict(err error) (body spec.NodeConflict, ok bool) {
	var ended *syncer.EndedError
	var sequence *syncer.SequenceError
	switch {
	case errors.As(err, &ended):
		at := ended.Standing
		status := spec.SessionStatus(at.Status)
		return spec.NodeConflict{
			Error: "Sync session is finished", Code: "SESSION_FINISHED", Message: ended.Error(), Status: &status,
			CancelledBy: optional(at.CancelledBy), Reason: optional(at.Reason), ErrorCode: optional(at.ErrorCode),
		}, true
	case errors.As(err, &sequence):
		return spec.NodeConflict{Error: "Batch out of sequence", Code: "OUT_OF_SEQUENCE", Message: sequence.Error(), Seq: &sequence.Last}, true
	case errors.Is(err, transfer.ErrFenced):
		return spec.NodeConflict{
			Error: "Outdated worker", Code: "OUTDATED", Message: "Another worker has taken this session over. Nothing was written.",
		}, true
	}
	return body, false
}
