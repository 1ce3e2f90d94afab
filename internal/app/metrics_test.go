package app_test

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"fullsync/api/spec"
	"fullsync/internal/nodetest"
)

// families is a scrape, read by Prometheus's own parser.
type families map[string]*dto.MetricFamily

func scrape(t *testing.T, n *nodetest.Node) families {
	t.Helper()
	a := n.Call("alice", http.MethodGet, "/metrics", "")
	if a.Status != http.StatusOK {
		t.Fatalf("/metrics: %d %s", a.Status, a.Body)
	}
	return parsed(t, a.Body)
}

// scrapeAfter waits until the node has counted that many sessions as ended, which it does just after their end can be seen.
func scrapeAfter(t *testing.T, n *nodetest.Node, ended float64) (found families) {
	t.Helper()
	nodetest.Eventually(t, "the count of ended sessions", func() bool {
		found = scrape(t, n)
		return found.value("fullsync_sessions_ended_total") >= ended
	})
	return found
}

func parsed(t *testing.T, text []byte) families {
	t.Helper()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	found, err := parser.TextToMetricFamilies(bytes.NewReader(text))
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	problems, err := promlint.New(bytes.NewReader(text)).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("conventions of Prometheus: %v %v", problems, err)
	}
	return found
}

// value adds up the series of a metric that have these labels: "direction", "pull", ….
func (f families) value(name string, labels ...string) (sum float64) {
	for _, series := range f[name].GetMetric() {
		if hasLabels(series, labels) {
			sum += series.GetCounter().GetValue() + series.GetGauge().GetValue() + float64(series.GetHistogram().GetSampleCount())
		}
	}
	return sum
}

func hasLabels(series *dto.Metric, labels []string) bool {
	for pair := range slices.Chunk(labels, 2) {
		if !slices.ContainsFunc(series.GetLabel(), func(l *dto.LabelPair) bool { return l.GetName() == pair[0] && l.GetValue() == pair[1] }) {
			return false
		}
	}
	return true
}

// wants compares values of a scrape.
func (f families) wants(t *testing.T, want float64, name string, labels ...string) {
	t.Helper()
	if got := f.value(name, labels...); got != want {
		t.Errorf("%s %v is %v, want %v", name, labels, got, want)
	}
}

func TestMetricsTellWhatPullsDo(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, full, nodetest.Config{})
		m := scrape(t, pair.Main)
		m.wants(t, 1, "fullsync_database_up")
		m.wants(t, 0, "fullsync_peers", "state", "online")
		m.wants(t, 1, "fullsync_peers", "state", "offline")

		s := pair.Main.Sync(nodetest.Pull{})
		m = scrapeAfter(t, pair.Main, 1)
		m.wants(t, 1, "fullsync_sessions_started_total", "direction", "pull")
		m.wants(t, 1, "fullsync_sessions_ended_total", "direction", "pull", "status", "COMPLETED", "outcome", "clean")
		m.wants(t, full, "fullsync_products_total", "direction", "pull", "result", "created")
		m.wants(t, full, "fullsync_products_total")
		m.wants(t, float64(s.TransferredBytes), "fullsync_transferred_bytes_total", "direction", "pull")
		m.wants(t, 1, "fullsync_queue_wait_seconds")
		m.wants(t, 1, "fullsync_peers", "state", "online")
		m.wants(t, 1, "fullsync_http_requests_total", "method", "POST", "route", "/api/admin/sync/full-sync", "status", "202")
		m.wants(t, 0, "fullsync_sessions_active")
		if m.value("fullsync_batch_duration_seconds", "direction", "pull", "result", "committed") < 1 ||
			m.value("fullsync_database_pool_connections") == 0 || m.value("go_goroutines") == 0 || m.value("process_start_time_seconds") == 0 {
			t.Errorf("%v", m)
		}
		pair.Main.Sync(nodetest.Pull{})
		m = scrapeAfter(t, pair.Main, 2)
		m.wants(t, full, "fullsync_products_total", "result", "unchanged")
		if m.value("fullsync_digest_duration_seconds") == 0 {
			t.Error("a comparison took no digest")
		}

		removeProducts(t, pair, pair.Branch.Products("main")[:600]...)
		pair.Main.Sync(deleting())
		m = scrapeAfter(t, pair.Main, 3)
		m.wants(t, 600, "fullsync_deletes_withheld_total", "direction", "pull")
		m.wants(t, 1, "fullsync_sessions_ended_total", "outcome", "deletes_withheld")
	})
}

