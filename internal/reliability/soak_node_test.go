//go:build unix

package reliability

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"fullsync/internal/postgrestest"
	"fullsync/internal/sample"
	"fullsync/internal/store"
)

// soakNode is a node of two replicas behind a load balancer, on a PostgreSQL of its own.
type soakNode struct {
	*cluster
	name   string
	server *postgrestest.Server
	db     *store.Store
	// disk is the directory of a small disk that holds the database; empty where this system lets nobody mount one.
	disk string
	// front is the load balancer's address. It shares requests out among the replicas that are up.
	front   string
	batches int

	mu sync.Mutex
	up []*url.URL
}

func newSoakNode(t *testing.T, name string) *soakNode {
	t.Helper()
	n := &soakNode{name: name, server: postgrestest.Start(t)}
	address := n.server.NewDatabase(t)
	n.disk = smallDisk(t, address)
	ownClock(t, address)
	n.cluster = newCluster(t, address, 2, map[string]string{
		"NODE_ID": name, "REQUEST_TIMEOUT": "10s", "BATCH_TIMEOUT": "5s", "PEER_CHECK_INTERVAL": "1s",
		"KEEP_SESSIONS": "100", "KEEP_SESSIONS_FOR": "1m", "KEEP_CHANGES": "1m",
	})
	n.db = n.open()
	n.watchCommits()
	n.balance()
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			n.mu.Lock()
			defer n.mu.Unlock()
			if len(n.up) > 0 {
				r.SetURL(n.up[rand.IntN(len(n.up))])
			}
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
		ErrorLog:     log.New(io.Discard, "", 0), // answers that break off are what the soak is about
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if p := recover(); p != nil && p != http.ErrAbortHandler {
				panic(p)
			}
		}()
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	t.Cleanup(server.CloseClientConnections)
	n.front = server.URL
	return n
}

// ownClock gives a database a clock that can be put forward and back: fullsync reads no other than its database's clock_timestamp().
func ownClock(t *testing.T, address string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context()) //nolint:errcheck // nothing is pending
	_, err = conn.Exec(t.Context(), `SET allow_system_table_mods = on;
		CREATE TABLE test_clock (ahead interval NOT NULL);
		INSERT INTO test_clock VALUES ('0');
		ALTER FUNCTION pg_catalog.clock_timestamp() RENAME TO test_machine_clock;
		CREATE FUNCTION pg_catalog.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS 'SELECT test_machine_clock() + ahead FROM public.test_clock'`)
	if err != nil {
		t.Fatal(err)
	}
}

// balance tells the load balancer which replicas there are.
func (n *soakNode) balance(without ...*replica) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.up = nil
	for _, r := range n.replicas {
		if u, err := url.Parse(r.url); err == nil && !slices.Contains(without, r) {
			n.up = append(n.up, u)
		}
	}
}

// importProducts imports products from the command line, some of which are new or different. It reports whether that worked.
func (n *soakNode) importProducts(ctx context.Context, name string, seed uint64) (out string, ok bool) {
	binary, err := lab.binary()
	if err != nil {
		return err.Error(), false
	}
	var lines bytes.Buffer
	for p := range sample.Products(soakProducts, seed) {
		lines.Write(append(p.AppendJSON(nil), '\n'))
	}
	settings := map[string]string{
		"DATABASE_URL": n.cluster.url + "&options=-c%20test.process%3D" + toolProcess, "NODE_ID": n.name, "JWT_SECRET": clusterSecret,
		// It must beat as often as the replicas expect, or they take its session for lost.
		"HEARTBEAT_INTERVAL": n.cluster.settings["HEARTBEAT_INTERVAL"], "STALE_AFTER": n.cluster.settings["STALE_AFTER"],
	}
	cmd := exec.CommandContext(ctx, binary, "catalog", "import", "-", "--catalog", name)
	cmd.Env, cmd.Stdin = environment(settings), &lines
	text, err := cmd.CombinedOutput()
	return string(text), err == nil
}

// toolProcess is the name by which the ledger knows what commands write.
const toolProcess = "tool"

// ask makes one request through the load balancer and returns the status of the answer; 0 if there was none.
func (n *soakNode) ask(ctx context.Context, method, path string, body, answer any) (int, string) {
	at := &replica{process: &process{url: n.front}}
	return n.call(ctx, at, method, path, body, answer)
}

// watchEvents keeps an event stream open, as an admin page does.
func (n *soakNode) watchEvents(ctx context.Context) {
	for ctx.Err() == nil {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, n.front+"/api/admin/sync/full-sync/events", nil)
		if err != nil {
			n.t.Error(err)
			return
		}
		req.Header.Set("Authorization", "Bearer "+n.token)
		if res, err := http.DefaultClient.Do(req); err == nil {
			_, _ = io.Copy(io.Discard, res.Body)
			_ = res.Body.Close()
		}
		select {
		case <-ctx.Done():
		case <-waited(patience / 120):
		}
	}
}

// describe names a replica for the report.
func (n *soakNode) describe(r *replica) string {
	return fmt.Sprintf("%s, replica %d", n.name, slices.Index(n.replicas, r)+1)
}

// short cuts a text for a report.
func short(text string) string {
	text, _, _ = strings.Cut(text, "\n")
	return text[:min(len(text), 300)]
}
