package store

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"fullsync/internal/session"
	"fullsync/internal/syncer"
)

// keyLifetime is how long an Idempotency-Key is kept.
const keyLifetime = 24 * time.Hour

// startKey is the row of table sync_start_keys.
type startKey struct {
	Subject     string `gorm:"primaryKey"`
	StartKey    string `gorm:"primaryKey"`
	RequestHash string
	SessionID   string
	Attached    bool
	CreatedAt   time.Time
}

// TableName names the table for GORM.
func (startKey) TableName() string { return "sync_start_keys" }

// errOccupied rolls a start back whose catalog has an active session.
var errOccupied = errors.New("the catalog has an active session")

// CreateSession implements [syncer.Sessions]. Exclusivity is the partial unique indexes on active sessions: of N concurrent
// calls exactly one inserts its row.
func (s *Store) CreateSession(ctx context.Context, row session.Session, how syncer.Creation) (out syncer.Created, err error) {
	err = s.inTx(ctx, s.db, func(tx *gorm.DB) (err error) {
		out = syncer.Created{}
		// So a session begins before an edit of its catalog or after it, never in the middle.
		if err := s.holdCatalog(tx, row.Catalog); err != nil {
			return err
		}
		if how.Replace != nil {
			if out.Replaced, err = s.replaceActive(tx, row, *how.Replace); err != nil {
				return err
			}
		}
		if out.Session, err = s.insertSession(ctx, tx, row, how.Enqueue); err != nil {
			return err
		}
		if err := s.runStarted(tx, how.RunID, row.ID); err != nil {
			return err
		}
		out.Now, out.OK = out.Session.StartedAt, true
		return s.keepStartKey(tx, how.Key, row.ID, false, out.Now)
	})
	if errors.Is(err, errOccupied) {
		return syncer.Created{}, nil
	}
	if err != nil {
		return syncer.Created{}, err
	}
	return out, nil
}

// insertSession inserts a session and its job, and returns it as it begins; errOccupied where another one excludes it.
func (s *Store) insertSession(ctx context.Context, tx *gorm.DB, row session.Session, enqueue syncer.Enqueue) (_ session.Session, err error) {
	if row.StartedAt, err = s.now(tx); err != nil {
		return row, err
	}
	inserted := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&row)
	if inserted.Error != nil {
		return row, inserted.Error
	}
	if inserted.RowsAffected == 0 {
		return row, errOccupied
	}
	if row.RevertOf != "" {
		if err := noteRevert(tx, &row); err != nil {
			return row, err
		}
	}
	if err := s.noteStart(tx, &row); err != nil {
		return row, err
	}
	if row.JobID, err = enqueue(ctx, sqlTx(tx), row.ID, row.Fence); err != nil {
		return row, err
	}
	return row, tx.Model(&row).UpdateColumns(map[string]any{"job_id": row.JobID, "started_at": s.timeParam(row.StartedAt)}).Error
}

// writer selects the active session that writes a catalog of this node.
func writer(tx *gorm.DB, catalogName string) *gorm.DB {
	return tx.Where("catalog = ? AND "+activeSQL+" AND (direction <> ? OR incoming)", catalogName, session.Push)
}

// inTheWay selects the active session that excludes next: the one that writes the same catalog, here or at the same peer. The
// partial unique indexes say the same.
func inTheWay(tx *gorm.DB, next session.Session) *gorm.DB {
	if next.Outgoing() {
		return tx.Where("catalog = ? AND peer_id = ? AND "+activeSQL+" AND direction = ? AND NOT incoming", next.Catalog, next.PeerID, session.Push)
	}
	return writer(tx, next.Catalog)
}

// replaceActive cancels the session in the way of next, if there is one, in the transaction that starts next.
func (s *Store) replaceActive(tx *gorm.DB, next session.Session, by syncer.Cancellation) (*session.Session, error) {
	var active session.Session
	err := inTheWay(s.forUpdate(tx), next).Take(&active).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &active, s.guarded(cancellable(tx, active.ID), s.cancelled(tx.Statement.Context, by))
}

