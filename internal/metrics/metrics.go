// Package metrics counts and measures what a node does, for Prometheus. No label has a value that a caller or a peer chooses, so the
// number of series has a bound.
package metrics

import (
	"bytes"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/common/expfmt"

	"fullsync/internal/session"
)

// Metrics are those of one node's replica. Its methods are safe for concurrent use.
type Metrics struct {
	registry *prometheus.Registry

	started   *prometheus.CounterVec
	ended     *prometheus.CounterVec
	products  *prometheus.CounterVec
	bytes     *prometheus.CounterVec
	batches   *prometheus.HistogramVec
	digests   *prometheus.HistogramVec
	queueWait prometheus.Histogram
	cancels   prometheus.Histogram
	takeovers prometheus.Counter
	withheld  *prometheus.CounterVec
	requests  *prometheus.CounterVec
	answers   *prometheus.HistogramVec
	automatic
}

// New returns the metrics of a replica of that version.
func New(version string) *Metrics {
	m := &Metrics{
		registry:  prometheus.NewRegistry(),
		automatic: newAutomatic(),
		started: counters("sessions_started_total", "Sessions that began here, by direction: pull, push (out of this node), incoming (a push into it) or revert.",
			"direction"),
		ended: counters("sessions_ended_total", "Sessions whose end this replica recorded, by how they ended. Only those that are COMPLETED have an outcome.",
			"direction", "status", "outcome"),
		products: counters("products_total", "Products in committed batches, by what became of them.", "direction", "result"),
		bytes:    counters("transferred_bytes_total", "Bytes of products that came or went over the wire, compressed where compression was used.", "direction"),
		batches: histograms("batch_duration_seconds", "How long it took to commit a batch; for a push, until its target answered.", batchBuckets(),
			"direction", "result"),
		digests: histograms("digest_duration_seconds", "How long this node's database took to answer a question of a comparison.", batchBuckets(), "question"),
		queueWait: histogram("queue_wait_seconds", "How long a session waited for its first worker.",
			[]float64{.01, .05, .1, .5, 1, 5, 15, 60, 300, 1800}),
		cancels: histogram("cancel_duration_seconds", "How long a cancel took, until nothing of the session could be committed here any more.",
			[]float64{.001, .0025, .005, .01, .025, .05, .1, .5, 1, 5}),
		takeovers: counter("takeovers_total", "Sessions that this replica took from a lost worker."),
		withheld:  counters("deletes_withheld_total", "Deletes that were withheld until somebody approves them.", "direction"),
		requests:  counters("http_requests_total", "Requests to the API, by route and status.", "method", "route", "status"),
		answers: histograms("http_request_duration_seconds", "How long requests to the API took, except event streams.",
			[]float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10, 60}, "method", "route"),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: namespace, Name: "build_info", Help: "Always 1; the label says which version runs.", ConstLabels: prometheus.Labels{"version": version},
	})
	build.Set(1)
	m.registry.MustRegister(build, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		m.started, m.ended, m.products, m.bytes, m.batches, m.digests, m.queueWait, m.cancels, m.takeovers, m.withheld, m.requests, m.answers)
	m.registry.MustRegister(m.all()...)
	return m
}

const namespace = "fullsync"

func batchBuckets() []float64 { return prometheus.ExponentialBuckets(.001, 2.5, 12) } // 1 ms to 24 s

func counter(name, help string) prometheus.Counter {
	return prometheus.NewCounter(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help})
}

func counters(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
}

func histogram(name, help string, buckets []float64) prometheus.Histogram {
	return prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help, Buckets: buckets})
}

func histograms(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help, Buckets: buckets}, labels)
}

// Text returns everything in Prometheus's text format.
func (m *Metrics) Text() ([]byte, error) {
	families, err := m.registry.Gather()
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	for _, family := range families {
		if _, err := expfmt.MetricFamilyToText(&text, family); err != nil {
			return nil, err
		}
	}
	return text.Bytes(), nil
}

// Handler answers scrapes of a listener of their own.
func (m *Metrics) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}))
	return mux
}

// incoming is the direction of a push into this node.
const incoming = "incoming"

func direction(s *session.Session) string {
	if s.Incoming {
		return incoming
	}
	return string(s.Direction)
}

// Started counts a session that began.
func (m *Metrics) Started(s session.Session) { m.started.WithLabelValues(direction(&s)).Inc() }

// Claimed measures how long a session waited, when its first worker claims it.
func (m *Metrics) Claimed(s session.Session) {
	if s.Attempts == 1 && s.LastHeartbeatAt != nil { // which the claim wrote
		m.queueWait.Observe(s.LastHeartbeatAt.Sub(s.StartedAt).Seconds())
	}
}

// Ended counts a session that ended, as its row says. The end itself comes last, so that whoever sees it sees all of it.
func (m *Metrics) Ended(s session.Session) {
	if s.DeletesWithheld > 0 {
		m.withheld.WithLabelValues(direction(&s)).Add(float64(s.DeletesWithheld))
	}
	m.ended.WithLabelValues(direction(&s), string(s.Status), string(s.Outcome)).Inc()
}

// Cancelled counts a session that was cancelled, and how long that took.
func (m *Metrics) Cancelled(s session.Session, took time.Duration) {
	m.cancels.Observe(took.Seconds())
	m.Ended(s)
}

// TakenOver counts a session that was taken from a lost worker.
func (m *Metrics) TakenOver() { m.takeovers.Inc() }

// Batch measures a batch of s and, where it was committed, counts by how much it brought the session on.
func (m *Metrics) Batch(s *session.Session, took time.Duration, before, after session.Counts, err error) {
	way, result := direction(s), "committed"
	if err != nil {
		result = "failed"
	}
	m.batches.WithLabelValues(way, result).Observe(took.Seconds())
	if err != nil {
		return
	}
	for result, n := range map[string]int64{
		"created": after.Created - before.Created, "updated": after.Updated - before.Updated, "unchanged": after.Unchanged - before.Unchanged,
		"deleted": after.Deleted - before.Deleted, "rejected": after.Rejected - before.Rejected,
	} {
		m.products.WithLabelValues(way, result).Add(float64(max(0, n)))
	}
	m.Bytes(*s, after.TransferredBytes-before.TransferredBytes)
}

// Bytes counts what came or went for a session.
func (m *Metrics) Bytes(s session.Session, n int64) {
	m.bytes.WithLabelValues(direction(&s)).Add(float64(max(0, n)))
}

// Digest measures a question of a comparison (spans, digests or entries) that was asked then.
func (m *Metrics) Digest(question string, asked time.Time) {
	m.digests.WithLabelValues(question).Observe(time.Since(asked).Seconds())
}

// Request counts a request to the API and, unless its answer was a stream, measures it. method and route are those of the document, not what a
// caller wrote.
func (m *Metrics) Request(method, route string, status int, took time.Duration, stream bool) {
	m.requests.WithLabelValues(method, route, strconv.Itoa(status)).Inc()
	if !stream {
		m.answers.WithLabelValues(method, route).Observe(took.Seconds())
	}
}
