package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"fullsync/internal/catalog"
	"fullsync/internal/fault"
	"fullsync/internal/session"
	"fullsync/internal/syncer"
	"fullsync/internal/transfer"
)

// fenced selects the row of a claim while it holds: right fence, still active.
func fenced(db *gorm.DB, c session.Claim) *gorm.DB {
	return db.Model(&session.Session{}).
		Where("id = ? AND fence = ? AND status IN ?", c.SessionID, c.Fence, session.ActiveStatuses())
}

// guarded runs one UPDATE under a claim; a claim that no longer holds is ErrFenced.
func (s *Store) guarded(db *gorm.DB, values map[string]any) error {
	done := db.Updates(values)
	if done.Error == nil && done.RowsAffected == 0 {
		return transfer.ErrFenced
	}
	return s.translate(done.Error)
}

// ClaimSession implements [syncer.Ledger].
func (s *Store) ClaimSession(ctx context.Context, id string, fence int64, worker string) (row session.Session, ok bool, err error) {
	c := session.Claim{SessionID: id, Fence: fence}
	err = s.inTx(ctx, s.db, func(tx *gorm.DB) error {
		// Locked, so that the time the worker before has worked is that of its very last commit.
		var before session.Session
		err := fenced(s.forUpdate(tx), c).Take(&before).Error
		if errors.Is(err, gorm.ErrRecordNotFound) {
			return transfer.ErrFenced
		}
		if err != nil {
			return err
		}
		values := s.claimed(&before)
		values["worker"], values["phase"] = worker, session.PhaseConnecting
		if err = s.guarded(fenced(tx, c), values); err != nil {
			return err
		}
		return tx.Where("id = ?", id).Take(&row).Error
	})
	if errors.Is(err, transfer.ErrFenced) {
		return row, false, nil
	}
	return row, err == nil, err
}

// raised is what whoever takes a session from a worker with that fence, or gives it away, writes: a higher fence, by a version that knows pushes and
// kept fields, and nothing that is waited for.
func raised(fence int64) map[string]any {
	return map[string]any{"fence": fence + 1, "push_fence": fence + 1, "keep_fence": fence + 1, "import_fence": fence + 1, "feed_fence": fence + 1, "waiting_for": "", "waiting_until": nil}
}

// queued is what makes a session wait for its next worker, whose fence is above that one.
func queued(fence int64) map[string]any {
	values := raised(fence)
	values["worker"], values["phase"] = "", session.PhaseQueued
	return values
}

// claimed is what every claim writes, of a row that is locked.
func (s *Store) claimed(before *session.Session) map[string]any {
	values := raised(before.Fence)
	values["marks_fence"], values["attempts"] = before.Fence+1, gorm.Expr("attempts + 1")
	values["last_heartbeat_at"], values["claimed_at"], values["worked_before_ms"] = s.dbNow(), s.dbNow(), before.Worked().Milliseconds()
	values["keep_fields"] = gorm.Expr(keptByClaim)
	s.mark(values, "mark_", before)
	s.mark(values, "next_mark_", before)
	return values
}

// Heartbeat implements [syncer.Ledger].
func (s *Store) Heartbeat(ctx context.Context, c session.Claim, pulse session.Pulse) error {
	values := map[string]any{"last_heartbeat_at": s.dbNow()}
	s.heard(values, pulse)
	return s.withRoom(func() error {
		return s.guarded(fenced(s.db.WithContext(ctx), c), values)
	})
}

// Held implements [syncer.Ledger].
func (s *Store) Held(ctx context.Context, c session.Claim) error {
	var n int64
	err := fenced(s.show.WithContext(ctx), c).Count(&n).Error
	if err == nil && n == 0 {
		return transfer.ErrFenced
	}
	return s.translate(err)
}

// Advance implements [syncer.Ledger]. A session that is in the state already was moved there by an earlier try of this claim
// whose reply was lost.
func (s *Store) Advance(ctx context.Context, c session.Claim, to session.Progressed) error {
	values := map[string]any{"phase": to.Phase, "current_step": to.Step}
	if to.Total != nil {
		values["total_records"] = *to.Total
	}
	if to.ReadWhole != "" {
		values["read_whole"] = to.ReadWhole
	}
	if to.Certificate != "" {
		values["certificate"] = to.Certificate
	}
	if to.PlanChecked {
		values["plan_checked"] = true
	}
	if to.SourceState != "" && to.TargetState != "" {
		values["source_state"], values["target_state"] = to.SourceState, to.TargetState
	}
	if to.FeedState != "" {
		values["feed_state"] = to.FeedState
	}
	if to.Anew {
		values["cursor"], values["resumed_records"] = "", 0
	}
	if to.Repaired > 0 {
		values["repaired_records"] = gorm.Expr("repaired_records + ?", to.Repaired)
	}
	row := fenced(s.db.WithContext(ctx), c)
	if to.Status != "" {
		values["status"] = to.Status
		row = row.Where("status IN ?", append(session.Before(to.Status), to.Status))
	}
	return s.guarded(row, values)
}

