package store

import (
	"context"
	"slices"

	"gorm.io/gorm"

	"fullsync/internal/catalog"
	"fullsync/internal/session"
	"fullsync/internal/syncer"
)

// deleteStep is how many deletes one statement handles.
const deleteStep = 1000

// ForgetProposals implements [syncer.Ledger].
func (s *Store) ForgetProposals(ctx context.Context, c session.Claim) error {
	return s.underClaim(ctx, c, func(tx *gorm.DB) error {
		undecided := []session.DeleteState{session.DeleteProposed, session.DeleteWithheld}
		if err := tx.Where("session_id = ? AND state IN ?", c.SessionID, undecided).Delete(&session.Delete{}).Error; err != nil {
			return err
		}
		return s.guarded(fenced(tx, c), s.withheld(c))
	})
}

// ProposeDeletes implements [syncer.Ledger]. What is not origin's is left out.
func (s *Store) ProposeDeletes(ctx context.Context, c session.Claim, catalogName, origin string, missing []catalog.Entry) error {
	return s.underClaim(ctx, c, func(tx *gorm.DB) error {
		for step := range slices.Chunk(missing, deleteStep) {
			ids := make([]string, len(step))
			for i, e := range step {
				ids[i] = e.ID
			}
			err := tx.Exec(`INSERT INTO sync_deletes (session_id, product_id, hash, state)
				SELECT ?, id, hash, ? FROM products WHERE catalog = ? AND origin_node_id = ? AND id IN ? ORDER BY id
				ON CONFLICT (session_id, product_id) DO NOTHING`,
				c.SessionID, session.DeleteProposed, catalogName, origin, ids).Error
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// ProposeApproved implements [syncer.Ledger].
func (s *Store) ProposeApproved(ctx context.Context, c session.Claim, by syncer.Approval, ids []string) error {
	return s.underClaim(ctx, c, func(tx *gorm.DB) error {
		return tx.Exec(`INSERT INTO sync_deletes (session_id, product_id, hash, state)
			SELECT ?, product_id, hash, ? FROM sync_deletes WHERE session_id = ? AND state IN ? AND product_id IN ? ORDER BY product_id
			ON CONFLICT (session_id, product_id) DO NOTHING`,
			c.SessionID, session.DeleteProposed, by.SessionID, by.States, ids).Error
	})
}

// CountDeletes implements [syncer.Ledger].
func (s *Store) CountDeletes(ctx context.Context, id, catalogName, origin string) (n syncer.DeleteCounts, err error) {
	err = s.read.WithContext(ctx).Raw(`SELECT
		(SELECT count(*) FROM sync_deletes WHERE session_id = ? AND state = ?) AS proposed,
		(SELECT count(*) FROM products WHERE catalog = ? AND origin_node_id = ?) AS held`,
		id, session.DeleteProposed, catalogName, origin).Scan(&n).Error
	return n, s.translate(err)
}

// WithholdDeletes implements [syncer.Ledger].
func (s *Store) WithholdDeletes(ctx context.Context, c session.Claim) error {
	return s.underClaim(ctx, c, func(tx *gorm.DB) error {
		err := tx.Model(&session.Delete{}).Where("session_id = ? AND state = ?", c.SessionID, session.DeleteProposed).
			Update("state", session.DeleteWithheld).Error
		if err != nil {
			return err
		}
		return s.guarded(fenced(tx, c), s.withheld(c))
	})
}

// withheld writes how many deletes a session has withheld. They are counted, so that a repeat after a lost reply says the same.
func (s *Store) withheld(c session.Claim) map[string]any {
	return map[string]any{"deletes_withheld": gorm.Expr(
		"(SELECT count(*) FROM sync_deletes d WHERE d.session_id = ? AND d.state = ?)", c.SessionID, session.DeleteWithheld)}
}

// ListDeletes implements [syncer.Ledger] and [syncer.Sessions].
func (s *Store) ListDeletes(ctx context.Context, id string, states []session.DeleteState, after string, limit int) (rows []session.Delete, err error) {
	db := s.read.WithContext(ctx).Where("session_id = ? AND product_id > ?", id, after)
	if len(states) > 0 {
		db = db.Where("state IN ?", states)
	}
	err = db.Order("session_id, product_id").Limit(limit).Find(&rows).Error
	return rows, s.translate(err)
}

// asNoted selects those of some products of a source that are still what they were when the source was found to lack them.
const asNoted = `catalog = ? AND origin_node_id = ? AND id IN ? AND digest IS NOT NULL AND hash =
	(SELECT d.hash FROM sync_deletes d WHERE d.session_id = ? AND d.product_id = products.id)`

// remove deletes the products of a batch that are still what they were when their source was found to lack them, in the batch's
// transaction, and notes what became of each. It returns how many it deleted.
func (s *Store) remove(tx *gorm.DB, row *session.Session, record *recording, ids []string) (deleted int64, err error) {
	for step := range slices.Chunk(ids, deleteStep) {
		n, err := deleteRecorded(tx, record, asNoted, row.Catalog, row.SourceNodeID, step, row.ID)
		if err != nil {
			return deleted, err
		}
		deleted += n
		err = tx.Exec(`UPDATE sync_deletes SET state = CASE WHEN EXISTS
			(SELECT 1 FROM products p WHERE p.catalog = ? AND p.id = sync_deletes.product_id) THEN ? ELSE ? END
			WHERE session_id = ? AND product_id IN ?`,
			row.Catalog, session.DeleteKept, session.DeleteDone, row.ID, step).Error
		if err != nil {
			return deleted, err
		}
	}
	return deleted, nil
}

// underClaim runs fn in a transaction that succeeds only while the claim holds.
func (s *Store) underClaim(ctx context.Context, c session.Claim, fn func(tx *gorm.DB) error) error {
	return s.inTx(ctx, s.work, func(tx *gorm.DB) error {
		if err := fn(tx); err != nil {
			return err
		}
		return s.guarded(fenced(tx, c), map[string]any{"last_heartbeat_at": s.dbNow()})
	})
}
