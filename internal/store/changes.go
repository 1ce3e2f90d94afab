package store

import (
	"context"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"fullsync/internal/catalog"
	"fullsync/internal/session"
)

// recording is where a batch writes down what it does to products; nil where it does not.
type recording struct {
	session string
	batch   int64
}

// recordingOf returns where the next batch of a session is to be written down. Once a batch was not, the rest would be no account.
func recordingOf(row *session.Session) *recording {
	if !row.KeepsChanges() {
		return nil
	}
	return &recording{session: row.ID, batch: row.BatchSeq + 1}
}

// beforeColumns are the columns of products that sync_changes keeps under the same names.
const beforeColumns = "sku, name, price, currency, active, attributes, origin_node_id, created_at, updated_at"

// onceOnly ends every statement that writes a batch down. A worker that has lost its claim may come with a batch whose number is taken: then the guard
// must be what refuses it.
const onceOnly = " ON CONFLICT DO NOTHING"

// recordBefore writes down, and locks, the products that which selects, as they are before something is done to them. It returns how many
// they are.
func recordBefore(tx *gorm.DB, r *recording, kind session.ChangeKind, which string, values ...any) (int64, error) {
	query := "INSERT INTO sync_changes (session_id, batch, product_id, kind, " + beforeColumns + ", hash_before) SELECT ?, ?, id, ?, " +
		beforeColumns + ", CASE WHEN digest IS NULL THEN '' ELSE hash END FROM products WHERE " + which
	if tx.Name() == "postgres" {
		query += " FOR UPDATE"
	}
	done := tx.Exec(query+onceOnly, append([]any{r.session, r.batch, kind}, values...)...)
	return done.RowsAffected, done.Error
}

// deleteRecorded deletes the products that which selects, and writes them down before. It returns how many it deleted.
func deleteRecorded(tx *gorm.DB, r *recording, which string, values ...any) (int64, error) {
	var recorded int64
	if r != nil {
		var err error
		if recorded, err = recordBefore(tx, r, session.ChangeDeleted, which, values...); err != nil {
			return 0, err
		}
	}
	done := tx.Exec("DELETE FROM products WHERE "+which, values...)
	if done.Error == nil && r != nil && done.RowsAffected != recorded {
		return 0, troubleBusy.because(errOvertaken)
	}
	return done.RowsAffected, done.Error
}

// recordCreations writes down products that a batch has created, ascending.
func recordCreations(tx *gorm.DB, r *recording, catalogName string, created []catalog.Product) error {
	if r == nil || len(created) == 0 {
		return nil
	}
	ids, err := jsonIDs(created)
	if err != nil {
		return err
	}
	return tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&creations{
		SessionID: r.session, Batch: r.batch, Catalog: catalogName, FirstID: created[0].ID, LastID: created[len(created)-1].ID,
		IDs: ids, Digests: packedDigests(created),
	}).Error
}

// PruneChanges forgets the changes of one session that ended longer than keep ago: first that it kept them, then batch by batch what it kept.
// It says whether there was one. Those of a session that is being reverted, and of a plan that is being applied, wait for the end of that.
func (s *Store) PruneChanges(ctx context.Context, keep time.Duration) (found bool, err error) {
	db := s.db.WithContext(ctx)
	var id string
	err = db.Model(&session.Session{}).Select("id").Where("changes_through <> 0 AND completed_at < " + s.agoSQL(keep) + " AND NOT EXISTS (SELECT 1 FROM sync_sessions AS a WHERE a." + activeSQL +
		" AND (a.revert_of = sync_sessions.id OR a.plan_id = sync_sessions.id))").
		Order("completed_at").Limit(1).Scan(&id).Error
	if err != nil || id == "" {
		return false, s.translate(err)
	}
	through := func(n int64) error {
		return s.translate(db.Model(&session.Session{}).Where("id = ?", id).UpdateColumn("changes_through", n).Error)
	}
	if err := through(session.NoChanges); err != nil {
		return false, err
	}
	for _, table := range []string{"sync_changes", "sync_creations"} {
		for more := true; more; {
			done := db.Exec("DELETE FROM "+table+" WHERE session_id = ? AND batch = (SELECT min(batch) FROM "+table+" WHERE session_id = ?)", id, id)
			if done.Error != nil {
				return false, s.translate(done.Error)
			}
			more = done.RowsAffected > 0
		}
	}
	return true, through(0)
}
