package node

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
	"github.com/klauspost/compress/zstd"

	"fullsync/api/spec"
	"fullsync/internal/catalog"
	"fullsync/internal/fault"
	"fullsync/internal/packing"
	"fullsync/internal/session"
	"fullsync/internal/syncer"
	"fullsync/internal/transfer"
)

const (
	// maxTargetAnswer bounds the answer to a request of a push, in bytes: 5,000 rejects with their reasons fit.
	maxTargetAnswer = 16 << 20
	// maxSentence is how many characters are kept of what a target says.
	maxSentence = 1000
	// batchWindow is how far back a compressed batch refers, in bytes.
	batchWindow = 1 << 20
)

var _ syncer.Target = (*Target)(nil)

// Target is a catalog of another node as the target of one push. It is safe for concurrent use.
type Target struct {
	*Source
	id       uuid.UUID
	compress *zstd.Encoder // nil where batches go uncompressed
}

// NewTarget returns the target of a session; nothing is sent yet. Errors are those of [New].
func NewTarget(o Options, sessionID string) (*Target, error) {
	src, err := New(o)
	if err != nil {
		return nil, err
	}
	id, err := uuid.Parse(sessionID)
	if err != nil {
		return nil, err
	}
	t := &Target{Source: src, id: id}
	if o.Compress {
		t.compress, err = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(batchWindow))
	}
	return t, err
}

// Open implements [syncer.Target]. Besides the errors of [Source.Read] it returns a [*syncer.BusyError], a [*syncer.EndedError] and
// [transfer.ErrFenced].
func (t *Target) Open(ctx context.Context, o syncer.Opening) (syncer.Standing, error) {
	who, err := t.whoIs(ctx, false)
	if err == nil {
		err = t.check(who)
	}
	if err != nil {
		return syncer.Standing{}, err
	}
	opt := o.Options
	silence := int((o.Silence + time.Second - 1).Seconds()) // rounded up
	body := spec.NodeSessionRequest{
		SessionId: t.id, NodeId: o.NodeID, Catalog: o.Catalog, StartedBy: o.StartedBy, StartedAt: &o.StartedAt, Total: o.Total, Fence: o.Fence,
		SilenceSeconds: &silence, ResumedFrom: optionalID(o.ResumedFrom), PlanId: optionalID(o.PlanID),
		Options: spec.NodeSessionOptions{
			BatchSize: &opt.BatchSize, MaxProductsPerSecond: &opt.MaxProductsPerSecond, VerifyAfterSync: &opt.VerifyAfterSync,
			CompressionEnabled: &opt.CompressionEnabled, ReadEverything: &opt.ReadEverything, DeleteMissing: &opt.DeleteMissing,
			MaxDeletes: &opt.MaxDeletes, MaxDeletePercent: &opt.MaxDeletePercent, TimeoutSeconds: &opt.TimeoutSeconds,
			ApprovedDeletes: optionalID(opt.ApprovedDeletes), DryRun: &opt.DryRun,
		},
	}
	at, err := t.standing(ctx, func(ctx context.Context, edit spec.RequestEditorFn) (*http.Response, error) {
		return t.api.OpenNodeSession(ctx, body, edit)
	})
	var ended *syncer.EndedError
	if errors.As(err, &ended) && ended.Standing.Status == session.Completed {
		// Whoever asks wants to know what became of it.
		at, err = t.standing(ctx, func(ctx context.Context, edit spec.RequestEditorFn) (*http.Response, error) {
			return t.api.GetNodeSession(ctx, t.id, edit)
		})
		if err == nil {
			err = at.Ended()
		}
	}
	return at, err
}

// Rehashed implements [transfer.Rehasher].
func (t *Target) Rehashed() transfer.Side { return &rehashed{source: t.Source, chains: true} }

// optionalID returns nil for the empty id.
func optionalID(id string) *uuid.UUID {
	parsed, err := uuid.Parse(id)
	if err != nil {
		return nil
	}
	return &parsed
}

