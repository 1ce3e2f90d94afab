package store

import (
	"context"
	"time"

	"gorm.io/gorm"

	"fullsync/internal/session"
)

// hoursKept is for how long tallies are kept by the hour, and daysKept by the day; both are somewhat more than is shown.
const (
	hoursKept = 30 * time.Hour
	daysKept  = 8 * 24 * time.Hour
)

// Figures returns what all sessions come to, at one moment.
func (s *Store) Figures(ctx context.Context) (session.Figures, error) {
	rows, err := s.query(ctx, s.figuresSQL())
	if err != nil {
		return session.Figures{}, s.translate(err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err below is what counts
	var tallies []session.Tally
	var at any
	for rows.Next() {
		var t session.Tally
		var total *int64
		var handled int64
		err := rows.Scan(&t.Hour, &t.Status, &t.Direction, &t.PeerID, &t.Kept, &t.Ended, &t.Processed, &t.Rejected, &t.Bytes, &total, &handled, &at)
		if err != nil {
			return session.Figures{}, s.translate(err)
		}
		if total != nil {
			t.Pending = max(0, *total-handled)
		}
		tallies = append(tallies, t)
	}
	if err := rows.Err(); err != nil {
		return session.Figures{}, s.translate(err)
	}
	now, err := s.parseNow(at)
	return session.Summarise(tallies, now), err
}

// figuresSQL selects the tallies, one more for every active session, and an empty one that is always there.
func (s *Store) figuresSQL() string {
	now := s.nowSQL()
	return "SELECT hour, status, direction, peer_id, " + sumsSQL + ", NULL, 0, " + now +
		" FROM sync_tallies GROUP BY hour, status, direction, peer_id" +
		" UNION ALL SELECT started_at, status, direction, peer_id, 1, 0, transferred_records + deleted_records, rejected_records," +
		" transferred_bytes, total_records, resumed_records + transferred_records + rejected_records, " + now +
		" FROM sync_sessions WHERE " + activeSQL +
		" UNION ALL SELECT " + s.emptyHourSQL() + ", '', '', '', 0, 0, 0, 0, 0, NULL, 0, " + now
}

// sumsSQL are the numbers of tallies, added up. PostgreSQL would make them numeric.
const sumsSQL = "CAST(sum(kept) AS bigint), CAST(sum(ended) AS bigint), CAST(sum(processed) AS bigint), CAST(sum(rejected) AS bigint), CAST(sum(bytes) AS bigint)"

// FoldTallies adds up the tallies that have come since the last time, and those that are too old to be shown by themselves.
// Without it every session that ends would be one row more to read for good.
func (s *Store) FoldTallies(ctx context.Context) error {
	const columns = "hour, status, direction, peer_id, kept, ended, processed, rejected, bytes"
	return s.inTx(ctx, s.db, func(tx *gorm.DB) error {
		if s.name() == "postgres" {
			// In one statement, which takes away just what it has seen: more come meanwhile.
			return tx.Exec("WITH gone AS (DELETE FROM sync_tallies RETURNING " + columns + ") " + s.foldedSQL("gone")).Error
		}
		var last int64
		if err := tx.Raw("SELECT COALESCE(max(seq), 0) FROM sync_tallies").Row().Scan(&last); err != nil {
			return err
		}
		if err := tx.Exec(s.foldedSQL("sync_tallies")).Error; err != nil {
			return err
		}
		return tx.Exec("DELETE FROM sync_tallies WHERE seq <= ?", last).Error
	})
}

// foldedSQL inserts the sums of the tallies in the table or expression from.
func (s *Store) foldedSQL(from string) string {
	recent, shown := "hour > (SELECT "+s.agoSQL(hoursKept)+")", "hour > (SELECT "+s.agoSQL(daysKept)+")"
	return "INSERT INTO sync_tallies (hour, status, direction, peer_id, kept, ended, processed, rejected, bytes)" +
		" SELECT hour, status, direction, peer_id, " + sumsSQL + " FROM (SELECT" +
		" CASE WHEN " + recent + " THEN hour WHEN " + shown + " THEN " + s.daySQL("hour") + " ELSE " + s.emptyHourSQL() + " END AS hour," +
		" status, CASE WHEN " + shown + " THEN direction ELSE '' END AS direction," +
		" CASE WHEN " + shown + " THEN peer_id ELSE '' END AS peer_id, kept, ended, processed, rejected, bytes FROM " + from + ") AS old" +
		" GROUP BY 1, 2, 3, 4"
}
