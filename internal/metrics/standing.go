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
	gauges := gauges(out)
	for _, p := range w.Pools() {
		gauges.set(poolMax, float64(p.Max), p.Name)
		gauges.set(poolOpen, float64(p.InUse), p.Name, "used")
		gauges.set(poolOpen, float64(p.Idle), p.Name, "idle")
		out <- prometheus.MustNewConstMetric(poolWaits, prometheus.CounterValue, float64(p.Waits), p.Name)
		out <- prometheus.MustNewConstMetric(poolWaited, prometheus.CounterValue, p.Waited.Seconds(), p.Name)
	}
	ctx, cancel := context.WithTimeout(context.Background(), scrapePatience)
	defer cancel()
	found, err := w.look(ctx)
	gauges.flag(databaseUp, err == nil)
	if err != nil {
		return
	}
	found.automatic.collect(gauges)
	type kind struct{ direction, status, verdict string }
	kinds, queued := map[kind]int{}, 0
	for _, s := range found.sessions {
		kinds[kind{direction(&s.Session), string(s.Status), string(s.Health.Verdict)}]++
		if s.Worker == "" {
			queued++
		}
	}
	for k, n := range kinds {
		gauges.set(active, float64(n), k.direction, k.status, k.verdict)
	}
	gauges.set(waiting, float64(queued))
	states := map[string]int{"online": 0, "offline": 0, "off": 0}
	for _, p := range found.peers {
		switch {
		case !p.IsActive:
			states["off"]++
		case p.Online(w.CheckedEvery):
			states["online"]++
		default:
			states["offline"]++
		}
	}
	gauges.states(peers, states)
}

// found is what a scrape asks the database for.
type found struct {
	sessions  []session.View
	peers     []peer.Peer
	automatic automaticStanding
}

func (w *watcher) look(ctx context.Context) (f found, err error) {
	if f.sessions, err = w.Active(ctx); err != nil {
		return f, err
	}
	if f.peers, err = w.Standing.Peers(ctx); err != nil {
		return f, err
	}
	f.automatic, err = w.lookAtAutomatic(ctx)
	return f, err
}

// gauges takes the values of gauges.
type gauges chan<- prometheus.Metric

func (g gauges) set(d *prometheus.Desc, value float64, labels ...string) {
	g <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
}

// flag sets a gauge that is 1 while something holds.
func (g gauges) flag(d *prometheus.Desc, holds bool) {
	value := 0.0
	if holds {
		value = 1
	}
	g.set(d, value)
}

// states sets how many there are in each state.
func (g gauges) states(d *prometheus.Desc, counts map[string]int) {
	for state, n := range counts {
		g.set(d, float64(n), state)
	}
}
