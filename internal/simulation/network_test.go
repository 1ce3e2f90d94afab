package simulation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"fullsync/internal/catalog"
	"fullsync/internal/fault"
	"fullsync/internal/session"
	"fullsync/internal/syncer"
	"fullsync/internal/transfer"
)

// patience is how long a caller waits for an answer.
const patience = 3 * time.Second

// link is one node as a process of another sees it over the network: a source to pull from, and a target to push to.
type link struct {
	from *process
	to   *node
	id   string
	// opened is the fence that the worker at this end has.
	opened int64
}

// sender is the key under which a request's context holds the fence that its worker has at the pusher.
type sender struct{}

var (
	_ syncer.Target   = (*link)(nil)
	_ transfer.Lister = (*link)(nil)
)

// trouble is an error of the network.
func trouble(what string) error {
	return &transfer.TransientError{Err: fault.New(fault.Unavailable, "PEER_UNREACHABLE", "Network", "%s", what)}
}

// call sends a request. By the seed it is slow, lost before it arrives or after it took effect, delivered twice, or delivered after its caller has given up.
func call[T any](ctx context.Context, l *link, name string, serve func(ctx context.Context, at *process) (T, error)) (out T, err error) {
	if ctx, err = l.from.pass(ctx); err != nil {
		return out, err
	}
	w := l.from.node.world
	fate := w.fate(l.from.node.id + " to " + l.to.id + ": " + name)
	type result struct {
		out T
		err error
	}
	answered := make(chan result, 2)
	later := context.WithoutCancel(ctx)
	deliver := func(after time.Duration, pick int) {
		w.background.Go(func() {
			w.sleep(after)
			r := result{err: trouble("connection refused")}
			if at := l.to.living(w.fate(fmt.Sprint(name, pick))); at != nil && !w.over() && !w.isCut(l.from.node, l.to) {
				r.out, r.err = serve(later, at)
				r.err = wired(r.err)
			}
			if w.isCut(l.from.node, l.to) {
				r = result{err: trouble("connection cut")}
			}
			answered <- r
		})
	}
	quick := time.Duration(fate.IntN(30)) * time.Millisecond
	slow := time.Duration(fate.IntN(8000)) * time.Millisecond
	var loses bool
	kind := fate.IntN(100)
	switch {
	case w.calm():
		kind = 99
	case name == "open" && fate.IntN(6) == 0: // it may arrive after the end
		kind = 16
		slow = max(slow, patience)
		w.cancelSoon(fate, l.from.node, l.id)
	}
	switch {
	case kind < 4: // lost on the way there
		w.tell("%s: %s is lost", l.from.name, name)
		answered <- result{err: trouble("connection reset")}
	case kind < 9: // its answer is lost
		w.tell("%s: the answer to %s is lost", l.from.name, name)
		loses = true
		deliver(quick, 1)
	case kind < 13:
		w.tell("%s: %s is delivered twice", l.from.name, name)
		deliver(quick, 1)
		if fate.IntN(2) == 0 {
			slow = quick
		}
		deliver(slow, 2)
	case kind < 17:
		w.tell("%s: %s takes %s", l.from.name, name, slow)
		deliver(slow, 1)
	default:
		deliver(quick, 1)
	}
	waited, stop := context.WithTimeout(ctx, patience)
	defer stop()
	select {
	case r := <-answered:
		out, err = r.out, r.err
		if loses {
			var none T
			out, err = none, trouble("connection reset")
		}
	case <-waited.Done():
		if err = ctx.Err(); err == nil {
			err = trouble("no answer in time")
		}
	case <-w.ended:
		err = errGone
	}
	if _, gone := l.from.pass(ctx); gone != nil {
		return out, gone
	}
	return out, err
}

// wired is an error as the caller gets it.
func wired(err error) error {
	var running *syncer.RunningError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &running):
		return &syncer.BusyError{Message: running.Error()}
	case errors.Is(err, syncer.ErrLeaseEnded):
		return syncer.ErrLeaseEnded
	case fault.KindOf(err) == fault.Unavailable, errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled), errors.Is(err, errGone):
		return trouble(err.Error())
	}
	return err
}

func (l *link) Open(ctx context.Context, o syncer.Opening) (syncer.Standing, error) {
	l.opened = o.Fence
	return call(ctx, l, "open", func(ctx context.Context, at *process) (syncer.Standing, error) {
		s, _, err := at.receiver.Open(ctx, o, l.from.node.id)
		return s, err
	})
}

func (l *link) Commit(ctx context.Context, fence, seq int64, batch catalog.Batch, known int64) (syncer.Standing, int64, error) {
	w := l.to.world
	if held, _, err := l.to.db.GetSession(ctx, l.id); err == nil {
		l.from.ambushed(l.to, held)
	}
	w.noteSent(l.id, seq)
	ctx = context.WithValue(ctx, sender{}, l.opened)
	s, err := call(ctx, l, fmt.Sprint("batch ", seq), func(ctx context.Context, at *process) (syncer.Standing, error) {
		batch := batch
		batch.Products, batch.Rejects = slices.Clone(batch.Products), slices.Clone(batch.Rejects)
		standing, err := at.receiver.Commit(ctx, l.id, l.from.node.id, fence, seq, batch, known)
		if fate := w.fate("forger"); !w.calm() && fate.IntN(12) == 0 {
			w.forge(fate, l.to, l.id)
		}
		return standing, err
	})
	return s, 100, err
}

