package syncer

import (
	"context"

	"fullsync/internal/session"
)

// sound looks at a run that has read its source to the end, before anything is verified or deleted on the source's word. It
// is the place for everything that makes such a run a failure.
func (w *Worker) sound(ctx context.Context, out *sink) error {
	refused, err := w.refusals(ctx, out)
	if err != nil {
		return err
	}
	from := out.row.SourceNodeID
	if out.row.Direction == session.Import {
		from = ""
	}
	return session.AllRefused(from, refused, out.row.Handled())
}

// complete ends the session as COMPLETED and says what was refused and withheld; a push at its target first. step says what was done.
func (w *Worker) complete(ctx context.Context, way *way, out *sink, step string, d session.Deletion) error {
	refused, err := w.refusals(ctx, out)
	if err != nil {
		return err
	}
	if err := w.fulfilled(ctx, out); err != nil {
		return err
	}
	if way.push != nil {
		var mark string
		err := out.persist(ctx, func() (err error) {
			mark, err = way.push.finish(ctx, out.row, step)
			return err
		})
		if err == nil {
			err = w.sawMark(ctx, out, mark)
		}
		if err != nil {
			return err
		}
	}
	end := session.Completion(step, refused, out.row.Handled()).With(d)
	if out.row.Options.DryRun {
		end = end.Planned(out.row.Counts)
	}
	end.Bytes = out.overhead()
	return w.finish(ctx, out, end)
}

// finish ends the session. The heartbeat that finds it ended does not interrupt what has just ended it: nobody would count the end.
func (w *Worker) finish(ctx context.Context, out *sink, end session.Ending) error {
	return out.persist(ctx, func() error {
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
		defer cancel()
		return w.ledger.FinishSession(bounded, out.claim(), end)
	})
}

// sawMark remembers the mark of a push's end before the push is COMPLETED here: without it nobody would notice at once that the target has lost it.
func (w *Worker) sawMark(ctx context.Context, out *sink, mark string) error {
	return out.persist(ctx, func() error { return w.peers.SawMark(ctx, out.row.PeerID, mark) })
}

// refusals asks the ledger only where there can be any.
func (w *Worker) refusals(ctx context.Context, out *sink) (refused session.Refusals, err error) {
	if out.row.Rejected == 0 && out.row.ResumedRecords == 0 {
		return refused, nil
	}
	err = out.persist(ctx, func() (err error) {
		refused, err = w.ledger.Refusals(ctx, out.row.ID)
		return err
	})
	// A push whose worker was lost before the target's answer came knows only how many that batch refused.
	refused.Count = max(refused.Count, out.row.Rejected)
	return refused, err
}
