package syncer

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"fullsync/internal/catalog"
	"fullsync/internal/fault"
	"fullsync/internal/plural"
	"fullsync/internal/session"
	"fullsync/internal/transfer"
)

// Outgoing is what a push needs from the database of the node that pushes. Every write is guarded like a [Ledger]'s.
type Outgoing interface {
	// CountProducts counts the products of a catalog.
	CountProducts(ctx context.Context, catalogName string) (int64, error)
	// FollowTarget writes down where the session is by its target, with what was refused there. committed says that a batch was.
	FollowTarget(ctx context.Context, next session.Session, rejects []session.Reject, committed bool) error
	// NoteDeletes notes what the target has decided about products.
	NoteDeletes(ctx context.Context, c session.Claim, state session.DeleteState, ids []string) error
	// CancelClaimed ends the session as cancelled, as it was at its target.
	CancelClaimed(ctx context.Context, c session.Claim, by Cancellation) error
}

// push commits to the incoming session at the target, and follows it in the session here.
type push struct {
	ledger  Ledger
	target  Target
	opening Opening
	// fence is that of the incoming session, 0 until the target has told it. Where unsure, the session may be open there all the same.
	fence  int64
	unsure bool
	lease  *lease
	// size is how many products are sent at once, and rest what is left to send of the batch in hand.
	size *transfer.Size
	rest *catalog.Batch
}

// open opens the incoming session.
func (p *push) open(ctx context.Context) (at Standing, err error) {
	at, err = p.target.Open(ctx, p.opening)
	var busy *BusyError
	p.unsure = p.unsure || err != nil && !errors.As(err, &busy)
	return at, err
}

// CommitBatch sends the next batch, in parts where the target does not take it in time. After an error the same batch comes again.
func (p *push) CommitBatch(ctx context.Context, row *session.Session, batch catalog.Batch) error {
	if p.rest == nil {
		p.rest = &batch
	}
	p.rest.Bytes = batch.Bytes
	for p.rest.Divides(after(row)) && len(p.rest.Products) > p.size.Now() {
		part := p.rest.First(p.size.Now())
		if err := p.commit(ctx, row, part); err != nil {
			return err
		}
		// An earlier try of a larger part may have landed, whose answer was lost.
		*p.rest = p.rest.Behind(max(part.Cursor.After, after(row)))
		if after(row) >= batch.Cursor.After {
			p.rest = nil
			return nil
		}
	}
	err := p.commit(ctx, row, *p.rest)
	if err == nil {
		p.rest = nil
	}
	return err
}

// commit sends one request with a batch. One whose answer was lost is sent again, and the target does not write it twice.
func (p *push) commit(ctx context.Context, row *session.Session, batch catalog.Batch) error {
	at, sent, err := p.target.Commit(ctx, p.fence, row.BatchSeq+1, batch, row.Rejected)
	if p.size.HeardOf(len(batch.Products), err) != nil {
		return outOfStep(err, row)
	}
	batch.Bytes += sent
	return p.follow(ctx, row, at, &batch)
}

// outOfStep says what it means that the target has committed other batches than this node knows of.
func outOfStep(err error, row *session.Session) error {
	var sequence *SequenceError
	if !errors.As(err, &sequence) {
		return err
	}
	return fault.New(fault.Conflict, "TARGET_OUT_OF_STEP", "Target is out of step",
		"%s has committed %s of this sync, and this node knows of %d. One of the two databases was restored while the sync ran, as it seems. Start the push again.",
		row.PeerID, plural.Of(sequence.Last, "batch"), row.BatchSeq)
}

// follow brings the session here to where it is at the target; batch is what was just committed, nil where nothing was.
func (p *push) follow(ctx context.Context, row *session.Session, at Standing, batch *catalog.Batch) error {
	if err := at.Ended(); err != nil {
		return err
	}
	next := p.at(*row, at)
	if batch != nil {
		next.TransferredBytes += batch.Bytes
		if batch.Total != nil {
			next.ExpectTotal(max(*batch.Total, next.Handled()))
		}
		if n := len(batch.Products); n > 0 && !batch.Again {
			next.FirstKey = cmp.Or(next.FirstKey, batch.Products[0].ID)
			next.LastKey = batch.Products[n-1].ID
		}
	}
	next.Progress = session.Progress(next.Progress, next.Handled(), next.TotalRecords)
	if err := p.ledger.FollowTarget(ctx, next, at.Rejects, batch != nil); err != nil {
		return err
	}
	*row = next
	return nil
}

