package store

import (
	"context"
	"fmt"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"fullsync/internal/catalog"
	"fullsync/internal/session"
)

// keepRejects notes what a batch refused, in the batch's transaction.
func (s *Store) keepRejects(tx *gorm.DB, row *session.Session, rejects []catalog.Reject) error {
	if len(rejects) == 0 {
		return nil
	}
	rows := make([]session.Reject, len(rejects))
	for i, r := range rejects {
		rows[i] = session.Reject{SessionID: row.ID, Number: row.Rejected + int64(i) + 1, ProductID: r.ID, Reason: r.Reason}
	}
	return tx.Clauses(clause.OnConflict{DoNothing: true}).CreateInBatches(rows, sqliteRows).Error
}

// rejectsOfChain finds what a session refused, and what was refused before the cursor from which it was resumed.
const rejectsOfChain = `WITH RECURSIVE chain (id, before) AS (
		SELECT id, resumed_from FROM sync_sessions WHERE id = ?
		UNION SELECT s.id, s.resumed_from FROM sync_sessions s JOIN chain ON s.id = chain.before
	) SELECT product_id FROM sync_rejects WHERE product_id <> '' AND session_id IN (SELECT id FROM chain)`

// RejectedIDs implements [syncer.Ledger].
func (s *Store) RejectedIDs(ctx context.Context, id string) (map[string]bool, error) {
	var ids []string
	err := s.show.WithContext(ctx).Raw(rejectsOfChain, id).Scan(&ids).Error
	set := make(map[string]bool, len(ids))
	for _, id := range ids {
		set[id] = true
	}
	return set, s.translate(err)
}

// refusalsOfChain counts what was refused behind a session's cursor, by reason. What follows ", not ", " at byte " or " (line " is the
// product's own, and does not make another reason. %[1]s finds a text in another.
const refusalsOfChain = `WITH RECURSIVE chain (id, before, behind) AS (
		SELECT id, resumed_from, resumed_records FROM sync_sessions WHERE id = ?
		UNION SELECT s.id, s.resumed_from, s.resumed_records FROM sync_sessions s JOIN chain ON s.id = chain.before AND chain.behind > 0
	), refused (reason) AS (
		SELECT substr(reason, 1, %[1]s(reason || ', not ', ', not ') - 1) FROM sync_rejects WHERE session_id IN (SELECT id FROM chain)
	), placed (reason) AS (
		SELECT substr(reason, 1, %[1]s(reason || ' (line ', ' (line ') - 1) FROM refused
	), kinds (reason) AS (
		SELECT substr(reason, 1, %[1]s(reason || ' at byte ', ' at byte ') - 1) FROM placed
	) SELECT reason, count(*) AS times, CAST(sum(count(*)) OVER () AS bigint) AS count FROM kinds
	GROUP BY reason ORDER BY times DESC, reason LIMIT 1`

// Refusals implements [syncer.Ledger].
func (s *Store) Refusals(ctx context.Context, id string) (refused session.Refusals, err error) {
	err = s.read.WithContext(ctx).Raw(fmt.Sprintf(refusalsOfChain, s.indexSQL()), id).Scan(&refused).Error
	return refused, s.translate(err)
}

// ListRejects implements [syncer.Sessions].
func (s *Store) ListRejects(ctx context.Context, id string, after int64, limit int) (rows []session.Reject, err error) {
	err = s.show.WithContext(ctx).Where("session_id = ? AND number > ?", id, after).Order("number").Limit(limit).Find(&rows).Error
	return rows, s.translate(err)
}
