// Package nodetest runs whole nodes in tests: real HTTP on 127.0.0.1, a real PostgreSQL or SQLite database, real workers. A
// test usually begins with [NewPair] inside [OnEither], starts a pull on Main, waits for something with [Node.WaitFor], and
// checks what the two nodes hold.
package nodetest

import (
	"bytes"
	"cmp"
	"context"
	"flag"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync"
	"testing"
	"time"

	"fullsync/internal/app"
	"fullsync/internal/auth"
	"fullsync/internal/config"
	"fullsync/internal/effort"
	"fullsync/internal/postgrestest"
	"fullsync/internal/transfer"
)

// Patience is the longest any function of this package waits. Most waits take milliseconds, but a test machine may be busy,
// and the race detector is slow.
const Patience = time.Minute

// Main runs a package's tests and then stops the PostgreSQL they shared; see [postgrestest.Main].
//
// Unless -parallel says otherwise, it runs twice as many tests at once as there are cores: these tests often wait, for a heartbeat, a
// retry, an answer that does not come. The garbage collector runs less often than usual, because tests make much garbage and keep
// little; a benchmark runs as a node does.
func Main(m *testing.M) int {
	flag.Parse()
	if f := flag.Lookup("test.parallel"); f.Value.String() == f.DefValue {
		_ = f.Value.Set(strconv.Itoa(2 * runtime.GOMAXPROCS(0)))
	}
	if os.Getenv("GOGC") == "" && flag.Lookup("test.bench").Value.String() == "" {
		debug.SetGCPercent(400)
		debug.SetMemoryLimit(1 << 30) // above this it runs as often as it has to
	}
	return postgrestest.Main(m)
}

// Kind is a kind of database.
type Kind string

// The kinds.
const (
	SQLite   Kind = "sqlite"
	Postgres Kind = "postgres"
)

// KindsFor returns the kind of database that [effort.Pick] decides on for a test, and the other one.
func KindsFor(t *testing.T) (kind, other Kind) {
	if effort.Pick(t.Name()) == 0 {
		return SQLite, Postgres
	}
	return Postgres, SQLite
}

// OnEither runs a test on one kind of database, in parallel with others, and CI runs it on both (see [KindsFor]).
func OnEither(t *testing.T, test func(t *testing.T, kind Kind)) {
	t.Helper()
	t.Parallel()
	kind, _ := KindsFor(t)
	t.Run(string(kind), func(t *testing.T) { test(t, kind) })
}

// Config describes a node to run. The zero value is a node with a random id on a new SQLite database.
type Config struct {
	ID       string
	Database Database
	// Settings are FULLSYNC_* variables, without that prefix, that override those of [Config.Environ].
	Settings map[string]string
	// Log receives the node's log, requests included. If it is nil, the log without requests is shown when the test fails.
	Log slog.Handler
	// Options are the app's. A zero Backoff is replaced by one that retries within a fraction of a second, a zero PasswordCost by one of next to nothing.
	Options app.Options
}

// Environ returns the node's settings: quick heartbeats and small batches make for quick tests, and even on a busy machine
// no worker counts as dead.
func (c Config) Environ() map[string]string {
	environ := map[string]string{
		"FULLSYNC_LISTEN":              "127.0.0.1:0",
		"FULLSYNC_NODE_ID":             c.ID,
		"FULLSYNC_DATABASE_URL":        c.Database.URL,
		"FULLSYNC_DATA_DIR":            c.Database.Dir,
		"FULLSYNC_BATCH_SIZE":          "100",
		"FULLSYNC_HEARTBEAT_INTERVAL":  "100ms",
		"FULLSYNC_STALE_AFTER":         "15s",
		"FULLSYNC_PEER_CHECK_INTERVAL": "0", // peers are asked when a test says so
		"FULLSYNC_REQUEST_TIMEOUT":     "20s",
		"FULLSYNC_SHUTDOWN_TIMEOUT":    "20s",
	}
	for name, value := range c.Settings {
		environ["FULLSYNC_"+name] = value
	}
	return environ
}