// Commit implements [syncer.Target]. Besides the errors of [Target.Open] it returns a [*syncer.SequenceError].
func (t *Target) Commit(ctx context.Context, fence, seq int64, batch catalog.Batch, knownRejects int64) (at syncer.Standing, sent int64, err error) {
	body := appendBatch(nil, batch)
	coding := ""
	if t.compress != nil {
		body, coding = t.compress.EncodeAll(body, nil), "zstd"
	}
	params := &spec.PushNodeBatchParams{Seq: seq, Fence: fence, Total: batch.Total, KnownRejects: &knownRejects}
	if batch.Cursor.After != "" {
		params.After = &batch.Cursor.After
	}
	if skipped := batch.Skipped(); skipped > 0 {
		params.Skipped = &skipped
	}
	if batch.Again {
		params.Again = &batch.Again
	}
	at, err = t.standing(ctx, func(ctx context.Context, edit spec.RequestEditorFn) (*http.Response, error) {
		return t.api.PushNodeBatchWithBody(ctx, t.id, params, typeNDJSON, bytes.NewReader(body), edit, func(_ context.Context, req *http.Request) error {
			if coding != "" {
				req.Header.Set("Content-Encoding", coding)
			}
			return nil
		})
	})
	return at, int64(len(body)), ofPage(err, len(batch.Products))
}

// appendBatch appends the lines of a batch to dst.
func appendBatch(dst []byte, batch catalog.Batch) []byte {
	for i := range batch.Products {
		dst = append(batch.Products[i].AppendLine(dst), '\n')
	}
	for _, r := range batch.Rejects {
		dst = append((&catalog.UnreadableError{ID: r.ID, Reason: r.Reason}).AppendLine(dst), '\n')
	}
	for _, id := range batch.Deletes {
		dst, _ = jsontext.AppendQuote(append(dst, `{"delete":`...), id)
		dst = append(dst, "}\n"...)
	}
	dst = append(dst, `{"end":{"count":`...)
	count, _ := json.Marshal(len(batch.Products) + len(batch.Rejects) + len(batch.Deletes))
	return append(append(dst, count...), "}}\n"...)
}

// Beat implements [syncer.Target]. Errors are those of [Target.Open].
func (t *Target) Beat(ctx context.Context, b syncer.Beat) error {
	body := spec.NodeHeartbeat{Fence: b.Fence}
	if to := b.Progressed; to.Phase != "" {
		phase := spec.NodeHeartbeatPhase(to.Phase)
		body.Phase, body.Step, body.Total = &phase, &to.Step, to.Total
		if to.ReadWhole != "" {
			body.ReadWhole = &to.ReadWhole
		}
		if kept, ok := session.ParseCertificates(to.Certificate); ok {
			body.Certificates = &spec.Certificates{Source: certificateOf(kept.Source), Target: certificateOf(kept.Target)}
		}
	}
	_, err := t.standing(ctx, func(ctx context.Context, edit spec.RequestEditorFn) (*http.Response, error) {
		return t.api.BeatNodeSession(ctx, t.id, body, edit)
	})
	return err
}

func certificateOf(c *session.Certificate) *spec.Certificate {
	if c == nil {
		return nil
	}
	return &spec.Certificate{Sha256: c.SHA256, Products: c.Products}
}

// Propose implements [syncer.Target]. Errors are those of [Target.Open].
func (t *Target) Propose(ctx context.Context, p syncer.Proposal) (d syncer.Decision, err error) {
	body := spec.NodeProposal{Fence: p.Fence, First: &p.First, Ids: &p.IDs, SourceTotal: p.SourceTotal}
	if p.IDs == nil {
		body.Ids = nil
	}
	var out spec.NodeDecision
	err = t.ask(ctx, &out, func(ctx context.Context, edit spec.RequestEditorFn) (*http.Response, error) {
		return t.api.ProposeNodeDeletes(ctx, t.id, body, edit)
	})
	d = syncer.Decision{Proposed: out.Proposed, Withheld: out.Withheld}
	if out.Why != nil {
		d.Why = sentence(*out.Why)
	}
	return d, err
}

// Deletes implements [syncer.Target]. Errors are those of [Target.Open].
func (t *Target) Deletes(ctx context.Context, state session.DeleteState, after string, limit int) ([]string, error) {
	var out spec.NodeDeletes
	err := t.ask(ctx, &out, func(ctx context.Context, edit spec.RequestEditorFn) (*http.Response, error) {
		return t.api.ListNodeDeletes(ctx, t.id, &spec.ListNodeDeletesParams{
			State: spec.ListNodeDeletesParamsState(state), After: &after, Limit: &limit,
		}, edit)
	})
	if err != nil {
		return nil, err
	}
	last := after
	for _, id := range out.Ids {
		if id <= last || !catalog.IsID(id) || len(out.Ids) > limit {
			return nil, t.protocol("listed deletes in a way that makes no sense")
		}
		last = id
	}
	return out.Ids, nil
}