func (l *link) Beat(ctx context.Context, b syncer.Beat) error {
	_, err := call(ctx, l, "beat", func(ctx context.Context, at *process) (syncer.Standing, error) {
		return at.receiver.Beat(ctx, l.id, l.from.node.id, b)
	})
	return err
}

func (l *link) Propose(ctx context.Context, p syncer.Proposal) (syncer.Decision, error) {
	return call(ctx, l, "propose", func(ctx context.Context, at *process) (syncer.Decision, error) {
		return at.receiver.Propose(ctx, l.id, l.from.node.id, p)
	})
}

func (l *link) Deletes(ctx context.Context, state session.DeleteState, after string, limit int) ([]string, error) {
	return call(ctx, l, "deletes", func(ctx context.Context, at *process) ([]string, error) {
		return at.receiver.Deletes(ctx, l.id, l.from.node.id, state, after, limit)
	})
}

func (l *link) Changes(ctx context.Context, q session.ChangeQuery) (changes []session.Change, more bool, err error) {
	changes, err = call(ctx, l, "changes", func(ctx context.Context, at *process) ([]session.Change, error) {
		return at.receiver.Changes(ctx, l.from.node.id, q)
	})
	return changes, len(changes) == q.Limit, err
}

func (l *link) Finish(ctx context.Context, f syncer.Finish) (syncer.Standing, error) {
	at, err := call(ctx, l, "finish "+f.Code, func(ctx context.Context, at *process) (syncer.Standing, error) {
		return at.receiver.Finish(ctx, l.id, l.from.node.id, f)
	})
	if err == nil {
		l.to.world.holdTo(l.to, l.id, everything)
	}
	return at, err
}

func (l *link) Cancel(ctx context.Context, o syncer.Opening, by syncer.Cancellation) (syncer.Standing, error) {
	return call(ctx, l, "cancel", func(ctx context.Context, at *process) (syncer.Standing, error) {
		return at.receiver.Cancel(ctx, l.id, l.from.node.id, &o, by)
	})
}

func (l *link) Describe(ctx context.Context) (transfer.Description, error) {
	return call(ctx, l, "describe", func(ctx context.Context, _ *process) (transfer.Description, error) {
		n, err := l.to.db.CountProducts(ctx, catalogName)
		return transfer.Description{NodeID: l.to.id, Total: n}, err
	})
}

func (l *link) Read(ctx context.Context, after string, limit int) (transfer.Page, error) {
	return l.ReadSpan(ctx, after, "", limit)
}

func (l *link) Hashes(ctx context.Context, after string, limit int) (transfer.HashPage, error) {
	return call(ctx, l, "hashes", func(ctx context.Context, _ *process) (transfer.HashPage, error) {
		return l.to.db.Hashes(ctx, catalogName, after, limit)
	})
}

func (l *link) Spans(ctx context.Context, after, through string, every, limit int) (transfer.SpanPage, error) {
	return call(ctx, l, "spans", func(ctx context.Context, _ *process) (transfer.SpanPage, error) {
		return l.to.db.Side(catalogName).Spans(ctx, after, through, every, limit)
	})
}

func (l *link) Digests(ctx context.Context, after string, through []string) ([]catalog.Digest, error) {
	return call(ctx, l, "digests", func(ctx context.Context, _ *process) ([]catalog.Digest, error) {
		return l.to.db.Side(catalogName).Digests(ctx, after, through)
	})
}

func (l *link) Entries(ctx context.Context, of []catalog.Interval) ([]catalog.Entry, error) {
	return call(ctx, l, "entries", func(ctx context.Context, _ *process) ([]catalog.Entry, error) {
		return l.to.db.Side(catalogName).Entries(ctx, of)
	})
}

func (l *link) ReadSpan(ctx context.Context, after, through string, limit int) (transfer.Page, error) {
	return call(ctx, l, "read", func(ctx context.Context, _ *process) (transfer.Page, error) {
		return l.to.db.Side(catalogName).ReadSpan(ctx, after, through, limit)
	})
}

func (l *link) ReadProducts(ctx context.Context, ids []string) (transfer.Page, error) {
	return call(ctx, l, "read products", func(ctx context.Context, _ *process) (transfer.Page, error) {
		return l.to.db.Side(catalogName).ReadProducts(ctx, ids)
	})
}

// Rehashed implements [transfer.Rehasher]: here every stored hash is right.
func (l *link) Rehashed() transfer.Side { return l }

func (l *link) LastSign() time.Time { return time.Now() }
func (l *link) Overhead() int64     { return 0 }
func (l *link) Close() error        { return nil }