// at returns row as its target says that it is.
func (p *push) at(row session.Session, at Standing) session.Session {
	row.BatchSeq, row.ResumedRecords, row.LeaseSeconds = at.Seq, at.ResumedRecords, int(at.Lease.Seconds())
	row.Cursor = ""
	if at.After != "" {
		row.Cursor = catalog.Cursor{NodeID: p.opening.NodeID, Catalog: row.Catalog, After: at.After}.String()
	}
	if row.Options.DryRun {
		row.ChangesThrough = at.Seq // the target lists them
	}
	bytes, repaired := row.TransferredBytes, row.Repaired
	row.Counts = at.Counts
	row.TransferredBytes, row.Repaired = bytes, repaired
	row.TransferredRecords = row.Counts.Transferred()
	return row
}

// tell tells the target what the push does now.
func (p *push) tell(ctx context.Context, to session.Progressed) error {
	return p.target.Beat(ctx, Beat{Fence: p.fence, Progressed: to})
}

// finish ends the session at the target, and returns a mark of that.
func (p *push) finish(ctx context.Context, row *session.Session, step string) (mark string, err error) {
	total := min(expected(row), row.Handled())
	at, err := p.target.Finish(ctx, Finish{Fence: p.fence, SourceTotal: &total, Step: step})
	var ended *EndedError
	if errors.As(err, &ended) && ended.Standing.Status == session.Completed {
		return ended.Standing.Mark, nil
	}
	return at.Mark, err
}

// tellPatience is how long telling the target of an end may take, before it is left to its lease or to a later try.
const tellPatience = 2 * time.Second

// giveUp tells the target that the push has failed, so that its catalog is free at once. What ended there, or goes on elsewhere, is left alone.
func (p *push) giveUp(ctx context.Context, err error) {
	var ended *EndedError
	if err == nil || p.fence == 0 && !p.unsure || errors.As(err, &ended) || errors.Is(err, transfer.ErrFenced) || handsBack(err) ||
		errors.Is(err, ErrAborted) {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tellPatience)
	defer cancel()
	end := session.Failure(err)
	f := Finish{Fence: p.fence, Step: end.Step, Code: end.Code, Message: end.Message}
	if p.fence == 0 {
		f.Opening = &p.opening
	}
	_, _ = p.target.Finish(ctx, f) // in vain, the target's lease runs out
}

// targetEnded is the failure of a push whose session has failed at its target.
func targetEnded(peerID string, at Standing) error {
	if at.ErrorCode == CodePusherLost {
		return fault.New(fault.Unavailable, CodePusherLost, "Lease lost", "%s has given this sync up, because it heard nothing from this node for %.0f s. "+
			"Resume the sync, and it goes on from where it was there.", peerID, at.Lease.Seconds())
	}
	return fault.New(fault.Conflict, cmp.Or(at.ErrorCode, "TARGET_FAILED"), "Target ended the sync", "%s ended the sync: %s", peerID, cmp.Or(at.Reason, string(at.Status)))
}

// lease renews the lease of an incoming session each time the session's own heartbeat was written: a worker that others may think
// dead here does not keep its session alive there.
type lease struct {
	beat chan struct{}
	lost context.CancelCauseFunc
	each time.Duration
	done sync.WaitGroup
}

func newLease(cfg Config, lost context.CancelCauseFunc) *lease {
	return &lease{beat: make(chan struct{}, 1), lost: lost, each: cfg.Limits.StaleAfter / 3}
}

// renew has the lease renewed, without waiting for it.
func (l *lease) renew() {
	select {
	case l.beat <- struct{}{}:
	default:
	}
}

