package store

import (
	"context"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"fullsync/internal/session"
	"fullsync/internal/webhook"
)

// HasWebhooks implements [webhook.Outbox].
func (s *Store) HasWebhooks(ctx context.Context) (yes bool, err error) {
	err = s.show.WithContext(ctx).Raw("SELECT EXISTS (SELECT 1 FROM webhooks WHERE enabled)").Row().Scan(&yes)
	return yes, s.translate(err)
}

// Dispatch implements [webhook.Outbox]. It looks before it locks, because on SQLite a transaction waits for whoever writes.
func (s *Store) Dispatch(ctx context.Context, limit int, address webhook.Address, enqueue webhook.Enqueue) (n int, err error) {
	var found bool
	if err := s.show.WithContext(ctx).Raw("SELECT EXISTS (SELECT 1 FROM webhook_events)").Row().Scan(&found); err != nil || !found {
		return 0, s.translate(err)
	}
	err = s.inTx(ctx, s.db, func(tx *gorm.DB) error {
		n = 0
		locked := tx
		if s.name() == "postgres" {
			locked = tx.Clauses(clause.Locking{Strength: clause.LockingStrengthUpdate, Options: clause.LockingOptionsSkipLocked})
		}
		var events []webhook.Event
		if err := locked.Order("seq").Limit(limit).Find(&events).Error; err != nil || len(events) == 0 {
			return err
		}
		var hooks []webhook.Webhook
		if err := tx.Where("enabled").Order("created_at, id").Find(&hooks).Error; err != nil {
			return err
		}
		now, err := s.now(tx)
		if err != nil {
			return err
		}
		for _, e := range events {
			if err := s.dispatchOne(ctx, tx, e, now, hooks, address, enqueue); err != nil {
				return err
			}
		}
		n = len(events)
		return tx.Delete(&events).Error
	})
	return n, err
}

func (s *Store) dispatchOne(ctx context.Context, tx *gorm.DB, e webhook.Event, now time.Time, hooks []webhook.Webhook, address webhook.Address, enqueue webhook.Enqueue) error {
	var row session.Session
	if err := tx.Where("id = ?", e.SessionID).Take(&row).Error; err != nil {
		return err
	}
	out, err := address(e, row, now, hooks)
	if err != nil || len(out) == 0 {
		return err
	}
	if err := tx.Create(&out).Error; err != nil {
		return err
	}
	for _, d := range out {
		if err := enqueue(ctx, sqlTx(tx), d.ID); err != nil {
			return err
		}
	}
	return nil
}

// stall is the row of table webhook_stalls.
type stall struct {
	SessionID string `gorm:"primaryKey"`
	BatchSeq  int64  `gorm:"primaryKey;autoIncrement:false"`
}

// TableName names the table for GORM.
func (stall) TableName() string { return "webhook_stalls" }

// NoteStall implements [webhook.Outbox].
func (s *Store) NoteStall(ctx context.Context, row session.Session) error {
	return s.inTx(ctx, s.db, func(tx *gorm.DB) error {
		noted := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&stall{SessionID: row.ID, BatchSeq: row.BatchSeq})
		if noted.Error != nil || noted.RowsAffected == 0 {
			return noted.Error
		}
		now, err := s.now(tx)
		if err != nil {
			return err
		}
		return tx.Omit("seq").Create(&webhook.Event{SessionID: row.ID, Status: webhook.Stalled, At: now}).Error
	})
}