// Finish implements [syncer.Target]. Errors are those of [Target.Open].
func (t *Target) Finish(ctx context.Context, f syncer.Finish) (syncer.Standing, error) {
	body := spec.NodeFinish{SourceTotal: f.SourceTotal, Step: f.Step}
	if f.Opening != nil {
		body.Opening = openingOf(*f.Opening)
	}
	if f.Fence != 0 {
		body.Fence = &f.Fence
	}
	if f.Code != "" {
		body.Failure = &struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		}{f.Code, f.Message}
	}
	return t.standing(ctx, func(ctx context.Context, edit spec.RequestEditorFn) (*http.Response, error) {
		return t.api.FinishNodeSession(ctx, t.id, body, edit)
	})
}

// openingOf tells of an opening that may not have arrived.
func openingOf(o syncer.Opening) *spec.NodeOpening {
	return &spec.NodeOpening{NodeId: o.NodeID, Catalog: o.Catalog, Fence: o.Fence}
}

// Cancel implements [syncer.Target]. Besides NotFound it returns the errors of [Target.Open].
func (t *Target) Cancel(ctx context.Context, o syncer.Opening, by syncer.Cancellation) (syncer.Standing, error) {
	body := spec.NodeCancel{By: by.By, Opening: openingOf(o)}
	if by.Reason != "" {
		body.Reason = &by.Reason
	}
	if by.Revert {
		body.Revert = &by.Revert
	}
	return t.standing(ctx, func(ctx context.Context, edit spec.RequestEditorFn) (*http.Response, error) {
		return t.api.CancelNodeSession(ctx, t.id, body, edit)
	})
}

// standing sends a request that is answered with where the session is.
func (t *Target) standing(ctx context.Context, do send) (syncer.Standing, error) {
	var out spec.NodeSession
	if err := t.ask(ctx, &out, do); err != nil {
		return syncer.Standing{}, err
	}
	if out.SessionId != t.id || out.Seq < 0 || out.LeaseSeconds < 0 || len(out.After) > maxIDBytes ||
		min(out.Created, out.Updated, out.Unchanged, out.Deleted, out.Rejected, out.ResumedRecords, out.DeletesWithheld) < 0 {
		return syncer.Standing{}, t.protocol("says of a push what makes no sense")
	}
	at := syncer.Standing{
		SessionID: t.id.String(), Status: session.Status(out.Status), Fence: out.Fence, Seq: out.Seq, After: out.After,
		Lease: time.Duration(out.LeaseSeconds) * time.Second,
		Counts: session.Counts{
			Created: out.Created, Updated: out.Updated, Unchanged: out.Unchanged, Deleted: out.Deleted, Rejected: out.Rejected,
		},
		ResumedRecords: out.ResumedRecords, DeletesWithheld: out.DeletesWithheld,
		CancelledBy: optionalSentence(out.CancelledBy), Reason: optionalSentence(out.Reason), ErrorCode: optionalSentence(out.ErrorCode),
	}
	if out.RevertedBy != nil {
		at.RevertedBy = out.RevertedBy.String()
	}
	at.NotReverted = optionalSentence(out.NotReverted)
	at.DryRun = out.DryRun != nil && *out.DryRun
	if out.Mark != nil {
		at.Mark = *out.Mark
	}
	if out.PlanId != nil {
		at.PlanID = out.PlanId.String()
	}
	if out.MaxProductsPerSecond != nil {
		at.MaxPerSecond = max(0, *out.MaxProductsPerSecond)
	}
	if out.Rejects != nil {
		for _, r := range *out.Rejects {
			kept := session.Reject{Number: r.Number, Reason: sentence(r.Reason)}
			if r.ProductId != nil {
				kept.ProductID = sentence(*r.ProductId)
			}
			at.Rejects = append(at.Rejects, kept)
		}
	}
	return at, nil
}

// ask sends a request and reads its answer into out. It sends it once more where the peer has got another address or token meanwhile.
func (t *Target) ask(ctx context.Context, out any, do send) error {
	return t.following(ctx, func() error { return t.askOnce(ctx, out, do) })
}

