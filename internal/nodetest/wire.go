package nodetest

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// Wire is a proxy between one node and another. It passes everything on unchanged, records what goes by, and lets a test
// intervene.
type Wire struct {
	// URL is the address at which the other node appears to be.
	URL string

	mu      sync.Mutex
	reach   func(w http.ResponseWriter, r *http.Request, next http.Handler)
	entries []*Exchange
	earlier bool
}

// Exchange is one request and its answer, as seen on the wire.
type Exchange struct {
	Path  string
	Query url.Values
	// AcceptEncoding is the request's, ContentEncoding the answer's.
	AcceptEncoding, ContentEncoding string
	// Status is 0 until there is an answer.
	Status int
	// Bytes is the size of the answer's body as it went over the wire.
	Bytes int64
}

// NewWire returns a wire to the node at target.
func NewWire(t testing.TB, target string) *Wire {
	t.Helper()
	to, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	quiet := slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)
	// The wire must not compress or decompress anything, so that it records exactly what the nodes sent.
	transport := &http.Transport{DisableCompression: true}
	pass := &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(to) },
		Transport: transport, ErrorLog: quiet, FlushInterval: -1,
	}
	wire := &Wire{}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		wire.serve(w, r, pass)
	}))
	server.Config.ErrorLog = quiet
	server.Start()
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
		transport.CloseIdleConnections()
	})
	wire.URL = server.URL
	return wire
}

func (wire *Wire) serve(w http.ResponseWriter, r *http.Request, pass http.Handler) {
	entry := &Exchange{Path: r.URL.Path, Query: r.URL.Query(), AcceptEncoding: r.Header.Get("Accept-Encoding")}
	wire.mu.Lock()
	wire.entries = append(wire.entries, entry)
	reach, earlier := wire.reach, wire.earlier
	wire.mu.Unlock()
	noted := &notedWriter{ResponseWriter: w, wire: wire, entry: entry}
	if earlier && strings.HasSuffix(r.URL.Path, DigestsPath) {
		http.NotFound(noted, r)
		return
	}
	if reach == nil {
		pass.ServeHTTP(noted, r)
		return
	}
	reach(noted, r, pass)
}

// Earlier makes the node look like an older version that cannot compare: every pull from it reads every product.
func (wire *Wire) Earlier() {
	wire.mu.Lock()
	defer wire.mu.Unlock()
	wire.earlier = true
}

// Compares takes back what [Wire.Earlier] did.
func (wire *Wire) Compares() {
	wire.mu.Lock()
	defer wire.mu.Unlock()
	wire.earlier = false
}

// Reach lets reach handle every request from now on; it may pass requests on to next. With nil they go straight through
// again.
func (wire *Wire) Reach(reach func(w http.ResponseWriter, r *http.Request, next http.Handler)) {
	wire.mu.Lock()
	defer wire.mu.Unlock()
	wire.reach = reach
}

// Exchanges returns the exchanges so far whose path ends with suffix.
func (wire *Wire) Exchanges(suffix string) (matching []Exchange) {
	wire.mu.Lock()
	defer wire.mu.Unlock()
	for _, e := range wire.entries {
		if strings.HasSuffix(e.Path, suffix) {
			matching = append(matching, *e)
		}
	}
	return matching
}

// How the paths of the node-to-node routes end.
const (
	WhoPath      = "/api/node"
	ProductsPath = "/products"
	HashesPath   = "/hashes"
	DigestsPath  = "/digests"
	BatchesPath  = "/batches"
	FinishPath   = "/finish"
	PushPath     = "/api/node/sessions"
)

// OnPage calls reach for the number-th request whose path ends with path, from 1, and lets everything else through. A page
// that is requested again counts again.
func (wire *Wire) OnPage(path string, number int, reach func(w http.ResponseWriter, r *http.Request, next http.Handler)) {
	var mu sync.Mutex
	asked := 0
	wire.Reach(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if strings.HasSuffix(r.URL.Path, path) {
			mu.Lock()
			asked++
			here := asked == number
			mu.Unlock()
			if here {
				reach(w, r, next)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// Gate holds a page back.
type Gate struct {
	// Reached is closed when the page is requested, Left when the requester has got it or has gone away.
	Reached, Left chan struct{}
	open          chan struct{}
	once          sync.Once
}

// Open lets the page through. It is safe to call twice.
func (g *Gate) Open() { g.once.Do(func() { close(g.open) }) }

// HoldPage holds back the answer to the number-th request whose path ends with path, from 1, until the gate is opened, the
// requesting node gives up, or the test ends.
func (wire *Wire) HoldPage(t testing.TB, path string, number int) *Gate {
	t.Helper()
	g := &Gate{Reached: make(chan struct{}), Left: make(chan struct{}), open: make(chan struct{})}
	t.Cleanup(g.Open)
	wire.OnPage(path, number, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		close(g.Reached)
		defer close(g.Left)
		select {
		case <-g.open:
			next.ServeHTTP(w, r)
		case <-r.Context().Done():
		}
	})
	return g
}

// Cut sends the first part of next's answer, a fraction from 0 to 1, and then cuts the connection.
func Cut(w http.ResponseWriter, r *http.Request, next http.Handler, part float64) {
	whole := Answered(r, next)
	for name, values := range whole.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(whole.Status)
	_, _ = w.Write(whole.Body[:int(float64(len(whole.Body))*part)])
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// Answered returns next's answer, so that a test can alter it.
func Answered(r *http.Request, next http.Handler) Answer {
	recorder := httptest.NewRecorder()
	next.ServeHTTP(recorder, r)
	result := recorder.Result()
	defer result.Body.Close() //nolint:errcheck // it is in memory
	body, _ := io.ReadAll(result.Body)
	return Answer{Status: result.StatusCode, Header: result.Header, Body: body}
}

// notedWriter records an answer before sending it, so that once a client has an answer the record is there.
type notedWriter struct {
	http.ResponseWriter
	wire  *Wire
	entry *Exchange
}

// WriteHeader records the answer's status and headers.
func (w *notedWriter) WriteHeader(status int) {
	w.wire.mu.Lock()
	w.entry.Status, w.entry.ContentEncoding = status, w.Header().Get("Content-Encoding")
	w.wire.mu.Unlock()
	w.ResponseWriter.WriteHeader(status)
}

// Write counts the bytes of the body.
func (w *notedWriter) Write(p []byte) (int, error) {
	w.wire.mu.Lock()
	w.entry.Bytes += int64(len(p))
	w.wire.mu.Unlock()
	return w.ResponseWriter.Write(p)
}

// Unwrap is for [http.ResponseController].
func (w *notedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