// Waiting implements [syncer.Ledger].
func (s *Store) Waiting(ctx context.Context, c session.Claim, wait transfer.Wait, then session.Phase) error {
	return s.roomyTx(ctx, func(tx *gorm.DB) error {
		values := map[string]any{"waiting_for": wait.Reason, "waiting_until": nil, "phase": then}
		if wait.For > 0 {
			now, err := s.now(tx)
			if err != nil {
				return err
			}
			values["waiting_until"] = s.timeParam(now.Add(wait.For))
			values["retries"] = gorm.Expr("retries + 1")
			values["phase"] = session.PhaseRetrying
			if wait.Throttled {
				values["phase"] = session.PhaseThrottled
			}
		}
		return s.guarded(fenced(tx, c), values)
	})
}

// CommitBatch implements [syncer.Ledger]. It is the fence itself: one transaction writes the products first, and last moves
// the session's cursor, counters and batch number, if the claim still holds and the previous batch is the one this
// worker knows of. Otherwise everything is rolled back.
func (s *Store) CommitBatch(ctx context.Context, row *session.Session, batch catalog.Batch) error {
	w := upsert{catalog: row.Catalog, origin: row.SourceNodeID, products: batch.Products, record: recordingOf(row)}
	if len(row.KeepFields) == 0 && !batch.Held { // kept fields are compared in the transaction
		if err := s.prepare(ctx, &w); err != nil {
			return s.translate(err)
		}
	}
	var next session.Session
	var err error
	for range overtakenTries {
		if next, err = s.commitOnce(ctx, row, w, batch); !errors.Is(err, errOvertaken) {
			break
		}
	}
	if err == nil {
		*row = next
		return nil
	}
	return s.settleCommit(ctx, row, s.translate(err))
}

// overtakenTries is how often a batch is tried at once when others write the same products in the same moment.
const overtakenTries = 3

// commitOnce is the transaction of CommitBatch. It returns row as it is after the batch.
func (s *Store) commitOnce(ctx context.Context, row *session.Session, w upsert, batch catalog.Batch) (next session.Session, err error) {
	err = s.batchTx(ctx, func(tx *gorm.DB, conn *sql.Conn) error {
		n, refused, err := s.writeBatch(tx, conn, row, w, batch)
		if err != nil {
			return err
		}
		batch.Rejects = append(slices.Clip(batch.Rejects), refused...)
		if err := s.keepRejects(tx, row, batch.Rejects); err != nil {
			return err
		}
		next = advanced(*row, n, batch)
		return s.moveCursor(tx, &next)
	})
	return next, err
}

// writeBatch writes, deletes or puts back the products of a batch, or writes down that a dry run would.
func (s *Store) writeBatch(tx *gorm.DB, conn *sql.Conn, row *session.Session, w upsert, batch catalog.Batch) (n upserted, refused []catalog.Reject, err error) {
	switch {
	case len(batch.Restores) > 0:
		return s.restore(tx, row, w.record, batch.Restores)
	case row.Options.DryRun:
		plan := s.planningOf(row)
		if n, refused, err = s.planBatch(tx, conn, w, row.KeepFields, plan); err == nil {
			n.deleted, err = s.planRemoval(tx, row, plan, batch.Deletes)
		}
		return n, refused, err
	}
	if n, refused, err = s.upsertBatch(tx, conn, w, row.KeepFields); err == nil {
		n.deleted, err = s.remove(tx, row, w.record, batch.Deletes)
	}
	if err == nil {
		err = s.asPlanned(tx, row)
	}
	return n, refused, err
}

// advanced returns row as it is after a batch.
func advanced(row session.Session, n upserted, batch catalog.Batch) session.Session {
	if row.KeepsChanges() {
		row.ChangesThrough++
	}
	row.BatchSeq++
	if batch.Cursor != (catalog.Cursor{}) {
		row.Cursor = batch.Cursor.String()
	}
	if !batch.Again {
		row.Created += n.created
		row.Updated += n.updated
		row.Unchanged += n.unchanged + batch.Skipped()
	}
	row.Rejected += int64(len(batch.Rejects))
	row.Deleted += n.deleted
	row.TransferredBytes += batch.Bytes
	row.TransferredRecords = row.Counts.Transferred()
	if batch.Total != nil {
		// The source may have lost products that were read before.
		row.ExpectTotal(max(*batch.Total, row.Handled()))
	}
	row.Progress = session.Progress(row.Progress, row.Handled(), row.TotalRecords)
	if n := len(batch.Products); n > 0 && !batch.Again {
		if row.FirstKey == "" {
			row.FirstKey = strings.Clone(batch.Products[0].ID) // the product's strings share its memory
		}
		row.LastKey = strings.Clone(batch.Products[n-1].ID)
	}
	if n := len(batch.Restores); n > 0 {
		row.FirstKey, row.LastKey = cmp.Or(row.FirstKey, batch.Restores[0].ID), batch.Restores[n-1].ID
	}
	return row
}

