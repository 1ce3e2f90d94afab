package app

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"fullsync/internal/catalog"
	"fullsync/internal/metrics"
	"fullsync/internal/session"
	"fullsync/internal/store"
	"fullsync/internal/syncer"
	"fullsync/internal/telemetry"
	"fullsync/internal/transfer"
)

// measured is the store of a node whose metrics learn what is written about sessions.
type measured struct {
	*store.Store
	metrics *metrics.Metrics
}

// CreateSession implements [syncer.Sessions].
func (m measured) CreateSession(ctx context.Context, s session.Session, how syncer.Creation) (syncer.Created, error) {
	out, err := m.Store.CreateSession(ctx, s, how)
	if err == nil && out.OK {
		m.metrics.Started(out.Session)
		if out.Replaced != nil {
			replaced := *out.Replaced // as it was found
			replaced.Status = session.Cancelled
			m.metrics.Ended(replaced)
		}
	}
	return out, err
}

// CancelAndRevert implements [syncer.Reverts].
func (m measured) CancelAndRevert(ctx context.Context, id string, by syncer.Cancellation, how syncer.Reverting) (bool, error) {
	var begun *session.Session
	row := how.Row
	how.Row = func(old session.Session) session.Session {
		next := row(old)
		begun = &next
		return next
	}
	ok, err := m.Store.CancelAndRevert(ctx, id, by, how)
	if err == nil && begun != nil {
		m.metrics.Started(*begun)
	}
	return ok, err
}

// OpenIncoming implements [syncer.Incoming].
func (m measured) OpenIncoming(ctx context.Context, row session.Session, supersede session.Ending) (bool, error) {
	opened, err := m.Store.OpenIncoming(ctx, row, supersede)
	if err == nil && opened {
		m.metrics.Started(row)
	}
	return opened, err
}

// ClaimSession implements [syncer.Ledger].
func (m measured) ClaimSession(ctx context.Context, id string, fence int64, worker string) (session.Session, bool, error) {
	s, ok, err := m.Store.ClaimSession(ctx, id, fence, worker)
	if err == nil && ok {
		m.metrics.Claimed(s)
	}
	return s, ok, err
}

// CommitBatch implements [syncer.Ledger].
func (m measured) CommitBatch(ctx context.Context, s *session.Session, batch catalog.Batch) error {
	began, before := time.Now(), s.Counts
	ctx, end := telemetry.Span(ctx, "commit batch", attribute.Int("products", len(batch.Products)), attribute.Int("deletes", len(batch.Deletes)))
	err := m.Store.CommitBatch(ctx, s, batch)
	end(err)
	if !errors.Is(err, transfer.ErrFenced) { // which is how a cancel shows, and no failure
		m.metrics.Batch(s, time.Since(began), before, s.Counts, err)
	}
	return err
}

// FinishSession implements [syncer.Ledger].
func (m measured) FinishSession(ctx context.Context, c session.Claim, end session.Ending) error {
	return m.ended(ctx, c.SessionID, end.Bytes, m.Store.FinishSession(ctx, c, end))
}

// FinishIncoming implements [syncer.Incoming].
func (m measured) FinishIncoming(ctx context.Context, c session.Claim, end session.Ending) error {
	return m.ended(ctx, c.SessionID, end.Bytes, m.Store.FinishIncoming(ctx, c, end))
}

// CancelClaimed implements [syncer.Outgoing].
func (m measured) CancelClaimed(ctx context.Context, c session.Claim, by syncer.Cancellation) error {
	return m.ended(ctx, c.SessionID, 0, m.Store.CancelClaimed(ctx, c, by))
}

// FailLost implements [syncer.Lost].
func (m measured) FailLost(ctx context.Context, seen session.Session, end session.Ending) error {
	return m.ended(ctx, seen.ID, end.Bytes, m.Store.FailLost(ctx, seen, end))
}

// TakeOver implements [syncer.Lost].
func (m measured) TakeOver(ctx context.Context, seen session.Session, enqueue syncer.Enqueue) error {
	err := m.Store.TakeOver(ctx, seen, enqueue)
	if err == nil {
		m.metrics.TakenOver()
	}
	return err
}

