package syncer

import (
	"context"
	"errors"

	"fullsync/internal/catalog"
	"fullsync/internal/fault"
	"fullsync/internal/peer"
	"fullsync/internal/session"
	"fullsync/internal/transfer"
)

// Ends connect a worker to the two ends of a session.
type Ends struct {
	Source OpenSource
	Target OpenTarget
	Local  OpenLocal
	// Input is nil where no imports are run.
	Input OpenInput
	// Drop deletes what is kept of the input of an import that has ended; nil where nothing is.
	Drop func(ctx context.Context, row session.Session)
}

// way is what a session reads and where it writes. A pull and a push differ only in which end is here.
type way struct {
	source transfer.Source
	// sourceID is who the source says it is, total how many products it has, or -1.
	sourceID string
	total    int64
	// from is the source where it can be compared, nil otherwise; to is the side that is written, and near the one of the two that is here.
	from     comparer
	to       rehashable
	near     transfer.Side
	products transfer.SpanReader
	// held lists what the written side holds.
	held transfer.Comparer
	// push is the other end of a push, nil for a pull.
	push *push
	// feed is the source of a pull from a feed, nil for every other session.
	feed *fetchedFeed
	// ended, if not nil, says that the session is COMPLETED at its target, and only this node does not know yet.
	ended *Standing
	close func()
}

// rehashable is the side that is written.
type rehashable interface {
	transfer.Side
	transfer.Rehasher
}

// reach makes the end of a session at its peer; nothing is sent yet.
func reach[T any](ctx context.Context, peers Peers, row session.Session, open func(peer.Target, session.Session) (T, error)) (end T, err error) {
	at, err := peers.Target(ctx, row.PeerID)
	if err != nil {
		return end, err
	}
	return open(at, row)
}

// connect is [reach] for a worker, which waits for trouble to pass.
func connect[T any](ctx context.Context, peers Peers, out *sink, open func(peer.Target, session.Session) (T, error)) (end T, err error) {
	err = out.persist(ctx, func() (err error) {
		end, err = reach(ctx, peers, *out.row, open)
		return err
	})
	return end, err
}

// meet connects to the other end of a session.
func (w *Worker) meet(ctx context.Context, out *sink, lease *lease) (*way, error) {
	switch {
	case out.row.Outgoing():
		return w.meetTarget(ctx, out, lease)
	case out.row.Direction == session.Import:
		return w.meetInput(ctx, out)
	}
	src, err := connect(ctx, w.peers, out, w.ends.Source)
	if err != nil {
		return nil, err
	}
	out.heard.listen(src)
	out.other, _ = src.(transfer.Metered)
	ours, err := w.written(ctx, out)
	if err != nil {
		_ = src.Close()
		return nil, err
	}
	way := &way{source: src, to: ours, near: ours, held: ours}
	way.from, _ = src.(comparer)
	way.products = way.from
	way.close = func() { _ = src.Close() } // nothing was written through it
	if f, ok := src.(Feed); ok {
		if err := w.fetch(ctx, f, way, out); err != nil {
			way.close()
			return nil, err
		}
		if way.feed.Unchanged {
			return way, nil
		}
	}
	desc, err := w.introduce(ctx, src, out)
	if err != nil {
		way.close()
		return nil, err
	}
	way.sourceID, way.total = desc.NodeID, desc.Total
	return way, nil
}

// written is this node's catalog as what a pull writes. Where that keeps fields, what came is compared, not what is shown.
func (w *Worker) written(ctx context.Context, out *sink) (LocalSide, error) {
	row := out.row
	if len(row.KeepFields) == 0 {
		return w.ends.Local(row.Catalog, false), nil
	}
	err := out.persist(ctx, func() error { return w.ledger.KeepOnly(ctx, out.claim(), row.Catalog, row.KeepFields) })
	return w.ends.Local(row.Catalog, true), err
}

// here is a catalog of this node as what a push reads.
type here struct {
	comparer
	ledger  Ledger
	catalog string
	nodeID  string
}

var _ transfer.Lister = here{}

// Describe implements [transfer.Source].
func (h here) Describe(ctx context.Context) (transfer.Description, error) {
	n, err := h.ledger.CountProducts(ctx, h.catalog)
	return transfer.Description{NodeID: h.nodeID, Total: n}, err
}

// Read implements [transfer.Source].
func (h here) Read(ctx context.Context, after string, limit int) (transfer.Page, error) {
	return h.ReadSpan(ctx, after, "", limit)
}

// Hashes implements [transfer.Comparer].
func (h here) Hashes(ctx context.Context, after string, limit int) (transfer.HashPage, error) {
	return h.ledger.Hashes(ctx, h.catalog, after, limit)
}

// Close does nothing: the node's own database stays open.
func (here) Close() error { return nil }

// gated is a catalog of this node of which only so many pushes read at the same time. A push that waits for its target does not
// hold up those that do not.
type gated struct {
	LocalSide
	gate chan struct{}
}

// through waits for its turn and reads.
func through[T any](ctx context.Context, g gated, read func() (T, error)) (out T, err error) {
	select {
	case g.gate <- struct{}{}:
		defer func() { <-g.gate }()
		return read()
	case <-ctx.Done():
		return out, context.Cause(ctx)
	}
}

