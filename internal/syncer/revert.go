package syncer

import (
	"context"
	"fmt"
	"math"

	"github.com/google/uuid"

	"fullsync/internal/catalog"
	"fullsync/internal/fault"
	"fullsync/internal/session"
	"fullsync/internal/transfer"
)

// Reverts is what beginning a revert needs from the database, besides [Sessions].
type Reverts interface {
	// HasChanges says whether a session has changed any product, as far as that is kept.
	HasChanges(ctx context.Context, id string) (bool, error)
	// CancelAndRevert is CancelSession, and in the same transaction begins the revert of what the session has changed, if it has changed
	// anything and this is known. The revert is then its RevertedBy. Of a push out of this node it notes that the target is to do so. A session
	// that was cancelled before, without a revert, gets one now; an [*OccupiedError] says that another one writes its catalog by now.
	CancelAndRevert(ctx context.Context, id string, by Cancellation, how Reverting) (ok bool, err error)
}

// Reverting says how a revert comes into being.
type Reverting struct {
	// Row returns the revert of a session that has ended.
	Row     func(old session.Session) session.Session
	Enqueue Enqueue
}

// reverting returns how reverts begin that this person asked for.
func (c Config) reverting(q Queue, by string) Reverting {
	return Reverting{Row: func(old session.Session) session.Session { return c.revertOf(old, by) }, Enqueue: q.Enqueue}
}

// revertOf returns a new session that puts back what old changed.
func (c Config) revertOf(old session.Session, by string) session.Session {
	changes := old.Created + old.Updated + old.Deleted
	return c.accounted(session.Session{
		ID: uuid.NewString(), Catalog: old.Catalog, Direction: session.Revert, RevertOf: old.ID,
		SourceNodeID: c.NodeID, TargetNodeID: c.NodeID, Method: session.MethodHTTP,
		Options: session.Options{BatchSize: c.BatchSize, GrowBatches: c.GrowBatches, TimeoutSeconds: int(c.SessionTimeout.Seconds())},
		Status:  session.Preparing, Phase: session.PhaseQueued, CurrentStep: "Preparing to put back what session " + old.ID + " changed",
		StartedBy: by, TotalRecords: &changes,
	})
}

// RevertRequest asks to put back what a session changed.
type RevertRequest struct {
	SessionID string
	// IfRunning, By and Key are those of a [StartRequest].
	IfRunning IfRunning
	By        string
	Key       *StartKey
}

// Revert begins a session that puts back what another one changed here. It returns NotFound for an unknown session and where nobody knows
// any more what it changed, Conflict for one that cannot be put back, Impossible for a key that was used with another request, and
// [*RunningError] when the catalog already has an active session and the request says fail.
func (s *Service) Revert(ctx context.Context, req RevertRequest) (Started, error) {
	if started, ok, err := s.repeated(ctx, req.Key); ok || err != nil {
		return started, err
	}
	old, _, err := s.sessions.GetSession(ctx, req.SessionID)
	if err == nil {
		err = old.MayRevert()
	}
	if err != nil {
		return Started{}, err
	}
	changed, err := s.sessions.HasChanges(ctx, old.ID)
	if err == nil && !changed {
		err = session.NothingToRevert()
	}
	if err != nil {
		return Started{}, err
	}
	return s.begin(ctx, StartRequest{Catalog: old.Catalog, IfRunning: req.IfRunning, By: req.By, Key: req.Key}, s.cfg.revertOf(old, req.By))
}

// revert puts back what another session changed, newest change first, from the cursor on.
func (w *Worker) revert(ctx context.Context, out *sink) error {
	row := out.row
	opt, err := w.options(row, row.RevertOf)
	if err != nil {
		return err
	}
	to := session.Progressed{Phase: session.PhaseTransferring, Total: row.TotalRecords, Step: session.RevertingStep(*row.TotalRecords)}
	if row.Status == session.Preparing {
		to.Status = session.Transferring
	}
	if err := out.advance(ctx, to); err != nil {
		return err
	}
	switch err := transfer.Run(ctx, undo{w.ledger, row.RevertOf}, out, opt); {
	case fault.CodeOf(err) == session.CodeChangesNotKept:
		return row.RestForgotten()
	case err != nil:
		return err
	}
	if handled := row.Handled(); handled != *row.TotalRecords { // the session changed some products twice
		if err := out.advance(ctx, session.Progressed{Phase: session.PhaseTransferring, Total: &handled, Step: session.RevertingStep(handled)}); err != nil {
			return err
		}
	}
	left, err := w.refusals(ctx, out)
	if err != nil {
		return err
	}
	return w.finish(ctx, out, row.Reverted(left))
}

// undo is the changes of a session as what a revert reads: newest first, so that a product that was changed twice becomes what it was
// before both.
type undo struct {
	ledger  Ledger
	session string
}

// Describe implements [transfer.Source].
func (u undo) Describe(context.Context) (transfer.Description, error) {
	return transfer.Description{NodeID: u.session, Total: -1}, nil
}

// Read implements [transfer.Source].
func (u undo) Read(ctx context.Context, after string, limit int) (page transfer.Page, err error) {
	before := session.ChangePosition{Batch: math.MaxInt64} // behind the last change
	if after != "" {
		var ok bool
		if before, ok = session.ParseChangePosition(after); !ok {
			return page, fmt.Errorf("the cursor %q is no place among changes", after)
		}
	}
	changes, err := u.ledger.ChangesBefore(ctx, u.session, before, limit)
	seen := make(map[string]bool, len(changes))
	for _, c := range changes {
		if seen[c.ProductID] { // one product is put back once in a batch
			break
		}
		seen[c.ProductID] = true
		page.Next, page.More = c.ChangePosition.String(), true
		r := catalog.Restore{ID: c.ProductID, Before: c.Before, After: c.HashAfter}
		if r.Before != nil {
			hash, refused := r.Before.Rehash()
			if refused != nil {
				page.Rejects = append(page.Rejects, catalog.Reject{ID: r.ID, Reason: "it cannot be put back: " + refused.Reason})
				continue
			}
			r.Before.Hash = hash
		}
		page.Restores = append(page.Restores, r)
	}
	return page, err
}

// Close does nothing: the node's own database stays open.
func (undo) Close() error { return nil }
