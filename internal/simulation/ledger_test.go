package simulation

import (
	"context"
	"time"

	"fullsync/internal/catalog"
	"fullsync/internal/fault"
	"fullsync/internal/session"
	"fullsync/internal/store"
	"fullsync/internal/syncer"
	"fullsync/internal/transfer"
)

// ledger is a database as one process sees it.
type ledger struct {
	*store.Store
	process *process
}

// reach makes a call to the database.
func reach[T any](ctx context.Context, l *ledger, do func(ctx context.Context) (T, error)) (out T, err error) {
	if ctx, err = l.process.pass(ctx); err != nil {
		return out, err
	}
	if err = l.process.node.answers(); err != nil {
		return out, err
	}
	out, err = do(ctx)
	if _, gone := l.process.pass(ctx); gone != nil {
		return out, gone
	}
	if away := l.process.node.answers(); away != nil {
		err = away
	}
	return out, err
}

// answers returns Unavailable while the database is away.
func (n *node) answers() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.away {
		return fault.New(fault.Unavailable, fault.CodeDatabaseUnavailable, "Database away", "The database of %s does not answer.", n.id)
	}
	return nil
}

func write(ctx context.Context, l *ledger, do func(ctx context.Context) error) error {
	_, err := reach(ctx, l, func(ctx context.Context) (struct{}, error) { return struct{}{}, do(ctx) })
	return err
}

func (l *ledger) ClaimSession(ctx context.Context, id string, fence int64, worker string) (row session.Session, ok bool, err error) {
	err = write(ctx, l, func(ctx context.Context) (err error) {
		row, ok, err = l.Store.ClaimSession(ctx, id, fence, worker)
		return err
	})
	return row, ok, err
}

func (l *ledger) Heartbeat(ctx context.Context, c session.Claim, pulse session.Pulse) error {
	return write(ctx, l, func(ctx context.Context) error { return l.Store.Heartbeat(ctx, c, pulse) })
}

func (l *ledger) Held(ctx context.Context, c session.Claim) error {
	return write(ctx, l, func(ctx context.Context) error { return l.Store.Held(ctx, c) })
}

func (l *ledger) Advance(ctx context.Context, c session.Claim, to session.Progressed) error {
	return write(ctx, l, func(ctx context.Context) error { return l.Store.Advance(ctx, c, to) })
}

func (l *ledger) Waiting(ctx context.Context, c session.Claim, wait transfer.Wait, then session.Phase) error {
	return write(ctx, l, func(ctx context.Context) error { return l.Store.Waiting(ctx, c, wait, then) })
}

func (l *ledger) CommitBatch(ctx context.Context, s *session.Session, batch catalog.Batch) error {
	l.process.ambushed(l.process.node, *s)
	row := *s
	err := write(ctx, l, func(ctx context.Context) error {
		err := l.Store.CommitBatch(ctx, &row, batch)
		if err == nil {
			l.process.node.committed(row)
			if by, pushed := ctx.Value(sender{}).(int64); pushed && by != row.PusherFence {
				l.process.node.world.wrong("%s took batch %d from the worker with fence %d, and the one with %d has it", row.ID, row.BatchSeq, by, row.PusherFence)
			}
		}
		return err
	})
	if err == nil {
		*s = row
	}
	return err
}

func (l *ledger) FinishSession(ctx context.Context, c session.Claim, end session.Ending) error {
	return write(ctx, l, func(ctx context.Context) error { return l.Store.FinishSession(ctx, c, end) })
}

func (l *ledger) ReleaseSession(ctx context.Context, c session.Claim, enqueue syncer.Enqueue) error {
	return write(ctx, l, func(ctx context.Context) error { return l.Store.ReleaseSession(ctx, c, enqueue) })
}

func (l *ledger) FollowTarget(ctx context.Context, next session.Session, rejects []session.Reject, committed bool) error {
	if before := next; committed {
		before.BatchSeq--
		l.process.ambushed(l.process.node, before)
	}
	return write(ctx, l, func(ctx context.Context) error { return l.Store.FollowTarget(ctx, next, rejects, committed) })
}

func (l *ledger) CancelClaimed(ctx context.Context, c session.Claim, by syncer.Cancellation) error {
	return write(ctx, l, func(ctx context.Context) error { return l.Store.CancelClaimed(ctx, c, by) })
}

func (l *ledger) OpenIncoming(ctx context.Context, row session.Session, end session.Ending) (bool, error) {
	return reach(ctx, l, func(ctx context.Context) (bool, error) { return l.Store.OpenIncoming(ctx, row, end) })
}

func (l *ledger) ReopenIncoming(ctx context.Context, id string, fence int64, lease time.Duration) error {
	return write(ctx, l, func(ctx context.Context) error { return l.Store.ReopenIncoming(ctx, id, fence, lease) })
}

func (l *ledger) AllowDeletes(ctx context.Context, c session.Claim, count int64) error {
	return write(ctx, l, func(ctx context.Context) error { return l.Store.AllowDeletes(ctx, c, count) })
}

func (l *ledger) CancelSession(ctx context.Context, id string, by syncer.Cancellation) (bool, error) {
	return reach(ctx, l, func(ctx context.Context) (bool, error) { return l.Store.CancelSession(ctx, id, by) })
}

func (l *ledger) CancelAndRevert(ctx context.Context, id string, by syncer.Cancellation, how syncer.Reverting) (bool, error) {
	return reach(ctx, l, func(ctx context.Context) (bool, error) { return l.Store.CancelAndRevert(ctx, id, by, how) })
}

func (l *ledger) StaleSessions(ctx context.Context, after time.Duration) (syncer.Stale, error) {
	return reach(ctx, l, func(ctx context.Context) (syncer.Stale, error) { return l.Store.StaleSessions(ctx, after) })
}

func (l *ledger) WaitingSessions(ctx context.Context, than time.Duration) ([]session.Session, error) {
	return reach(ctx, l, func(ctx context.Context) ([]session.Session, error) { return l.Store.WaitingSessions(ctx, than) })
}

func (l *ledger) TakeOver(ctx context.Context, seen session.Session, enqueue syncer.Enqueue) error {
	return write(ctx, l, func(ctx context.Context) error { return l.Store.TakeOver(ctx, seen, enqueue) })
}

func (l *ledger) FailLost(ctx context.Context, seen session.Session, end session.Ending) error {
	return write(ctx, l, func(ctx context.Context) error { return l.Store.FailLost(ctx, seen, end) })
}

func (l *ledger) Unconfirmed(ctx context.Context, within time.Duration) ([]session.Session, error) {
	return reach(ctx, l, func(ctx context.Context) ([]session.Session, error) { return l.Store.Unconfirmed(ctx, within) })
}

// ConfirmTarget says that the target of a push has confirmed its cancel: from then on nothing of it may happen there, not even that it is opened.
func (l *ledger) ConfirmTarget(ctx context.Context, id string, said syncer.Confirmation) error {
	w := l.process.node.world
	if row, _, err := l.Store.GetSession(ctx, id); err == nil {
		w.holdTo(w.node(row.TargetNodeID), id, everything)
	}
	return write(ctx, l, func(ctx context.Context) error { return l.Store.ConfirmTarget(ctx, id, said) })
}

func (l *ledger) BuryIncoming(ctx context.Context, row session.Session) error {
	return write(ctx, l, func(ctx context.Context) error { return l.Store.BuryIncoming(ctx, row) })
}