// Spans implements [transfer.Side].
func (g gated) Spans(ctx context.Context, after, to string, every, limit int) (transfer.SpanPage, error) {
	return through(ctx, g, func() (transfer.SpanPage, error) { return g.LocalSide.Spans(ctx, after, to, every, limit) })
}

// Digests implements [transfer.Side].
func (g gated) Digests(ctx context.Context, after string, to []string) ([]catalog.Digest, error) {
	return through(ctx, g, func() ([]catalog.Digest, error) { return g.LocalSide.Digests(ctx, after, to) })
}

// Entries implements [transfer.Side].
func (g gated) Entries(ctx context.Context, of []catalog.Interval) ([]catalog.Entry, error) {
	return through(ctx, g, func() ([]catalog.Entry, error) { return g.LocalSide.Entries(ctx, of) })
}

// ReadSpan implements [transfer.SpanReader]. What is read here comes over no wire: a page weighs nothing.
func (g gated) ReadSpan(ctx context.Context, after, to string, limit int) (transfer.Page, error) {
	page, err := through(ctx, g, func() (transfer.Page, error) { return g.LocalSide.ReadSpan(ctx, after, to, limit) })
	page.Bytes = 0
	return page, err
}

// ReadProducts implements [transfer.SpanReader], and weighs nothing either.
func (g gated) ReadProducts(ctx context.Context, ids []string) (transfer.Page, error) {
	page, err := through(ctx, g, func() (transfer.Page, error) { return g.LocalSide.ReadProducts(ctx, ids) })
	page.Bytes = 0
	return page, err
}

// meetTarget opens the incoming session of a push, and brings the session here to where it is there.
func (w *Worker) meetTarget(ctx context.Context, out *sink, lease *lease) (*way, error) {
	row := out.row
	target, err := connect(ctx, w.peers, out, w.ends.Target)
	if err != nil {
		return nil, err
	}
	out.heard.listen(target)
	out.other = target
	ours := gated{w.ends.Local(row.Catalog, false), w.readers}
	src := here{ours, w.ledger, row.Catalog, w.cfg.NodeID}
	p := &push{ledger: w.ledger, target: target, lease: lease, size: transfer.NewSize(catalog.MaxBatchProducts)}
	way := &way{
		source: src, sourceID: w.cfg.NodeID, from: ours, to: target, near: ours, products: ours, held: target, push: p,
		close: func() { _ = target.Close() },
	}
	if err := w.openTarget(ctx, out, way); err != nil {
		p.giveUp(ctx, because(ctx, err))
		way.close()
		return nil, err
	}
	return way, nil
}

func (w *Worker) openTarget(ctx context.Context, out *sink, way *way) error {
	row, p := out.row, way.push
	desc, err := w.describe(ctx, way.source, out)
	if err != nil {
		return err
	}
	way.total = desc.Total
	var at Standing
	p.opening = Opening{
		SessionID: row.ID, NodeID: w.cfg.NodeID, Catalog: row.Catalog, StartedBy: row.StartedBy, StartedAt: row.StartedAt, Total: desc.Total, Fence: row.Fence,
		// A lost worker is noticed after StaleAfter; the rest is for the next one to begin.
		Silence: 2 * w.cfg.Limits.StaleAfter, ResumedFrom: row.ResumedFrom, PlanID: row.PlanID, Options: row.Options,
	}
	err = out.persist(ctx, func() (err error) {
		at, err = p.open(ctx)
		return err
	})
	var busy *BusyError
	var ended *EndedError
	switch {
	case errors.As(err, &ended) && ended.Standing.Status == session.Completed:
		way.ended = &ended.Standing
		return nil
	case errors.As(err, &busy):
		return fault.New(fault.Conflict, "TARGET_BUSY", "Target is busy", "Another sync writes catalog %s at %s just now. Start this one again when that has "+
			"ended. %s says: %s", row.Catalog, row.PeerID, row.PeerID, busy.Message)
	case err != nil:
		return err
	}
	out.troubles.answered(ctx)
	p.fence = at.Fence
	if row.Options.DryRun && !at.DryRun || row.PlanID != at.PlanID {
		return fault.New(fault.Impossible, "CANNOT_DRY_RUN", "Cannot make a dry run", "%s runs a version of fullsync that knows no dry runs of pushes. Nothing was written there. "+
			"Bring it up to date, or start a pull with dryRun there.", row.PeerID)
	}
	out.commits = p
	out.slowest = at.MaxPerSecond
	// The session's own fence is looked at here too: a worker that woke up late stops before it has sent anything.
	if err := out.persist(ctx, func() error { return p.follow(ctx, row, at, nil) }); err != nil {
		return err
	}
	p.lease.keep(ctx, p.target, p.fence)
	return nil
}

// LocalSide is a catalog of this node as one side of a comparison.
type LocalSide interface {
	transfer.Side
	transfer.Rehasher
	transfer.SpanReader
	transfer.Comparer
}

// OpenLocal returns one of this node's catalogs for comparing: what is shown of it, or the products as they came, of which some fields may have
// been kept as they are here.
type OpenLocal func(catalogName string, asCame bool) LocalSide
