package app_test

import (
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"fullsync/internal/app"
	"fullsync/internal/nodetest"
)

// receiver takes spans by OTLP over HTTP.
type receiver struct {
	mu    sync.Mutex
	spans []received
}

// received is a span and the node that sent it.
type received struct {
	*tracepb.Span
	node string
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	var sent collector.ExportTraceServiceRequest
	if err != nil || req.URL.Path != "/v1/traces" || proto.Unmarshal(body, &sent) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, from := range sent.GetResourceSpans() {
		node := ""
		for _, a := range from.GetResource().GetAttributes() {
			if a.GetKey() == "service.instance.id" {
				node = a.GetValue().GetStringValue()
			}
		}
		for _, scope := range from.GetScopeSpans() {
			for _, s := range scope.GetSpans() {
				r.spans = append(r.spans, received{s, node})
			}
		}
	}
}

// One trace leads from the request that starts a sync to the job, its batches, and what the peer does for it.
func TestOneTraceFromStartToPeer(t *testing.T) {
	const pullID, pushID, parent = "4bf92f3577b34da6a3ce929d0e0e4736", "0af7651916cd43dd8448eb211c80319c", "00f067aa0ba902b7" // of the caller
	traces := &receiver{}
	server := httptest.NewServer(traces)
	t.Cleanup(server.Close)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", server.URL)

	traced := nodetest.Config{ID: nodetest.Branch, Options: app.Options{Traces: true}, Database: nodetest.NewDatabase(t, nodetest.SQLite)}
	branch := nodetest.Start(t, traced)
	branch.Fill("main", 250)
	log := &logged{}
	pair := nodetest.Between(branch, nodetest.Config{Options: app.Options{Traces: true}, Database: nodetest.NewDatabase(t, nodetest.Postgres), Log: log.handler()})
	mayPush(pair.Main, branch)
	begin := func(id, body string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, pair.Main.URL()+nodetest.StartPath, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+pair.Main.TokenFor("alice", "admin"))
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Traceparent", "00-"+id+"-"+parent+"-01")
		resp, err := http.DefaultClient.Do(req)
		if err != nil || resp.StatusCode != http.StatusAccepted {
			t.Fatal(resp, err)
		}
		_ = resp.Body.Close()
		log.await(t, "session completed", "trace", id)
	}
	begin(pullID, nodetest.Pull{}.Body())
	pair.Main.Import("main", nodetest.Product(t, `{"id":"new","name":"only here"}`))
	begin(pushID, nodetest.Pull{Push: true}.Body())
	log.await(t, "session started", "trace", pullID)
	pair.Main.Down() // which sends what is left
	branch.Down()

	traces.mu.Lock()
	defer traces.mu.Unlock()
	spans := map[string]received{}
	for _, s := range traces.spans {
		if id := hex.EncodeToString(s.GetTraceId()); id == pullID || id == pushID {
			spans[string(s.GetSpanId())] = s
		}
	}
	path := func(s received) (names []string) {
		for {
			names = append(names, s.node+" "+s.GetName())
			next, ok := spans[string(s.GetParentSpanId())]
			if !ok {
				if hex.EncodeToString(s.GetParentSpanId()) != parent {
					t.Errorf("%v does not lead to the caller", names)
				}
				return names
			}
			s = next
		}
	}
	var paths []string
	for _, s := range spans {
		paths = append(paths, hex.EncodeToString(s.GetTraceId())+" "+strings.Join(path(s), " < "))
	}
	const start = "main sync < main POST /api/admin/sync/full-sync"
	for _, want := range []string{
		pullID + " main commit batch < " + start,
		pullID + " branch GET /api/node/catalogs/{catalog}/products < main GET < " + start,
		pushID + " branch commit batch < branch POST /api/node/sessions/{sessionId}/batches < main POST < " + start,
	} {
		if !slices.Contains(paths, want) {
			slices.Sort(paths)
			t.Errorf("%s is missing in\n%s", want, strings.Join(slices.Compact(paths), "\n"))
		}
	}
}