// moveCursor writes what a batch changed in its session, last in the batch's transaction. The heartbeat belongs to it: a
// commit is a sign of life.
func (s *Store) moveCursor(tx *gorm.DB, next *session.Session) error {
	c := session.Claim{SessionID: next.ID, Fence: next.Fence}
	held := fenced(tx, c).Where("batch_seq = ? AND status IN ?", next.BatchSeq-1, session.Stored(session.Transferring))
	if next.Incoming {
		// A process that was frozen with a batch in hand writes nothing once the lease has run out, even if nobody has ended the session yet.
		held = held.Where("last_heartbeat_at >= " + s.agoSQL(next.Lease()))
	}
	return s.guarded(held, s.progressed(next))
}

// progressed is what a batch changes in its session.
func (s *Store) progressed(next *session.Session) map[string]any {
	values := map[string]any{
		"batch_seq": next.BatchSeq, "cursor": next.Cursor, "progress": next.Progress,
		"created_records": next.Created, "updated_records": next.Updated, "unchanged_records": next.Unchanged,
		"deleted_records": next.Deleted, "rejected_records": next.Rejected, "transferred_records": next.TransferredRecords,
		"transferred_bytes": next.TransferredBytes, "first_key": next.FirstKey, "last_key": next.LastKey,
		"total_records": next.TotalRecords, "current_step": next.CurrentStep, "changes_through": next.ChangesThrough,
		"last_commit_at": s.dbNow(), "last_heartbeat_at": s.dbNow(),
	}
	s.heard(values, next.Pulse)
	if next.Pulse.Mark {
		for _, column := range []string{"at", "batches", "handled", "bytes"} {
			values["mark_"+column] = gorm.Expr("next_mark_" + column)
		}
		s.mark(values, "next_mark_", next)
	}
	return values
}

// settleCommit finds out what became of a commit that ended with an error: its reply, or that of an earlier try of the
// same batch, may have been lost on the way. The row tells: where it has the batch's number under our fence, the batch
// is in, and is not written again.
func (s *Store) settleCommit(ctx context.Context, row *session.Session, failure error) error {
	if !errors.Is(failure, transfer.ErrFenced) && fault.KindOf(failure) != fault.Unavailable {
		return failure
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	stored, _, err := s.GetSession(ctx, row.ID)
	switch {
	case err != nil:
		return failure
	case stored.Fence != row.Fence || !stored.Status.Active():
		return transfer.ErrFenced
	case stored.BatchSeq == row.BatchSeq+1:
		*row = stored
		return nil
	default:
		return failure
	}
}

// FinishSession implements [syncer.Ledger]. A session that is COMPLETED under this claim is so because of an earlier try whose answer was lost:
// nobody else can do that.
func (s *Store) FinishSession(ctx context.Context, c session.Claim, end session.Ending) error {
	err := s.withRoom(func() error {
		return s.guarded(fenced(s.db.WithContext(ctx), c).Where("status IN ?", session.Before(end.Status)), s.ended(end))
	})
	if end.Status == session.Completed && errors.Is(err, transfer.ErrFenced) {
		if row, _, lost := s.GetSession(ctx, c.SessionID); lost == nil && row.Fence == c.Fence && row.Status == session.Completed {
			return nil
		}
	}
	return err
}

// ended is what every end of a session writes.
func (s *Store) ended(end session.Ending) map[string]any {
	values := map[string]any{
		"status": end.Status, "phase": session.PhaseFinished, "completed_at": s.dbNow(), "outcome": end.Outcome,
		"error_message": end.Message, "error_code": end.Code, "waiting_for": "", "waiting_until": nil,
	}
	if end.Step != "" {
		values["current_step"] = end.Step
	}
	if end.Bytes > 0 {
		values["transferred_bytes"] = gorm.Expr("transferred_bytes + ?", end.Bytes)
	}
	if end.Status == session.Completed {
		values["progress"] = 100
	}
	return values
}

// ReleaseSession implements [syncer.Ledger]. It takes back the attempt that the claim counted: a restart is no failure.
func (s *Store) ReleaseSession(ctx context.Context, c session.Claim, enqueue syncer.Enqueue) error {
	return s.roomyTx(ctx, func(tx *gorm.DB) error {
		values := queued(c.Fence)
		values["attempts"] = gorm.Expr("attempts - 1")
		if err := s.guarded(fenced(tx, c), values); err != nil {
			return err
		}
		return s.giveJob(ctx, tx, session.Claim{SessionID: c.SessionID, Fence: c.Fence + 1}, enqueue)
	})
}