// Build builds a node and returns it unstarted, or the error if it cannot be built. The caller must stop it.
func Build(t testing.TB, c Config) (*app.App, error) {
	t.Helper()
	if c.Database.Dir == "" {
		c.Database = NewDatabase(t, SQLite)
	}
	cfg, warnings, err := config.Load(c.Environ(), nil)
	if err != nil || len(warnings) > 0 {
		t.Fatalf("settings of node %q: %v %v", c.ID, err, warnings)
	}
	c.Options.PasswordCost = cmp.Or(c.Options.PasswordCost, auth.Cost{Memory: 64, Time: 1})
	if c.Options.Backoff == (transfer.Backoff{}) {
		c.Options.Backoff = transfer.Backoff{Tries: 4, First: 10 * time.Millisecond, Most: 50 * time.Millisecond}
	}
	log := logger(t, c.ID)
	if c.Log != nil {
		log = slog.New(c.Log)
	}
	return app.New(t.Context(), cfg, log, c.Options)
}

// Node is a running node.
type Node struct {
	*app.App
	t testing.TB
	c Config
	// client belongs to this node alone, so that a node restarted at the same address gets a new one without old
	// connections. A POST on an old connection would fail, because net/http only repeats requests that are safe to repeat.
	client *http.Client
}

// Start runs a node until the test ends or [Node.Down] ends it. Without the setting LISTEN it gets an [Address].
func Start(t testing.TB, c Config) *Node {
	t.Helper()
	if c.Settings["LISTEN"] == "" {
		settings := map[string]string{"LISTEN": Address(t)}
		maps.Copy(settings, c.Settings)
		c.Settings = settings
	}
	if c.Database.Dir == "" {
		c.Database = NewDatabase(t, SQLite)
	}
	a, err := Build(t, c)
	if err != nil {
		t.Fatalf("building node %q: %v", c.ID, err)
	}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	n := &Node{App: a, t: t, c: c, client: &http.Client{Transport: transport}}
	t.Cleanup(n.Down)
	if err := a.Start(t.Context()); err != nil {
		t.Fatalf("starting node %q: %v", c.ID, err)
	}
	return n
}

// Down shuts the node down cleanly. It is safe to call twice.
func (n *Node) Down() {
	n.t.Helper()
	if err := n.Stop(context.Background()); err != nil {
		n.t.Errorf("stopping node %s: %v", n.NodeID(), err)
	}
}

// Database returns the node's database. A second node started on it is a replica of this one.
func (n *Node) Database() Database { return n.c.Database }

// Restart shuts the node down cleanly, starts it again on the same database and address, and returns it.
func (n *Node) Restart() *Node {
	n.t.Helper()
	n.Down()
	return Start(n.t, n.c)
}

// logger returns a logger whose output is shown only if the test fails.
func logger(t testing.TB, name string) *slog.Logger {
	buffer := &lockedBuffer{}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("log of node %q:\n%s", name, buffer)
		}
	})
	return slog.New(withoutRequests{slog.NewTextHandler(buffer, &slog.HandlerOptions{Level: slog.LevelInfo})})
}

// withoutRequests leaves out the access log, because most of a test's requests are polling.
type withoutRequests struct{ slog.Handler }

// Handle passes on every record that is not part of the access log.
func (h withoutRequests) Handle(ctx context.Context, r slog.Record) error {
	if r.Message == "request" {
		return nil
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs implements [slog.Handler].
func (h withoutRequests) WithAttrs(attrs []slog.Attr) slog.Handler {
	return withoutRequests{h.Handler.WithAttrs(attrs)}
}

// WithGroup implements [slog.Handler].
func (h withoutRequests) WithGroup(name string) slog.Handler {
	return withoutRequests{h.Handler.WithGroup(name)}
}

// lockedBuffer is a log that can be read while it is being written.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

// String returns the end of what was written.
func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	const enough = 8 << 10
	text := b.buf.String()
	if len(text) > enough {
		text = "…" + text[len(text)-enough:]
	}
	return text
}