func (t *Target) askOnce(ctx context.Context, out any, do send) error {
	within, stop := context.WithTimeoutCause(ctx, t.timeout, errTooSlow)
	defer stop()
	resp, err := do(within, func(_ context.Context, req *http.Request) error {
		req.Header.Set("Accept", typeJSON)
		req.Header.Set("Accept-Encoding", packing.Identity)
		return nil
	})
	if err != nil {
		return t.failed(ctx, within, err)
	}
	defer resp.Body.Close() //nolint:errcheck // what was read counts
	t.hear()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxTargetAnswer+1))
	if err != nil {
		return t.failed(ctx, within, err)
	}
	t.hear()
	t.overhead.Add(int64(len(raw)))
	if isWebPage(raw) && resp.StatusCode < http.StatusInternalServerError {
		return t.webPage()
	}
	switch resp.StatusCode {
	case http.StatusOK, http.StatusCreated:
		if len(raw) > maxTargetAnswer || json.Unmarshal(raw, out) != nil {
			return t.permanent(codeNotANode, "Peer %s did not answer as a fullsync node does; check its URL.", t.peerID)
		}
		return nil
	case http.StatusForbidden:
		return t.permanent(codeRefused, "Peer %s does not allow our token to push (403). Give the peer a token of the role node-push.", t.peerID)
	}
	return t.turnedDown(resp, raw)
}

// turnedDown is the error for an answer that is no success, by what it says.
func (t *Target) turnedDown(resp *http.Response, raw []byte) error {
	var said spec.NodeConflict
	if json.Unmarshal(raw, &said) != nil || said.Code == "" {
		return t.refused(resp)
	}
	message := sentence(said.Message)
	switch status := resp.StatusCode; {
	case status == http.StatusNotFound && said.Code == "SESSION_NOT_FOUND":
		return fault.New(fault.NotFound, said.Code, "Sync session not found", "Peer %s does not know this push.", t.peerID)
	case status == http.StatusNotFound && said.Code == session.CodeChangesNotKept:
		return fault.New(fault.NotFound, said.Code, "Changes not kept", "Peer %s does not keep the changes of this push any more.", t.peerID)
	case status == http.StatusNotFound:
		return t.permanent(codeNotANode, "Peer %s runs a version of fullsync that takes no pushes; bring it up to date.", t.peerID).Because(errNoRoute)
	case status == http.StatusConflict:
		return t.conflict(said, message)
	case said.Code == syncer.CodeLeaseEnded:
		return syncer.ErrLeaseEnded
	case status == http.StatusBadRequest, status == http.StatusRequestEntityTooLarge, status == http.StatusUnsupportedMediaType:
		return t.permanent(codeProtocol, "Peer %s refused a request of the push (%d): %s", t.peerID, status, message)
	}
	return t.refused(resp)
}

// conflict is the error for a 409.
func (t *Target) conflict(said spec.NodeConflict, message string) error {
	switch said.Code {
	case "SYNC_IN_PROGRESS":
		return &syncer.BusyError{Message: message}
	case "SESSION_FINISHED":
		at := syncer.Standing{SessionID: t.id.String(), Status: session.Failed, CancelledBy: optionalSentence(said.CancelledBy),
			Reason: optionalSentence(said.Reason), ErrorCode: optionalSentence(said.ErrorCode)}
		if said.Status != nil {
			at.Status = session.Status(*said.Status)
		}
		if at.Status.Active() {
			return t.protocol("says that a push has ended, and that it has not")
		}
		return &syncer.EndedError{Standing: at}
	case syncer.CodePlanStale:
		return fault.New(fault.Conflict, said.Code, "Plan is stale", "%s", message)
	case "OUTDATED":
		return transfer.ErrFenced
	case "OUT_OF_SEQUENCE":
		last := int64(0)
		if said.Seq != nil {
			last = *said.Seq
		}
		return &syncer.SequenceError{Last: last}
	}
	return fault.New(fault.Conflict, "PEER_"+shown(said.Code), "Peer refused the push", "Peer %s refused the push: %s", t.peerID, message)
}

// sentence makes what a target says fit to be shown.
func sentence(text string) string { return catalog.Shown(text, maxSentence) }

func optionalSentence(text *string) string {
	if text == nil {
		return ""
	}
	return sentence(*text)
}
