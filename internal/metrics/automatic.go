package metrics

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"fullsync/internal/schedule"
	"fullsync/internal/webhook"
)

// automatic are the metrics of schedules and webhooks. None has the name of one as a label: people choose those.
type automatic struct {
	runs       *prometheus.CounterVec
	delay      prometheus.Histogram
	attempts   *prometheus.HistogramVec
	deliveries *prometheus.CounterVec
}

func newAutomatic() automatic {
	return automatic{
		runs: counters("schedule_runs_total", "Runs of schedules by what became of them on this replica: started, skipped or failed (to start).", "result"),
		delay: histogram("schedule_delay_seconds", "How long after it was due a run began its session; includes the jitter of its schedule, and waiting for another session.",
			[]float64{.1, .5, 1, 5, 30, 60, 300, 900, 3600, 21600, 86400}),
		attempts: histograms("webhook_attempt_duration_seconds", "How long attempts to deliver a message took, by how they went: delivered, refused (by the answer's status) or unanswered.",
			[]float64{.01, .05, .1, .25, .5, 1, 2.5, 5, 10, 15}, "result"),
		deliveries: counters("webhook_deliveries_total", "Messages that this replica is done with: delivered, or failed after the last attempt.", "result"),
	}
}

func (a *automatic) all() []prometheus.Collector {
	return []prometheus.Collector{a.runs, a.delay, a.attempts, a.deliveries}
}

// RunStarted counts a run whose session began at that time of the database.
func (a *automatic) RunStarted(r schedule.Run, began time.Time) {
	a.runs.WithLabelValues(string(schedule.Started)).Inc()
	if r.By == "" { // otherwise nobody expected it at a certain time
		a.delay.Observe(max(0, began.Sub(r.DueAt).Seconds()))
	}
}

// RunsDecided counts runs that have no session.
func (a *automatic) RunsDecided(state schedule.State, n int) {
	a.runs.WithLabelValues(string(state)).Add(float64(n))
}

// Delivery counts an attempt to deliver a message, and what became of the message.
func (a *automatic) Delivery(r webhook.Record) {
	if !r.Unsent {
		result := "refused"
		switch {
		case r.Attempt.Problem == "":
			result = string(webhook.Delivered)
		case r.Attempt.Status == 0:
			result = "unanswered"
		}
		a.attempts.WithLabelValues(result).Observe((time.Duration(r.Attempt.DurationMS) * time.Millisecond).Seconds())
	}
	if r.State != webhook.Pending {
		a.deliveries.WithLabelValues(string(r.State)).Inc()
	}
}

// Backlog is what schedules and webhooks still have to do.
type Backlog struct {
	// Paused says that all schedules are paused.
	Paused bool
	// Runs is how many runs could have begun, and Overdue for how long the first of them could have.
	Runs    int64
	Overdue time.Duration
	// Deliveries is how many messages are not taken yet, and Oldest how old the first of them is.
	Deliveries int64
	Oldest     time.Duration
}

var (
	schedules   = describe("schedules", "Schedules of the node, the same on every replica: on, off (switched off) or failing (their last three runs failed).", "state")
	paused      = describe("schedules_paused", "1 while all schedules of the node are paused, the same on every replica.")
	inRow       = describe("schedule_failures_in_row", "How often in a row the schedule of the node has failed that is worst off, the same on every replica.")
	runsWaiting = describe("schedule_runs_waiting", "Runs of the node that could have begun and have not, the same on every replica.")
	overdue     = describe("schedule_overdue_seconds", "For how long the first of those could have begun, the same on every replica.")
	webhooks    = describe("webhooks", "Webhooks of the node, the same on every replica: on, off (switched off) or failing (the last attempt went wrong).", "state")
	pending     = describe("webhook_deliveries_pending", "Messages of the node that their receivers have not taken yet, the same on every replica.")
	oldest      = describe("webhook_oldest_pending_seconds", "How old the first of those is, the same on every replica.")

	automaticGauges = []*prometheus.Desc{schedules, paused, inRow, runsWaiting, overdue, webhooks, pending, oldest}
)

// automaticStanding is how schedules and webhooks stand.
type automaticStanding struct {
	schedules []schedule.View
	webhooks  []webhook.Webhook
	Backlog
}

func (w *watcher) lookAtAutomatic(ctx context.Context) (a automaticStanding, err error) {
	if a.schedules, err = w.Standing.Schedules(ctx); err != nil {
		return a, err
	}
	if a.webhooks, err = w.Standing.Webhooks(ctx); err != nil {
		return a, err
	}
	a.Backlog, err = w.Standing.Backlog(ctx)
	return a, err
}

func (a *automaticStanding) collect(gauges gauges) {
	worst, states, hooks := 0, noneYet(), noneYet()
	for _, s := range a.schedules {
		states[standing(s.Enabled, s.Failing())]++
		if s.Enabled {
			worst = max(worst, s.FailedInRow)
		}
	}
	for _, h := range a.webhooks {
		hooks[standing(h.Enabled, h.LastError != "")]++
	}
	gauges.states(schedules, states)
	gauges.states(webhooks, hooks)
	gauges.flag(paused, a.Paused)
	gauges.set(inRow, float64(worst))
	gauges.set(runsWaiting, float64(a.Runs))
	gauges.set(overdue, a.Overdue.Seconds())
	gauges.set(pending, float64(a.Deliveries))
	gauges.set(oldest, a.Oldest.Seconds())
}

// The states of a schedule or a webhook.
const (
	on      = "on"
	off     = "off"
	failing = "failing"
)

// noneYet are counts of all states.
func noneYet() map[string]int { return map[string]int{on: 0, off: 0, failing: 0} }

func standing(enabled, fails bool) string {
	switch {
	case !enabled:
		return off
	case fails:
		return failing
	default:
		return on
	}
}
