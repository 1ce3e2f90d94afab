package store

import (
	"context"
	"time"

	"fullsync/internal/metrics"
)

// Backlog says what schedules and webhooks still have to do, with one statement, because every scrape of every replica asks.
func (s *Store) Backlog(ctx context.Context) (b metrics.Backlog, err error) {
	now := s.nowSQL()
	runs := " FROM schedule_runs WHERE state = 'waiting' AND start_at <= " + now + " AND (asked_by <> '' OR NOT " + pausedSQL + ")"
	const deliveries = " FROM webhook_deliveries WHERE state = 'pending'"
	rows, err := s.query(ctx, "SELECT "+pausedSQL+", (SELECT count(*)"+runs+"), (SELECT min(start_at)"+runs+"), "+
		"(SELECT min(next_at) FROM schedules WHERE enabled AND next_at <= "+now+" AND NOT "+pausedSQL+"), "+
		"(SELECT count(*)"+deliveries+"), (SELECT min(created_at)"+deliveries+"), "+now)
	if err != nil {
		return b, s.translate(err)
	}
	var startAt, nextAt, createdAt, at any
	err = eachRow(rows, func(scan func(into ...any) error) error {
		return scan(&b.Paused, &b.Runs, &startAt, &nextAt, &b.Deliveries, &createdAt, &at)
	})
	if err != nil {
		return b, s.translate(err)
	}
	from, err := s.parseNow(at)
	since := func(raw any) (waited time.Duration) {
		if raw != nil && err == nil {
			var then time.Time
			then, err = storedTime(raw)
			waited = max(0, from.Sub(then))
		}
		return waited
	}
	b.Overdue = max(since(startAt), since(nextAt))
	b.Oldest = since(createdAt)
	return b, err
}
