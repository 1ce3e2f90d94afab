package store

import (
	"context"
	"slices"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"fullsync/internal/session"
	"fullsync/internal/syncer"
)

// FollowTarget implements [syncer.Outgoing].
func (s *Store) FollowTarget(ctx context.Context, next session.Session, rejects []session.Reject, committed bool) error {
	return s.inTx(ctx, s.work, func(tx *gorm.DB) error {
		for i := range rejects {
			rejects[i].SessionID = next.ID
		}
		if len(rejects) > 0 {
			if err := tx.Clauses(clause.OnConflict{DoNothing: true}).CreateInBatches(rejects, sqliteRows).Error; err != nil {
				return err
			}
		}
		values := s.progressed(&next)
		values["resumed_records"] = next.ResumedRecords
		values["lease_seconds"] = next.LeaseSeconds
		if !committed {
			delete(values, "last_commit_at")
		}
		return s.guarded(fenced(tx, session.Claim{SessionID: next.ID, Fence: next.Fence}), values)
	})
}

// NoteDeletes implements [syncer.Outgoing].
func (s *Store) NoteDeletes(ctx context.Context, c session.Claim, state session.DeleteState, ids []string) error {
	return s.underClaim(ctx, c, func(tx *gorm.DB) error {
		for step := range slices.Chunk(ids, sqliteRows) {
			rows := make([]session.Delete, len(step))
			for i, id := range step {
				rows[i] = session.Delete{SessionID: c.SessionID, ProductID: id, State: state}
			}
			if err := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&rows).Error; err != nil {
				return err
			}
		}
		return s.guarded(fenced(tx, c), s.withheld(c))
	})
}

// CancelClaimed implements [syncer.Outgoing].
func (s *Store) CancelClaimed(ctx context.Context, c session.Claim, by syncer.Cancellation) error {
	return s.withRoom(func() error {
		values := s.cancelled(ctx, by)
		values["target_confirmed"] = true
		return s.guarded(fenced(s.db.WithContext(ctx), c), values)
	})
}

// Unconfirmed implements [syncer.Cancels].
func (s *Store) Unconfirmed(ctx context.Context, within time.Duration) ([]session.Session, error) {
	rows, _, err := s.querySessions(ctx, "SELECT "+sessionRow().columns+", "+s.nowSQL()+
		" FROM sync_sessions WHERE NOT target_confirmed AND completed_at > "+s.agoSQL(within))
	return rows, err
}

// ConfirmTarget implements [syncer.Cancels].
func (s *Store) ConfirmTarget(ctx context.Context, id string, said syncer.Confirmation) error {
	values := map[string]any{"target_confirmed": true, "reverted_by": said.RevertedBy}
	if said.NotReverted != "" {
		values["error_message"] = gorm.Expr("error_message || ?", ". Nothing is put back: "+said.NotReverted)
	}
	return s.withRoom(func() error {
		return s.translate(s.db.WithContext(ctx).Model(&session.Session{}).Where("id = ? AND NOT target_confirmed", id).UpdateColumns(values).Error)
	})
}
