package store

import (
	"context"
	"encoding/base64"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"fullsync/internal/audit"
	"fullsync/internal/fault"
	"fullsync/internal/peer"
	"fullsync/internal/webhook"
)

// SecretLink is a secret sealed with another one, while one of the two replaces the other.
type SecretLink struct {
	// Opener and Mark are the marks of the secret that opens the link and of the one that is in it.
	Opener string `gorm:"primaryKey"`
	Mark   string `gorm:"primaryKey"`
	Sealed []byte
	// RetiresAt is when the older of the two is good no longer, by the database's clock; nil until the newer one is in use.
	RetiresAt *time.Time
}

// TableName names the table for GORM.
func (SecretLink) TableName() string { return "secret_links" }

// Secrets returns the mark of the secret in use, and the links that lead to others that are good. Replicas ask every few seconds.
func (s *Store) Secrets(ctx context.Context) (mark []byte, links []SecretLink, err error) {
	db := s.show.WithContext(ctx)
	text, err := settingIn(db, settingSealMark)
	if err != nil {
		return nil, nil, s.translate(err)
	}
	if err := db.Where("retires_at IS NULL OR retires_at > " + s.nowSQL()).Find(&links).Error; err != nil {
		return nil, nil, s.translate(err)
	}
	mark, err = base64.StdEncoding.DecodeString(text)
	return mark, links, err
}

// AnnounceSecret stores the links between the secret in use and the one that is to replace it, so that every replica finds that. Another one that was
// announced and never used is forgotten.
func (s *Store) AnnounceSecret(ctx context.Context, links ...SecretLink) error {
	return s.inTx(ctx, s.db, func(tx *gorm.DB) error {
		if err := tx.Where("retires_at IS NULL").Delete(&SecretLink{}).Error; err != nil {
			return err
		}
		// A secret that comes back has links already, from when it was replaced.
		return tx.Clauses(clause.OnConflict{UpdateAll: true}).Create(&links).Error
	})
}

// UseSecret puts the announced secret with the mark next in the place of the one with the mark now: in one transaction the peers' tokens are sealed
// anew, and the older secret is given the time keep to live. It returns how many tokens were sealed. reseal returns a token sealed with the new secret.
// Returns Conflict if another secret than now is in use.
func (s *Store) UseSecret(ctx context.Context, now, next []byte, keep time.Duration, reseal func(peer.Peer) ([]byte, error)) (resealed int, err error) {
	err = s.inTx(ctx, s.db, func(tx *gorm.DB) error {
		resealed = 0
		used, err := s.holdSecret(tx, now)
		if err != nil {
			return err
		}
		if !used {
			return errSecretMoved()
		}
		if err := tx.Save(&setting{Name: settingSealMark, Value: base64.StdEncoding.EncodeToString(next)}).Error; err != nil {
			return err
		}
		if resealed, err = s.reseal(tx, reseal); err != nil {
			return err
		}
		err = tx.Model(&SecretLink{}).Where("retires_at IS NULL").UpdateColumn("retires_at", s.agoExpr(-keep)).Error
		if err != nil {
			return err
		}
		return s.note(tx, "secret.rotated", "", nil, audit.Values{"tokensSealedAnew": resealed, "previousGoodFor": keep.String()})
	})
	return resealed, err
}

// Reseal seals the tokens of peers for which reseal returns something, and returns how many. It does nothing unless the secret with that mark is in
// use: a replica that has not heard of a newer one yet must not put its own back.
func (s *Store) Reseal(ctx context.Context, mark []byte, reseal func(peer.Peer) ([]byte, error)) (resealed int, err error) {
	err = s.inTx(ctx, s.db, func(tx *gorm.DB) error {
		resealed = 0
		used, err := s.holdSecret(tx, mark)
		if err != nil || !used {
			return err
		}
		resealed, err = s.reseal(tx, reseal)
		return err
	})
	return resealed, err
}

// holdSecret says whether the secret with that mark is in use, and keeps it from being replaced while tx runs.
func (s *Store) holdSecret(tx *gorm.DB, mark []byte) (used bool, err error) {
	text, err := settingIn(s.forUpdate(tx), settingSealMark)
	return text == base64.StdEncoding.EncodeToString(mark), err
}

func (s *Store) reseal(tx *gorm.DB, reseal func(peer.Peer) ([]byte, error)) (resealed int, err error) {
	var peers []peer.Peer
	if err := s.forUpdate(tx).Where("sealed_token IS NOT NULL").Order("node_id").Find(&peers).Error; err != nil {
		return 0, err
	}
	for _, p := range peers {
		sealed, err := reseal(p)
		if err != nil {
			return 0, err
		}
		if sealed == nil {
			continue
		}
		if err := tx.Model(&peer.Peer{}).Where("node_id = ?", p.NodeID).UpdateColumn("sealed_token", sealed).Error; err != nil {
			return 0, err
		}
		resealed++
	}
	return resealed, s.resealWebhooks(tx, reseal)
}

// resealWebhooks does the same with the secrets of webhooks, which are sealed as if each were the token of a peer.
func (s *Store) resealWebhooks(tx *gorm.DB, reseal func(peer.Peer) ([]byte, error)) error {
	var hooks []webhook.Webhook
	if err := s.forUpdate(tx).Where("sealed_secret IS NOT NULL").Order("id").Find(&hooks).Error; err != nil {
		return err
	}
	for _, w := range hooks {
		values := map[string]any{}
		for column, old := range map[string][]byte{"sealed_secret": w.SealedSecret, "sealed_previous": w.SealedPrevious} {
			if len(old) == 0 {
				continue
			}
			sealed, err := reseal(peer.Peer{NodeID: webhook.SealedAs(w.ID), SealedToken: old})
			if err != nil {
				return err
			}
			if sealed != nil {
				values[column] = sealed
			}
		}
		if len(values) == 0 {
			continue
		}
		if err := tx.Model(&webhook.Webhook{}).Where("id = ?", w.ID).UpdateColumns(values).Error; err != nil {
			return err
		}
	}
	return nil
}

// PruneSecrets forgets the links to secrets that are good no longer.
func (s *Store) PruneSecrets(ctx context.Context) error {
	return s.translate(s.db.WithContext(ctx).Where("retires_at < " + s.nowSQL()).Delete(&SecretLink{}).Error)
}

func errSecretMoved() *fault.Error {
	return fault.New(fault.Conflict, "SECRET_MOVED", "Another secret is in use",
		"Somebody else has replaced the secret meanwhile. Run this again with the secret that is in use now.")
}