// countPatience is how long a session that has ended is looked for to be counted.
const countPatience = 5 * time.Second

// ended counts the end of a session, and the bytes since its last batch, unless err says that it was not written.
func (m measured) ended(ctx context.Context, id string, bytes int64, err error) error {
	if err != nil {
		return err
	}
	// The worker's context may end together with its session.
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), countPatience)
	defer stop()
	if s, _, err := m.GetSession(ctx, id); err == nil { // otherwise it ended all the same
		m.metrics.Bytes(s, bytes)
		m.metrics.Ended(s)
	}
	return nil
}

// measuredSyncs counts cancels by their answers, which costs a cancel nothing.
type measuredSyncs struct {
	*syncer.Service
	metrics *metrics.Metrics
}

// Cancel is [syncer.Service.Cancel], timed.
func (m measuredSyncs) Cancel(ctx context.Context, id string, by syncer.Cancellation) (syncer.Cancelled, error) {
	began := time.Now()
	out, err := m.Service.Cancel(ctx, id, by)
	if err == nil && !out.Already {
		m.metrics.Cancelled(out.Session.Session, time.Since(began))
	}
	return out, err
}

// CancelStuck is [syncer.Service.CancelStuck], timed.
func (m measuredSyncs) CancelStuck(ctx context.Context, req syncer.StuckRequest) ([]syncer.Stuck, error) {
	found, err := m.Service.CancelStuck(ctx, req)
	for _, s := range found {
		if s.Cancelled {
			s.Session.Status = session.Cancelled // it is as it was found
			m.metrics.Ended(s.Session.Session)
		}
	}
	return found, err
}

// measuredIncoming is the store for pushes into this node, which only their pushers cancel there.
type measuredIncoming struct{ measured }

// CancelSession implements [syncer.Incoming].
func (m measuredIncoming) CancelSession(ctx context.Context, id string, by syncer.Cancellation) (bool, error) {
	ok, err := m.Store.CancelSession(ctx, id, by)
	if ok {
		err = m.ended(ctx, id, 0, err)
	}
	return ok, err
}

// CancelAndRevert implements [syncer.Reverts].
func (m measuredIncoming) CancelAndRevert(ctx context.Context, id string, by syncer.Cancellation, how syncer.Reverting) (bool, error) {
	ok, err := m.measured.CancelAndRevert(ctx, id, by, how)
	if ok {
		err = m.ended(ctx, id, 0, err)
	}
	return ok, err
}

// measuredTarget counts what the target of a push commits.
type measuredTarget struct {
	syncer.Target
	metrics *metrics.Metrics
	session session.Session
	known   session.Counts
}

// Commit implements [syncer.Target].
func (m *measuredTarget) Commit(ctx context.Context, fence, seq int64, batch catalog.Batch, knownRejects int64) (syncer.Standing, int64, error) {
	began := time.Now()
	at, sent, err := m.Target.Commit(ctx, fence, seq, batch, knownRejects)
	after := at.Counts
	after.TransferredBytes = m.known.TransferredBytes + batch.Bytes + sent
	m.metrics.Batch(&m.session, time.Since(began), m.known, after, err)
	if err == nil {
		m.known = after
	}
	return at, sent, err
}

// measuredSide measures how long this node's database takes to compare.
type measuredSide struct {
	*store.Side
	metrics *metrics.Metrics
}

// Spans implements [transfer.Side].
func (m measuredSide) Spans(ctx context.Context, after, through string, every, limit int) (transfer.SpanPage, error) {
	defer m.metrics.Digest("spans", time.Now())
	return m.Side.Spans(ctx, after, through, every, limit)
}

// Digests implements [transfer.Side].
func (m measuredSide) Digests(ctx context.Context, after string, through []string) ([]catalog.Digest, error) {
	defer m.metrics.Digest("digests", time.Now())
	return m.Side.Digests(ctx, after, through)
}

// Entries implements [transfer.Side].
func (m measuredSide) Entries(ctx context.Context, of []catalog.Interval) ([]catalog.Entry, error) {
	defer m.metrics.Digest("entries", time.Now())
	return m.Side.Entries(ctx, of)
}