func TestMetricsTellOfCancels(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, 100, nodetest.Config{})
		gate := pair.Wire.HoldPage(t, nodetest.ProductsPath, 3)
		size := 10
		s := pair.Main.Pull(nodetest.Pull{Options: spec.StartOptions{BatchSize: &size}})
		nodetest.Await(t, "the third page", gate.Reached)
		pair.Main.WaitFor(s.SessionId, "a batch", func(s spec.Session) bool { return s.TransferredRecords > 0 })
		m := scrape(t, pair.Main)
		m.wants(t, 1, "fullsync_sessions_active", "direction", "pull", "status", "TRANSFERRING", "verdict", "healthy")
		pair.Main.Cancel(s, "")
		pair.Main.Cancel(s, "again, which is no second one")
		m = scrapeAfter(t, pair.Main, 1)
		m.wants(t, 1, "fullsync_sessions_ended_total", "direction", "pull", "status", "CANCELLED")
		m.wants(t, 1, "fullsync_cancel_duration_seconds")
		m.wants(t, 0, "fullsync_sessions_active")
	})
}

func TestMetricsOfBothEndsOfAPush(t *testing.T) {
	t.Parallel()
	pair := newPusher(t, nodetest.Postgres, nodetest.SQLite, 100, nodetest.Config{})
	s := pair.Main.Sync(push(30, spec.StartOptions{}))
	for direction, m := range map[string]families{"push": scrapeAfter(t, pair.Main, 1), "incoming": scrapeAfter(t, pair.Branch, 1)} {
		m.wants(t, 1, "fullsync_sessions_started_total", "direction", direction)
		m.wants(t, 1, "fullsync_sessions_ended_total", "direction", direction, "status", "COMPLETED", "outcome", "clean")
		m.wants(t, 100, "fullsync_products_total", "direction", direction, "result", "created")
	}
	scrape(t, pair.Main).wants(t, float64(s.TransferredBytes), "fullsync_transferred_bytes_total", "direction", "push")
}

// What callers make up becomes no series.
func TestStrangersMakeNoSeries(t *testing.T) {
	t.Parallel()
	n := nodetest.Start(t, nodetest.Config{})
	count := func() (series int) {
		for _, family := range scrape(t, n) {
			series += len(family.GetMetric())
		}
		return series
	}
	count() // a scrape is a request too
	for _, r := range [][2]string{{http.MethodGet, "/api/%d"}, {"BREW%d", "/api/node"}, {http.MethodGet, "/api/catalogs/c%d/products/x"}} {
		send := func(i string) {
			n.Call("alice", strings.ReplaceAll(r[0], "%d", i), strings.ReplaceAll(r[1], "%d", i), "")
		}
		send("1")
		before := count()
		send("2")
		send("3")
		if after := count(); after != before {
			t.Errorf("%v: %d series, before %d", r, after, before)
		}
	}
}

func TestMetricsOnTheirOwnListener(t *testing.T) {
	t.Parallel()
	n := nodetest.Start(t, nodetest.Config{Settings: map[string]string{"METRICS_LISTEN": "127.0.0.1:0", "PPROF_LISTEN": "127.0.0.1:0"}})
	get := func(url string) (int, []byte) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close() //nolint:errcheck // nothing is lost
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, text
	}
	metrics := "http://" + n.Beside("FULLSYNC_METRICS_LISTEN")
	if status, text := get(metrics + "/metrics"); status != http.StatusOK || parsed(t, text).value("fullsync_database_up") != 1 {
		t.Errorf("%d %s", status, text)
	}
	if status, _ := get(metrics + "/healthz"); status != http.StatusNotFound {
		t.Errorf("the listener of the metrics serves more: %d", status)
	}
	if a := n.Call("alice", http.MethodGet, "/metrics", ""); a.Status != http.StatusNotFound {
		t.Errorf("/metrics of the API: %d %s", a.Status, a.Body)
	}
	if status, text := get("http://" + n.Beside("FULLSYNC_PPROF_LISTEN") + "/debug/pprof/goroutine?debug=1"); status != http.StatusOK || !bytes.Contains(text, []byte("goroutine profile")) {
		t.Errorf("%d %.200s", status, text)
	}
	if status, _ := get(n.URL() + "/debug/pprof/"); status != http.StatusNotFound {
		t.Errorf("the API serves profiles: %d", status)
	}
}
