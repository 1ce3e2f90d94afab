package store

import (
	"context"
	"encoding/base64"
	"errors"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"fullsync/internal/audit"
	"fullsync/internal/peer"
	"fullsync/internal/webhook"
)

// The settings that a database keeps about its node.
const (
	settingOldestSchema = "oldest_schema"
	settingNodeID       = "node_id"
	settingSealMark     = "seal_mark"
	settingPause        = "schedules_paused"
)

type setting struct {
	Name  string `gorm:"primaryKey"`
	Value string
}

// TableName names the table for GORM.
func (setting) TableName() string { return "settings" }

// setting returns a value, "" where there is none.
func (s *Store) setting(ctx context.Context, name string) (string, error) {
	value, err := settingIn(s.db.WithContext(ctx), name)
	return value, s.translate(err)
}

// settingIn is [Store.setting] with the connection, or in the transaction, of db.
func settingIn(db *gorm.DB, name string) (string, error) {
	var row setting
	err := db.Where("name = ?", name).Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return "", nil
	}
	return row.Value, err
}

// keep stores value under name unless there is one already, and returns what is stored: of several replicas that
// start at once, all get the same.
func (s *Store) keep(ctx context.Context, name, value string) (string, error) {
	row := setting{Name: name, Value: value}
	err := s.db.WithContext(ctx).Clauses(clause.OnConflict{DoNothing: true}).Create(&row).Error
	if err != nil {
		return "", s.translate(err)
	}
	return s.setting(ctx, name)
}

// KeepNodeID returns the node id that the database holds; the first call stores proposed.
func (s *Store) KeepNodeID(ctx context.Context, proposed string) (string, error) {
	return s.keep(ctx, settingNodeID, proposed)
}

// NodeID returns the node id that the database holds, "" where it has none yet.
func (s *Store) NodeID(ctx context.Context) (string, error) { return s.setting(ctx, settingNodeID) }

// ResetSeal replaces the mark and drops the tokens of peers, which were sealed with the secret it stood for, and switches off the webhooks, whose
// secrets were. It returns how many peers lost theirs.
func (s *Store) ResetSeal(ctx context.Context, mark []byte) (dropped int64, err error) {
	err = s.inTx(ctx, s.db, func(tx *gorm.DB) error {
		row := setting{Name: settingSealMark, Value: base64.StdEncoding.EncodeToString(mark)}
		if err := tx.Save(&row).Error; err != nil {
			return err
		}
		if err := tx.Where("opener <> ''").Delete(&SecretLink{}).Error; err != nil { // they may lead from a secret that leaked
			return err
		}
		done := tx.Model(&peer.Peer{}).Where("sealed_token IS NOT NULL").Update("sealed_token", nil)
		dropped = done.RowsAffected
		if done.Error != nil {
			return done.Error
		}
		err := tx.Model(&webhook.Webhook{}).Where("sealed_secret IS NOT NULL").Updates(map[string]any{
			"sealed_secret": nil, "sealed_previous": nil, "previous_until": nil, "enabled": false,
			"disabled_reason": "The node has another secret, which does not open that of the webhook. Give the webhook a new one and switch it on.",
		}).Error
		if err != nil {
			return err
		}
		return s.note(tx, "secret.adopted", "", nil, audit.Values{"peersWithoutToken": dropped})
	})
	return dropped, err
}

// KeepSealMark returns the mark by which a replica finds out whether its secret opens the sealed tokens of this
// database; the first call stores proposed.
func (s *Store) KeepSealMark(ctx context.Context, proposed []byte) ([]byte, error) {
	text, err := s.keep(ctx, settingSealMark, base64.StdEncoding.EncodeToString(proposed))
	if err != nil {
		return nil, err
	}
	return base64.StdEncoding.DecodeString(text)
}
