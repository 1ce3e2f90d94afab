package store

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"

	"fullsync/internal/catalog"
	"fullsync/internal/fault"
	"fullsync/internal/peer"
	"fullsync/internal/session"
)

// ListPeers implements [peer.Store].
func (s *Store) ListPeers(ctx context.Context) ([]peer.Peer, error) {
	return s.queryPeers(ctx, " ORDER BY node_id")
}

// GetPeer implements [peer.Store].
func (s *Store) GetPeer(ctx context.Context, nodeID string) (peer.Peer, error) {
	found, err := s.queryPeers(ctx, " WHERE node_id = $1", nodeID)
	switch {
	case err != nil:
		return peer.Peer{}, err
	case len(found) == 0:
		return peer.Peer{}, peer.Unknown(nodeID)
	}
	return found[0], nil
}

func (s *Store) queryPeers(ctx context.Context, rest string, values ...any) ([]peer.Peer, error) {
	peers, now, err := readRows(ctx, s, peerRow(), "SELECT "+peerRow().columns+", "+s.nowSQL()+" FROM peers"+rest, values...)
	for i := range peers {
		peers[i].SeenBy(now)
	}
	return peers, err
}

func (s *Store) takePeer(db *gorm.DB, nodeID string) (p peer.Peer, err error) {
	err = db.Where("node_id = ?", nodeID).Take(&p).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return p, peer.Unknown(nodeID)
	}
	return p, s.translate(err)
}

// AddPeer implements [peer.Store].
func (s *Store) AddPeer(ctx context.Context, p *peer.Peer) error {
	return s.inTx(ctx, s.db, func(tx *gorm.DB) (err error) {
		if p.CreatedAt, err = s.now(tx); err != nil {
			return err
		}
		p.UpdatedAt = p.CreatedAt
		p.KeepFields = append(catalog.Fields{}, p.KeepFields...) // the column takes no NULL
		err = s.translate(tx.Create(p).Error)
		if fault.KindOf(err) == fault.Conflict {
			return peer.Exists(p.NodeID)
		}
		if err != nil {
			return err
		}
		return s.note(tx, "peer.added", p.NodeID, nil, p.Audited())
	})
}

// ChangePeer implements [peer.Store].
func (s *Store) ChangePeer(ctx context.Context, nodeID string, change func(*peer.Peer) error) (p peer.Peer, err error) {
	err = s.inTx(ctx, s.db, func(tx *gorm.DB) error {
		if p, err = s.takePeer(s.forUpdate(tx), nodeID); err != nil {
			return err
		}
		before := p
		if err := change(&p); err != nil {
			return err
		}
		if before.IsActive && !p.IsActive {
			if err := peerIdle(tx, nodeID, "switch the peer off"); err != nil {
				return err
			}
		}
		if p.UpdatedAt, err = s.now(tx); err != nil {
			return err
		}
		p.SeenBy(p.UpdatedAt)
		// What has changed may be why it did not answer: it is asked at once.
		err = tx.Model(&peer.Peer{}).Where("node_id = ?", nodeID).UpdateColumn("check_at", s.dbNow()).Error
		if err != nil {
			return err
		}
		if err := tx.Select("node_name", "url", "sealed_token", "is_active", "keep_fields", "feed", "feed_seen", "updated_at").Updates(&p).Error; err != nil {
			return err
		}
		return s.notePeer(tx, before, p)
	})
	return p, err
}

// RemovePeer implements [peer.Store].
func (s *Store) RemovePeer(ctx context.Context, nodeID string) error {
	return s.inTx(ctx, s.db, func(tx *gorm.DB) error {
		p, err := s.takePeer(s.forUpdate(tx), nodeID)
		if err != nil {
			return err
		}
		if err := peerIdle(tx, nodeID, "remove the peer"); err != nil {
			return err
		}
		if err := tx.Delete(&p).Error; err != nil {
			return err
		}
		return s.note(tx, "peer.removed", p.NodeID, p.Audited(), nil)
	})
}

// peerIdle returns an [peer.InUseError] while a session with the peer is active. A start that commits just afterwards
// finds the peer switched off or gone when its worker connects, and ends in FAILED.
func peerIdle(tx *gorm.DB, nodeID, then string) error {
	var active []string
	err := tx.Model(&session.Session{}).Where("peer_id = ? AND status IN ?", nodeID, session.ActiveStatuses()).
		Order("started_at").Limit(1).Pluck("id", &active).Error
	if err == nil && len(active) > 0 {
		return peer.InUse(nodeID, active[0], then)
	}
	return err
}

// TouchPeer implements [peer.Store].
func (s *Store) TouchPeer(ctx context.Context, nodeID, lastError string) error {
	values := map[string]any{"last_error": lastError}
	if lastError == "" {
		values["last_seen"] = s.dbNow()
	}
	err := s.db.WithContext(ctx).Model(&peer.Peer{}).Where("node_id = ?", nodeID).UpdateColumns(values).Error
	return s.translate(err)
}

// NoteFeed implements [peer.Store]. The time is compared as [Store.AddPeer] and [Store.ChangePeer] have it written, by the driver: SQLite's leaves out zeros
// at the end, which timeParam keeps.
func (s *Store) NoteFeed(ctx context.Context, nodeID string, unchangedSince time.Time, seen peer.FeedSeen) error {
	err := s.db.WithContext(ctx).Model(&peer.Peer{}).Where("node_id = ? AND updated_at = ?", nodeID, unchangedSince.UTC()).
		Select("feed_seen").UpdateColumns(&peer.Peer{FeedSeen: seen}).Error
	return s.translate(err)
}

// DuePeer implements [peer.Rota]. It looks before it claims, because on SQLite a claim waits for whoever writes. A check that is put off for much
// longer than next was put off by a clock that was ahead.
func (s *Store) DuePeer(ctx context.Context, next, nextFeed time.Duration) (nodeID string, ok bool, err error) {
	var ids []string
	ahead, aheadFeed := s.agoExpr(-2*next), s.agoExpr(-2*nextFeed)
	claim := "SELECT node_id FROM peers WHERE is_active AND (check_at <= " + s.nowSQL() + " OR check_at > CASE WHEN kind = ? THEN ? ELSE ? END) ORDER BY check_at LIMIT 1"
	if err := s.show.WithContext(ctx).Raw(claim, peer.KindFeed, aheadFeed, ahead).Scan(&ids).Error; err != nil || len(ids) == 0 {
		return "", false, s.translate(err)
	}
	if s.name() == "postgres" {
		claim += " FOR UPDATE SKIP LOCKED" // the others take the next one
	}
	ids = nil
	err = s.db.WithContext(ctx).Raw("UPDATE peers SET check_at = CASE WHEN kind = ? THEN ? ELSE ? END WHERE node_id = ("+claim+") RETURNING node_id",
		peer.KindFeed, s.agoExpr(-nextFeed), s.agoExpr(-next), peer.KindFeed, aheadFeed, ahead).Scan(&ids).Error
	if err != nil || len(ids) == 0 {
		return "", false, s.translate(err)
	}
	return ids[0], true, nil
}