// forUpdate locks the rows that are read. SQLite knows no row locks and needs none: its transactions are the only writer.
func (s *Store) forUpdate(tx *gorm.DB) *gorm.DB {
	if s.name() == "postgres" {
		return tx.Clauses(clause.Locking{Strength: clause.LockingStrengthUpdate})
	}
	return tx
}

// keepStartKey stores the key of a start with its session. A key that is taken meanwhile is Conflict, and the start is
// rolled back: the other one was first.
func (s *Store) keepStartKey(tx *gorm.DB, key *syncer.StartKey, sessionID string, attached bool, now time.Time) error {
	if key == nil {
		return nil
	}
	return s.translate(tx.Create(&startKey{
		Subject: key.Subject, StartKey: key.Key, RequestHash: key.RequestHash, SessionID: sessionID, Attached: attached, CreatedAt: now,
	}).Error)
}

// AttachKey implements [syncer.Sessions].
func (s *Store) AttachKey(ctx context.Context, key syncer.StartKey, sessionID string) error {
	return s.inTx(ctx, s.db, func(tx *gorm.DB) error {
		now, err := s.now(tx)
		if err != nil {
			return err
		}
		return s.keepStartKey(tx, &key, sessionID, true, now)
	})
}

// FindStartKey implements [syncer.Sessions].
func (s *Store) FindStartKey(ctx context.Context, subject, key string) (found syncer.KeptKey, ok bool, err error) {
	db := s.db.WithContext(ctx)
	if err := db.Where("created_at < " + s.agoSQL(keyLifetime)).Delete(&startKey{}).Error; err != nil {
		return found, false, s.translate(err)
	}
	var row startKey
	err = db.Where("subject = ? AND start_key = ?", subject, key).Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return found, false, nil
	}
	return syncer.KeptKey{RequestHash: row.RequestHash, SessionID: row.SessionID, Attached: row.Attached}, err == nil, s.translate(err)
}

// PruneSessions deletes finished sessions that ended longer than olderThan ago, except the newest keep ones, up to a
// thousand at a time, and returns how many.
func (s *Store) PruneSessions(ctx context.Context, olderThan time.Duration, keep int) (int64, error) {
	var st statement
	query := s.pruneSQL(&st, olderThan, keep)
	done, err := s.SQL().ExecContext(ctx, query, st.values...)
	if err != nil {
		return 0, s.translate(err)
	}
	return done.RowsAffected()
}

// pruneSQL walks along the index of each status, first from the newest to the last one that is kept, then from the oldest on.
func (s *Store) pruneSQL(st *statement, olderThan time.Duration, keep int) string {
	// In a query of its own, so that PostgreSQL asks the clock once and can look the outcome up in the index.
	ago := "(SELECT " + s.agoSQL(olderThan) + ")"
	finished := []session.Status{session.Completed, session.Failed, session.Cancelled}
	walks := func(rest string) string {
		all := make([]string, len(finished))
		for i, status := range finished {
			all[i] = "SELECT * FROM (SELECT id, started_at FROM sync_sessions WHERE status = " + st.value(string(status)) + rest + ") AS walk"
		}
		return "(" + strings.Join(all, " UNION ALL ") + ") AS walks"
	}
	old := " AND started_at < " + ago + " AND completed_at < " + ago
	if keep > 0 {
		count := strconv.Itoa(keep)
		// Not the newest: whatever comes after those in the listing. Where there are no more than are kept, nothing does.
		old += " AND (started_at, id) < (SELECT started_at, id FROM " + walks(newestFirst+" LIMIT "+count) +
			newestFirst + " LIMIT 1 OFFSET " + strconv.Itoa(keep-1) + ")"
	}
	return "DELETE FROM sync_sessions WHERE id IN (SELECT id FROM " + walks(old+" ORDER BY started_at, id LIMIT 1000") +
		" ORDER BY started_at, id LIMIT 1000)"
}
