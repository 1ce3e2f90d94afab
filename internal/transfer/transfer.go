// Package transfer is the heart of a full sync: the loop that moves a catalog from a [Source] to a [Sink], batch by
// batch, and the comparison that verifies the result. It knows neither HTTP nor databases.
package transfer

import (
	"context"
	"errors"
	"time"

	"golang.org/x/time/rate"

	"fullsync/internal/catalog"
)

// ErrFenced says that the claim under which a worker writes is no longer the session's: it was cancelled, taken over
// or has ended. The worker stops and writes nothing more.
var ErrFenced = errors.New("the session is no longer held by this worker")

// Sink is where batches are committed, under one claim.
type Sink interface {
	// Held returns ErrFenced when the session was cancelled or taken over: the look at the flag between batches.
	Held(ctx context.Context) error
	// Commit writes the batch and moves the cursor in one transaction, or returns ErrFenced and has written nothing.
	Commit(ctx context.Context, batch catalog.Batch) error
	// Waiting makes known what the worker waits for before it tries again, or with a zero Wait that the waiting is
	// over. It may be called while a Commit is under way.
	Waiting(ctx context.Context, wait Wait) error
}

// Options say where to begin and how fast to go.
type Options struct {
	// NodeID and Catalog name what is read; cursors are bound to them.
	NodeID, Catalog string
	// After is the last id that is already committed, "" at the beginning.
	After string
	// BatchSize is the largest number of products in one batch.
	BatchSize int
	// Grow lets batches become larger than that, up to 2,500 products, while they are quick and there is no limit per second.
	Grow bool
	// MaxPerSecond limits the products committed per second; 0 means no limit.
	MaxPerSecond int
	// Compare says which sides to compare, so that only what differs is read; nil reads everything.
	Compare *Comparison
	// Backoff says how trouble that may pass is waited out.
	Backoff Backoff
	// OnTotal, if not nil, is told with each page how many products the source says to have, nil where it does not say.
	// What it was told last holds for the end of the source. It is not called after Run has returned, nor at all where
	// the sides are compared: then the source is asked for its end before all is read.
	OnTotal func(total *int64)
	// OnDigests, if not nil, is told the digests of the whole source and of the whole target, as they were compared: those of all spans together. It is
	// called once, before Run returns nil, where the sides are compared from the beginning, and not at all otherwise.
	OnDigests func(source, target catalog.Digest)
}

// Run moves everything after opt.After from src to sink. It returns nil when the source was read to its end and
// every batch is committed, ErrFenced when the session is no longer ours, or what stopped it.
func Run(ctx context.Context, src Source, sink Sink, opt Options) error {
	commits := opt.commits(sink)
	next, end := opt.differences(ctx, src, sink, commits.limit)
	defer end()
	batches, stop := stage(ctx, next)
	defer stop()
	for {
		batch, more, err := take(ctx, batches)
		if err != nil || !more {
			return err
		}
		if err := commits.commit(ctx, batch); err != nil {
			return err
		}
	}
}

// commits commits batches one after the other, at the pace of the options.
type commits struct {
	sink    Sink
	backoff Backoff
	limit   int // products per batch
	pace    *rate.Limiter
}

func (opt Options) commits(sink Sink) commits {
	limit, pace := opt.pace()
	return commits{sink: sink, backoff: opt.Backoff, limit: limit, pace: pace}
}

// commit waits for the batch's turn, looks at the cancelled flag, and commits.
func (c commits) commit(ctx context.Context, batch catalog.Batch) error {
	if err := c.pace.WaitN(ctx, min(len(batch.Products)+len(batch.Deletes)+len(batch.Restores), c.limit)); err != nil {
		<-ctx.Done() // a turn that would come after the deadline of ctx is refused before that
		return context.Cause(ctx)
	}
	return c.backoff.Do(ctx, c.sink, func() error {
		if err := c.sink.Held(ctx); err != nil {
			return err
		}
		return c.sink.Commit(ctx, batch)
	})
}

// differences returns what makes the batches: only what differs where the sides are compared, everything otherwise.
func (opt Options) differences(ctx context.Context, src Source, sink Sink, limit int) (next func(context.Context) (catalog.Batch, bool, error), end func()) {
	try := func(ctx context.Context, question func() error) error { return opt.Backoff.Do(ctx, sink, question) }
	if opt.Compare == nil {
		return pages(src, opt, limit, try), func() {}
	}
	d := newDiffer(ctx, opt, limit, try)
	return func(ctx context.Context) (catalog.Batch, bool, error) {
		batch, more, err := d.next(ctx)
		batch.Total = d.window.total
		return batch, more, err
	}, d.close
}

// pace returns the batch limit and the limiter that keep to MaxPerSecond. Batches shrink to half a second's worth, so
// that a slow sync still moves visibly and can be cancelled between small steps.
func (opt Options) pace() (limit int, pace *rate.Limiter) {
	limit = max(1, min(opt.BatchSize, catalog.MaxBatchProducts))
	if opt.MaxPerSecond <= 0 {
		return limit, rate.NewLimiter(rate.Inf, limit)
	}
	limit = max(1, min(limit, opt.MaxPerSecond/2))
	return limit, rate.NewLimiter(rate.Limit(opt.MaxPerSecond), limit)
}

// pages reads everything behind opt.After, page by page.
func pages(src Source, opt Options, limit int, try try) func(context.Context) (catalog.Batch, bool, error) {
	after, more, growth := opt.After, true, opt.growth(limit)
	return func(ctx context.Context) (batch catalog.Batch, _ bool, err error) {
		for more {
			growth.next(time.Now())
			var page Page
			err := try(ctx, func() (err error) {
				page, err = src.Read(ctx, after, growth.now)
				return growth.Heard(err)
			})
			after, more = page.Next, page.More
			if err == nil && opt.OnTotal != nil {
				opt.OnTotal(page.Total)
			}
			if err != nil || len(page.Products)+len(page.Rejects)+len(page.Restores) > 0 {
				return catalog.Batch{
					Products: page.Products, Rejects: page.Rejects, Restores: page.Restores, Bytes: page.Bytes, Total: page.Total,
					Cursor: opt.cursor(page.Next),
				}, true, err
			}
		}
		return batch, false, nil
	}
}

// cursor makes the position after an id.
func (opt Options) cursor(after string) catalog.Cursor {
	return catalog.Cursor{NodeID: opt.NodeID, Catalog: opt.Catalog, After: after}
}