// keep renews the lease until ctx ends, or the session has ended at its target.
func (l *lease) keep(ctx context.Context, target Target, fence int64) {
	l.done.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-l.beat:
			}
			bounded, cancel := context.WithTimeout(ctx, l.each)
			err := target.Beat(bounded, Beat{Fence: fence})
			cancel()
			var ended *EndedError
			switch {
			case errors.As(err, &ended) && ended.Standing.Status == session.Completed:
				return // this worker has just finished it
			case errors.As(err, &ended), errors.Is(err, transfer.ErrFenced), errors.Is(err, ErrLeaseEnded):
				l.lost(err)
				return
			}
		}
	})
}

// decidesThere is the [decider] of a push: the target decides, and finds products of this node only. What it withholds is noted here too, so that it
// can be looked at and approved here.
type decidesThere struct {
	*push
	out *sink
}

// ask sends a proposal, after a look at the cancelled flag.
func (t *decidesThere) ask(ctx context.Context, p Proposal) (d Decision, err error) {
	p.Fence = t.fence
	err = t.out.persist(ctx, func() error {
		if err := t.out.Held(ctx); err != nil {
			return err
		}
		d, err = t.target.Propose(ctx, p)
		return err
	})
	return d, err
}

func (t *decidesThere) forget(ctx context.Context) error {
	if err := t.out.persist(ctx, func() error { return t.ledger.ForgetProposals(ctx, t.out.claim()) }); err != nil {
		return err
	}
	_, err := t.ask(ctx, Proposal{First: true})
	return err
}

func (t *decidesThere) propose(ctx context.Context, missing []catalog.Entry) error {
	ids := make([]string, len(missing))
	for i, e := range missing {
		ids[i] = e.ID
	}
	return t.approve(ctx, ids)
}

// approve is propose: the target knows whether the session was opened with an approval.
func (t *decidesThere) approve(ctx context.Context, ids []string) error {
	for part := range slices.Chunk(ids, catalog.MaxBatchProducts) {
		if _, err := t.ask(ctx, Proposal{IDs: part}); err != nil {
			return err
		}
	}
	return nil
}

func (t *decidesThere) decide(ctx context.Context, atSource int64) (proposed int64, d session.Deletion, err error) {
	decision, err := t.ask(ctx, Proposal{SourceTotal: &atSource})
	if err != nil || decision.Withheld == 0 {
		return decision.Proposed, d, err
	}
	return 0, session.Deletion{Withheld: decision.Withheld, Why: decision.Why}, t.note(ctx, session.DeleteWithheld)
}

func (t *decidesThere) planned(ctx context.Context) error { return t.note(ctx, session.DeleteDone) }

// note notes here what the target has decided.
func (t *decidesThere) note(ctx context.Context, state session.DeleteState) error {
	for after := ""; ; {
		ids, err := t.list(ctx, state, after, deleteStep)
		if err != nil || len(ids) == 0 {
			return err
		}
		if err := t.out.persist(ctx, func() error { return t.ledger.NoteDeletes(ctx, t.out.claim(), state, ids) }); err != nil {
			return err
		}
		after = ids[len(ids)-1]
	}
}

func (t *decidesThere) next(ctx context.Context, limit int) ([]string, error) {
	return t.list(ctx, session.DeleteProposed, "", limit)
}

func (t *decidesThere) list(ctx context.Context, state session.DeleteState, after string, limit int) (ids []string, err error) {
	err = t.out.persist(ctx, func() (err error) {
		ids, err = t.target.Deletes(ctx, state, after, limit)
		return err
	})
	return ids, err
}

// completed ends a push that an earlier worker has finished at the target, and died before it could write that down here.
func (w *Worker) completed(ctx context.Context, way *way, out *sink) error {
	at := *way.ended
	next := way.push.at(*out.row, at)
	if err := out.persist(ctx, func() error { return w.ledger.FollowTarget(ctx, next, nil, false) }); err != nil {
		return err
	}
	*out.row = next
	if err := w.sawMark(ctx, out, at.Mark); err != nil {
		return err
	}
	way.push = nil
	step := deletedToo("Transferred "+plural.Of(next.TransferredRecords, "product"), next.Deleted)
	if next.Options.DryRun {
		step = session.PlannedStep(next.Counts)
	}
	return w.complete(ctx, way, out, step, session.Deletion{Withheld: at.DeletesWithheld, Why: "its guard withheld them"})
}
