package store

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"fullsync/internal/peer"
	"fullsync/internal/session"
)

const (
	// markEvery is how often a database gets a mark.
	markEvery = time.Minute
	// marksKept is how many marks are kept: those of a week, and more of restarts.
	marksKept = 15_000
	// settingForkedAt is when somebody was last found to have seen another history of this node.
	settingForkedAt = "forked_at"
)

// mark is one row of the history.
type mark struct {
	N    int64 `gorm:"primaryKey;autoIncrement:false"`
	Mark string
	At   time.Time
}

// TableName names the table for GORM.
func (mark) TableName() string { return "node_marks" }

// NewestMark implements [peer.History].
func (s *Store) NewestMark(ctx context.Context) (peer.Mark, error) {
	var recent []mark
	err := s.show.WithContext(ctx).Where("NOT (" + s.farFrom("at", markEvery) + ")").Order("n DESC").Limit(1).Find(&recent).Error
	if err != nil {
		return peer.Mark{}, s.translate(err)
	}
	if len(recent) > 0 {
		return peer.Mark{N: recent[0].N, Value: recent[0].Mark}, nil
	}
	return s.AddMark(ctx)
}

// AddMark adds a mark to the history and returns it. Of several replicas that do so at once one succeeds, and all return its mark.
func (s *Store) AddMark(ctx context.Context) (peer.Mark, error) {
	row, added, err := s.addMark(s.db.WithContext(ctx))
	if err == nil && !added {
		err = s.db.WithContext(ctx).Where("n = ?", row.N).Take(&row).Error
	}
	return peer.Mark{N: row.N, Value: row.Mark}, s.translate(err)
}

// addMark adds the next mark; added is false where somebody else has added that one.
func (s *Store) addMark(db *gorm.DB) (row mark, added bool, err error) {
	value := make([]byte, 8)
	_, _ = rand.Read(value) // it never fails
	var newest []mark
	if err := db.Order("n DESC").Limit(1).Find(&newest).Error; err != nil {
		return row, false, err
	}
	now, err := s.now(db)
	if err != nil {
		return row, false, err
	}
	row = mark{N: 1, Mark: hex.EncodeToString(value), At: now}
	if len(newest) > 0 {
		row.N = newest[0].N + 1
	}
	done := db.Clauses(clause.OnConflict{DoNothing: true}).Create(&row)
	return row, done.RowsAffected == 1, done.Error
}

// FinishIncoming implements [syncer.Incoming]. A mark of its own comes with a COMPLETED end, in one transaction: whoever has seen that mark
// notices when a failover loses the end.
func (s *Store) FinishIncoming(ctx context.Context, c session.Claim, end session.Ending) error {
	if end.Status != session.Completed {
		return s.FinishSession(ctx, c, end)
	}
	return s.roomyTx(ctx, func(tx *gorm.DB) error {
		if err := s.guarded(fenced(tx, c).Where("status IN ?", session.Before(end.Status)), s.ended(end)); err != nil {
			return err
		}
		for { // a mark of somebody else may be there although this end is not
			if _, added, err := s.addMark(tx); err != nil || added {
				return s.translate(err)
			}
		}
	})
}

// KnowsMark implements [peer.History].
func (s *Store) KnowsMark(ctx context.Context, m peer.Mark) (bool, error) {
	var rows []mark
	err := s.show.WithContext(ctx).Where("n = ? OR n = (SELECT min(n) FROM node_marks)", m.N).Order("n").Find(&rows).Error
	known := len(rows) > 0 && m.N < rows[0].N // forgotten
	for _, row := range rows {
		known = known || row.N == m.N && row.Mark == m.Value
	}
	return known, s.translate(err)
}

// SeenMark implements [peer.History].
func (s *Store) SeenMark(ctx context.Context, nodeID string) (m peer.Mark, forked bool, err error) {
	var rows []struct {
		SeenMark string
		Forked   bool
	}
	err = s.show.WithContext(ctx).Raw("SELECT seen_mark, COALESCE(forked_at > "+s.agoSQL(peer.ForkShown)+", false) AS forked FROM peers WHERE node_id = ?", nodeID).
		Scan(&rows).Error
	if err != nil {
		return m, false, s.translate(err)
	}
	if len(rows) == 0 {
		return m, false, peer.Unknown(nodeID)
	}
	m, _ = peer.ParseMark(rows[0].SeenMark)
	return m, rows[0].Forked, nil
}

// SeeMark implements [peer.History].
func (s *Store) SeeMark(ctx context.Context, nodeID string, m peer.Mark, forked bool) error {
	if forked {
		err := s.db.WithContext(ctx).Table("peers").Where("node_id = ?", nodeID).UpdateColumns(map[string]any{"seen_mark": m.String(), "forked_at": s.dbNow()}).Error
		return s.translate(err)
	}
	if seen, _, err := s.SeenMark(ctx, nodeID); err == nil && seen.N >= m.N {
		return nil // as most of the time
	}
	return s.inTx(ctx, s.db, func(tx *gorm.DB) error {
		var before []string
		if err := s.forUpdate(tx.Table("peers")).Where("node_id = ?", nodeID).Pluck("seen_mark", &before).Error; err != nil || len(before) == 0 {
			return s.translate(err)
		}
		if old, ok := peer.ParseMark(before[0]); ok && old.N >= m.N {
			return nil
		}
		return s.translate(tx.Table("peers").Where("node_id = ?", nodeID).UpdateColumns(map[string]any{"seen_mark": m.String()}).Error)
	})
}

// NoteFork implements [peer.History].
func (s *Store) NoteFork(ctx context.Context) (news bool, err error) {
	before, err := s.OwnFork(ctx)
	if err != nil {
		return false, err
	}
	now, err := s.now(s.db.WithContext(ctx))
	if err != nil {
		return false, s.translate(err)
	}
	row := setting{Name: settingForkedAt, Value: now.UTC().Format(time.RFC3339)}
	err = s.db.WithContext(ctx).Save(&row).Error
	return before.IsZero() || now.Sub(before) > peer.ForkShown, s.translate(err)
}

// OwnFork returns when somebody was last found to have seen another history of this node; zero for never.
func (s *Store) OwnFork(ctx context.Context) (time.Time, error) {
	text, err := s.setting(ctx, settingForkedAt)
	if err != nil || text == "" {
		return time.Time{}, err
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, nil //nolint:nilerr // written by other hands: as good as never
	}
	return at, nil
}

// PruneMarks forgets old marks.
func (s *Store) PruneMarks(ctx context.Context) error {
	return s.translate(s.db.WithContext(ctx).Exec("DELETE FROM node_marks WHERE n < (SELECT max(n) FROM node_marks) - ?", marksKept).Error)
}
