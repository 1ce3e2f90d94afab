package app

import (
	"context"
	"time"

	"fullsync/internal/metrics"
	"fullsync/internal/schedule"
	"fullsync/internal/store"
	"fullsync/internal/webhook"
)

// measuredRuns counts the runs of schedules that have no session.
type measuredRuns struct {
	*store.Store
	metrics *metrics.Metrics
}

// FallDue implements [schedule.Clockwork].
func (m measuredRuns) FallDue(ctx context.Context, s schedule.Schedule, fall func(*schedule.Schedule, time.Time) []schedule.Run) error {
	var runs []schedule.Run
	err := m.Store.FallDue(ctx, s, func(s *schedule.Schedule, now time.Time) []schedule.Run {
		runs = fall(s, now)
		return runs
	})
	if err != nil {
		return err
	}
	skipped := 0
	for _, r := range runs {
		if r.State == schedule.Skipped {
			skipped++
		}
	}
	m.metrics.RunsDecided(schedule.Skipped, skipped)
	return nil
}

// DecideRun implements [schedule.Clockwork].
func (m measuredRuns) DecideRun(ctx context.Context, id string, state schedule.State, problem string) (changed bool, err error) {
	changed, err = m.Store.DecideRun(ctx, id, state, problem)
	if changed && state != schedule.Waiting {
		m.metrics.RunsDecided(state, 1)
	}
	return changed, err
}

// measuredMail counts what webhooks are sent.
type measuredMail struct {
	*store.Store
	metrics *metrics.Metrics
}

// RecordAttempt implements [webhook.Mail].
func (m measuredMail) RecordAttempt(ctx context.Context, id string, r webhook.Record) (webhook.Delivery, error) {
	d, err := m.Store.RecordAttempt(ctx, id, r)
	if err == nil {
		m.metrics.Delivery(r)
	}
	return d, err
}
