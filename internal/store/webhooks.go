package store

import (
	"bytes"
	"context"
	"errors"
	"time"

	"gorm.io/gorm"

	"fullsync/internal/fault"
	"fullsync/internal/webhook"
)

// ListWebhooks implements [webhook.Store].
func (s *Store) ListWebhooks(ctx context.Context) (all []webhook.Webhook, err error) {
	err = s.show.WithContext(ctx).Order("created_at, id").Find(&all).Error
	return all, s.translate(err)
}

// GetWebhook implements [webhook.Store].
func (s *Store) GetWebhook(ctx context.Context, id string) (webhook.Webhook, error) {
	return s.takeWebhook(s.show.WithContext(ctx), id)
}

func (s *Store) takeWebhook(db *gorm.DB, id string) (w webhook.Webhook, err error) {
	err = db.Where("id = ?", id).Take(&w).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return w, webhook.Unknown()
	}
	return w, s.translate(err)
}

// AddWebhook implements [webhook.Store].
func (s *Store) AddWebhook(ctx context.Context, w *webhook.Webhook, most int) error {
	return s.inTx(ctx, s.db, func(tx *gorm.DB) (err error) {
		var n int64
		if err := tx.Model(&webhook.Webhook{}).Count(&n).Error; err != nil {
			return err
		}
		if n >= int64(most) {
			return fault.New(fault.Conflict, "TOO_MANY_WEBHOOKS", "Too many webhooks", "A node has at most %d webhooks; remove one first.", most)
		}
		if w.CreatedAt, err = s.now(tx); err != nil {
			return err
		}
		w.UpdatedAt = w.CreatedAt
		if err := tx.Create(w).Error; err != nil {
			return err
		}
		return s.note(tx, "webhook.added", w.ID, nil, w.Audited())
	})
}

// ChangeWebhook implements [webhook.Store].
func (s *Store) ChangeWebhook(ctx context.Context, id string, change func(*webhook.Webhook, time.Time) error) (w webhook.Webhook, err error) {
	err = s.inTx(ctx, s.db, func(tx *gorm.DB) error {
		if w, err = s.takeWebhook(s.forUpdate(tx), id); err != nil {
			return err
		}
		before := w
		now, err := s.now(tx)
		if err != nil {
			return err
		}
		if err := change(&w, now); err != nil {
			return err
		}
		w.UpdatedAt = now
		err = tx.Select("name", "url", "types", "enabled", "disabled_reason", "sealed_secret", "sealed_previous", "previous_until", "updated_at").Updates(&w).Error
		switch {
		case err != nil:
			return err
		case !bytes.Equal(before.SealedSecret, w.SealedSecret):
			return s.note(tx, "webhook.secret_rotated", id, nil, nil)
		}
		return s.noteChange(tx, "webhook.changed", id, before.Audited(), w.Audited())
	})
	return w, err
}

// RemoveWebhook implements [webhook.Store].
func (s *Store) RemoveWebhook(ctx context.Context, id string) error {
	return s.inTx(ctx, s.db, func(tx *gorm.DB) error {
		w, err := s.takeWebhook(s.forUpdate(tx), id)
		if err != nil {
			return err
		}
		if err := tx.Delete(&w).Error; err != nil {
			return err
		}
		return s.note(tx, "webhook.removed", id, w.Audited(), nil)
	})
}

// ListDeliveries implements [webhook.Store].
func (s *Store) ListDeliveries(ctx context.Context, webhookID string, limit int) (all []webhook.Delivery, err error) {
	err = s.show.WithContext(ctx).Where("webhook_id = ?", webhookID).Order("created_at DESC, id").Limit(limit).Find(&all).Error
	return all, s.translate(err)
}

// AddDelivery implements [webhook.Store].
func (s *Store) AddDelivery(ctx context.Context, d *webhook.Delivery) error {
	return s.inTx(ctx, s.db, func(tx *gorm.DB) (err error) {
		if d.CreatedAt, err = s.now(tx); err != nil {
			return err
		}
		d.Attempts = []webhook.Attempt{} // the column takes no NULL
		return tx.Create(d).Error
	})
}

// TakeDelivery implements [webhook.Mail].
func (s *Store) TakeDelivery(ctx context.Context, id string) (d webhook.Delivery, w webhook.Webhook, ok bool, err error) {
	db := s.show.WithContext(ctx)
	if err = db.Where("id = ? AND state = ?", id, webhook.Pending).Take(&d).Error; err == nil {
		err = db.Where("id = ?", d.WebhookID).Take(&w).Error
	}
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return d, w, false, nil
	}
	return d, w, err == nil, s.translate(err)
}

// RecordAttempt implements [webhook.Store].
func (s *Store) RecordAttempt(ctx context.Context, id string, r webhook.Record) (d webhook.Delivery, err error) {
	err = s.inTx(ctx, s.db, func(tx *gorm.DB) error {
		err := s.forUpdate(tx).Where("id = ?", id).Take(&d).Error
		if errors.Is(err, gorm.ErrRecordNotFound) {
			return webhook.Unknown() // it went with its webhook
		}
		if err != nil {
			return err
		}
		now, err := s.now(tx)
		if err != nil {
			return err
		}
		d.Attempts, d.State, d.NextAt = append(d.Attempts, r.Attempt), r.State, nil
		shown := map[string]any{"last_error": r.Attempt.Problem}
		switch r.State {
		case webhook.Pending:
			next := now.Add(r.Again)
			d.NextAt = &next
		case webhook.Delivered:
			d.DeliveredAt = &now
			shown["last_success_at"] = s.timeParam(now)
		}
		if r.Disable != "" {
			shown["enabled"], shown["disabled_reason"] = false, r.Disable
		}
		if err := tx.Select("attempts", "state", "next_at", "delivered_at").Updates(&d).Error; err != nil {
			return err
		}
		return tx.Model(&webhook.Webhook{}).Where("id = ?", d.WebhookID).UpdateColumns(shown).Error
	})
	return d, err
}

// PruneDeliveries deletes deliveries that are older than olderThan, and stalls of sessions that are over.
func (s *Store) PruneDeliveries(ctx context.Context, olderThan time.Duration) error {
	err := s.db.WithContext(ctx).Where("state <> ? AND created_at < "+s.agoSQL(olderThan), webhook.Pending).Delete(&webhook.Delivery{}).Error
	return s.translate(err)
}
