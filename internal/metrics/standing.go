package metrics

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"fullsync/internal/peer"
	"fullsync/internal/schedule"
	"fullsync/internal/session"
	"fullsync/internal/webhook"
)

// scrapePatience is how long a scrape waits for the database. Everything else is delivered without it.
const scrapePatience = 3 * time.Second

// Standing is how the node stands at the moment of a scrape.
type Standing struct {
	// Active returns the active sessions.
	Active func(ctx context.Context) ([]session.View, error)
	// Peers returns the registered peers, and CheckedEvery is how often they are checked.
	Peers        func(ctx context.Context) ([]peer.Peer, error)
	CheckedEvery time.Duration
	// Pools returns the pools of connections to the database.
	Pools func() []Pool
	// Schedules and Webhooks return those of the node, and Backlog what waits of them.
	Schedules func(ctx context.Context) ([]schedule.View, error)
	Webhooks  func(ctx context.Context) ([]webhook.Webhook, error)
	Backlog   func(ctx context.Context) (Backlog, error)
}

// Pool is a pool of connections to the database.
type Pool struct {
	Name             string
	Max, InUse, Idle int
	// Waits is how often somebody had to wait for a connection, and Waited how long they all did together.
	Waits  int64
	Waited time.Duration
}

// Watch adds how the node stands to every scrape.
func (m *Metrics) Watch(s Standing) { m.registry.MustRegister(&watcher{s}) }

// watcher is a [prometheus.Collector].
type watcher struct{ Standing }

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(prometheus.BuildFQName(namespace, "", name), help, labels, nil)
}

var (
	databaseUp = describe("database_up", "Whether the database answered this scrape. Where it did not, metrics of the node are missing.")
	active     = describe("sessions_active", "Active sessions of the node, the same on every replica, by state and health.", "direction", "status", "verdict")
	waiting    = describe("queue_sessions", "Active sessions of the node that no worker has claimed, the same on every replica.")
	peers      = describe("peers", "Peers of the node, the same on every replica: online, offline, or off (switched off).", "state")
	poolMax    = describe("database_pool_max_connections", "The most connections that the pool opens.", "pool")
	poolOpen   = describe("database_pool_connections", "Open connections of the pool, by whether they are in use.", "pool", "state")
	poolWaits  = describe("database_pool_waits_total", "How often somebody waited for a connection of the pool.", "pool")
	poolWaited = describe("database_pool_wait_seconds_total", "How long all waits for a connection of the pool took together.", "pool")
)

// Describe implements [prometheus.Collector].
func (*watcher) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{databaseUp, active, waiting, peers, poolMax, poolOpen, poolWaits, poolWaited} {
		out <- d
	}
	for _, d := range automaticGauges {
		out <- d
	}
}

// Collect implements [prometheus.Collector].
func (w *watcher) Collect(out chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, value int, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(value), labels...)
	}
	for _, p := range w.Pools() {
		gauge(poolMax, p.Max, p.Name)
		gauge(poolOpen, p.InUse, p.Name, "used")
		gauge(poolOpen, p.Idle, p.Name, "idle")
		out <- prometheus.MustNewConstMetric(poolWaits, prometheus.CounterValue, float64(p.Waits), p.Name)
		out <- prometheus.MustNewConstMetric(poolWaited, prometheus.CounterValue, p.Waited.Seconds(), p.Name)
	}
	ctx, cancel := context.WithTimeout(context.Background(), scrapePatience)
	defer cancel()
	sessions, err := w.Active(ctx)
	if err != nil {
		gauge(databaseUp, 0)
		return
	}
	known, err := w.Standing.Peers(ctx)
	if err != nil {
		gauge(databaseUp, 0)
		return
	}
	auto, err := w.lookAtAutomatic(ctx)
	if err != nil {
		gauge(databaseUp, 0)
		return
	}
	gauge(databaseUp, 1)
	auto.collect(out)
	type kind struct{ direction, status, verdict string }
	kinds, queued := map[kind]int{}, 0
	for _, s := range sessions {
		kinds[kind{direction(&s.Session), string(s.Status), string(s.Health.Verdict)}]++
		if s.Worker == "" {
			queued++
		}
	}
	for k, n := range kinds {
		gauge(active, n, k.direction, k.status, k.verdict)
	}
	gauge(waiting, queued)
	states := map[string]int{"online": 0, "offline": 0, "off": 0}
	for _, p := range known {
		switch {
		case !p.IsActive:
			states["off"]++
		case p.Online(w.CheckedEvery):
			states["online"]++
		default:
			states["offline"]++
		}
	}
	for state, n := range states {
		gauge(peers, n, state)
	}
}
