package store

import (
	"bytes"
	"context"
	"encoding/json"
	"time"

	"gorm.io/gorm"

	"fullsync/internal/audit"
	"fullsync/internal/peer"
	"fullsync/internal/session"
	"fullsync/internal/user"
)

// note writes down what the transaction does, and who does it.
func (s *Store) note(tx *gorm.DB, action, target string, before, after audit.Values) error {
	return s.noteBy(tx, audit.OriginOf(tx.Statement.Context), action, target, before, after)
}

func (s *Store) noteBy(tx *gorm.DB, by audit.Origin, action, target string, before, after audit.Values) error {
	return tx.Exec("INSERT INTO audit_log (at, actor, kind, address, request_id, action, target, before, after) VALUES ("+s.nowSQL()+", ?, ?, ?, ?, ?, ?, ?, ?)",
		by.Actor, by.Kind, by.Address, by.RequestID, action, target, before.Text(), after.Text()).Error
}

// noteChange is note for something that was changed: only what differs is written down.
func (s *Store) noteChange(tx *gorm.DB, action, target string, before, after audit.Values) error {
	was, is := audit.Differing(before, after)
	return s.note(tx, action, target, was, is)
}

// Note writes down something that happens in no transaction of its own.
func (s *Store) Note(ctx context.Context, action, target string, before, after audit.Values) error {
	return s.translate(s.note(s.db.WithContext(ctx), action, target, before, after))
}

// cameFrom says where a request of ctx came from, for triggers.
func cameFrom(ctx context.Context) string {
	text, err := json.Marshal(audit.OriginOf(ctx))
	if err != nil {
		return "" // plain values always marshal
	}
	return string(text)
}

// ListAudit returns entries of the audit log, the newest first.
func (s *Store) ListAudit(ctx context.Context, q audit.Query) (entries []audit.Entry, err error) {
	db := s.show.WithContext(ctx)
	where := func(use bool, condition string, values ...any) {
		if use {
			db = db.Where(condition, values...)
		}
	}
	where(q.Actor != "", "actor = ?", q.Actor)
	where(q.Action != "", "(action = ? OR action > ? AND action < ?)", q.Action, q.Action+".", q.Action+"/") // a slash comes right after a dot
	where(q.Target != "", "target = ?", q.Target)
	where(!q.After.IsZero(), "at > ?", s.timeParam(q.After))
	where(!q.Before.IsZero(), "at < ?", s.timeParam(q.Before))
	where(q.BeforeID > 0, "id < ?", q.BeforeID)
	if q.Limit > 0 {
		db = db.Limit(q.Limit)
	}
	err = db.Order("id DESC").Find(&entries).Error
	return entries, s.translate(err)
}

// auditPruned is how many entries are removed at once.
const auditPruned = 1000

// PruneAudit removes entries that are older than that, and returns how many. The database lets nobody remove younger ones than 30 days.
func (s *Store) PruneAudit(ctx context.Context, olderThan time.Duration) (removed int64, err error) {
	for {
		done := s.db.WithContext(ctx).Exec("DELETE FROM audit_log WHERE id IN (SELECT id FROM audit_log WHERE at < "+s.agoSQL(olderThan)+
			" ORDER BY at LIMIT ?)", auditPruned)
		removed += done.RowsAffected
		if done.Error != nil || done.RowsAffected < auditPruned {
			return removed, s.translate(done.Error)
		}
	}
}

// settingSettings holds the settings with which the node was started last.
const settingSettings = "settings_seen"

// NoteSettings writes down which settings of the node have changed since they were noted last.
func (s *Store) NoteSettings(ctx context.Context, nodeID string, now map[string]string) error {
	after := audit.Values{}
	for name, value := range now {
		after[name] = value
	}
	return s.inTx(ctx, s.db, func(tx *gorm.DB) error {
		seen, err := settingIn(s.forUpdate(tx), settingSettings)
		if err != nil || seen == after.Text() {
			return err
		}
		before := audit.Values{}
		if seen != "" {
			if err := json.Unmarshal([]byte(seen), &before); err != nil {
				return err
			}
		}
		if err := tx.Save(&setting{Name: settingSettings, Value: after.Text()}).Error; err != nil {
			return err
		}
		return s.noteChange(tx, "settings.changed", nodeID, before, after)
	})
}

// noteStart writes down the start of a session.
func (s *Store) noteStart(tx *gorm.DB, row *session.Session) error {
	action := "sync.started"
	switch {
	case row.RevertOf != "":
		action = "sync.reverted"
	case row.Options.ApprovedDeletes != "":
		action = "sync.approved"
	case row.ResumedFrom != "":
		action = "sync.resumed"
	}
	by := audit.OriginOf(tx.Statement.Context)
	if row.StartedBy != "" {
		by.Actor = row.StartedBy
	}
	after := audit.Values{"direction": row.Direction, "catalog": row.Catalog, "peer": row.PeerID, "options": row.Options}
	for name, id := range map[string]string{"planId": row.PlanID, "revertOf": row.RevertOf, "resumedFrom": row.ResumedFrom} {
		if id != "" {
			after[name] = id
		}
	}
	if row.Incoming {
		after["incoming"] = true
	}
	return s.noteBy(tx, by, action, row.ID, nil, after)
}

// noteUser writes down what was done to a user.
func (s *Store) noteUser(tx *gorm.DB, before, after user.User) error {
	action := "user.changed"
	was, is := before.Audited(), after.Audited()
	switch {
	case before.PasswordHash != after.PasswordHash:
		is["password"] = "changed"
	case before.Role == after.Role && before.Disabled == after.Disabled:
		if before.Generation == after.Generation {
			return nil
		}
		action = "user.logins_ended"
	}
	return s.noteChange(tx, action, after.Name, was, is)
}

// notePeer writes down what was done to a peer.
func (s *Store) notePeer(tx *gorm.DB, before, after peer.Peer) error {
	was, is := before.Audited(), after.Audited()
	if !bytes.Equal(before.SealedToken, after.SealedToken) {
		is["token"] = "changed"
	}
	return s.noteChange(tx, "peer.changed", after.NodeID, was, is)
}
