//go:build unix

package reliability

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fullsync/internal/auth"
	"fullsync/internal/catalog"
	"fullsync/internal/effort"
	"fullsync/internal/fault"
	"fullsync/internal/postgrestest"
	"fullsync/internal/session"
	"fullsync/internal/store"
)

// These settings make a lost worker show quickly: it counts as dead after staleAfter.
const (
	heartbeat  = 100 * time.Millisecond
	staleAfter = time.Second
)

const clusterSecret = "the secret of the cluster under test, made up"

// cluster is the node under test, with each replica in its own process.
type cluster struct {
	t        *testing.T
	settings map[string]string
	// url is the database itself, not through a wire; empty for SQLite.
	url      string
	replicas []*replica
	gate     *gate
	token    string
	rand     *rand.Rand
	// processes counts how many were started.
	processes int
}

// replica is one slot in the cluster: a process, which a new one may replace, and its wire to PostgreSQL.
type replica struct {
	*process
	settings map[string]string
	wire     *wire
	// through is the database's URL through the wire.
	through string
}

// newCluster starts replicas on a fresh database, with the source as their peer. On PostgreSQL each has a wire to the
// database; on SQLite there is just one replica.
func newCluster(t *testing.T, databaseURL string, replicas int, more map[string]string) *cluster {
	t.Helper()
	seed := *seedFlag
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("run it again with -reliability.seed=%d", seed)
	c := &cluster{t: t, url: databaseURL, gate: newGate(t), rand: rand.New(rand.NewPCG(seed, 1)), settings: map[string]string{
		"LISTEN": "127.0.0.1:0", "LOG_FORMAT": "json", "NODE_ID": "main", "JWT_SECRET": clusterSecret,
		"HEARTBEAT_INTERVAL": heartbeat.String(), "STALE_AFTER": staleAfter.String(), "DATA_DIR": t.TempDir(),
	}}
	maps.Copy(c.settings, more)
	c.token = c.tokenFor("tester", auth.RoleAdmin)
	for range replicas {
		r := &replica{settings: maps.Clone(c.settings)}
		if databaseURL != "" {
			r.wire, r.through = newWire(t, databaseURL)
		}
		c.replicas = append(c.replicas, r)
		c.restart(r)
		t.Cleanup(func() {
			if t.Failed() && r.process != nil {
				t.Logf("replica %d:\n%s", r.pid(), r.tail())
				t.Logf("what it was doing:\n%s", r.dump())
			}
		})
	}
	c.must(c.replicas[0], http.StatusCreated, http.MethodPost, "/api/admin/sync/peers",
		map[string]any{"nodeId": "branch", "url": c.gate.url, "token": c.gate.token}, nil)
	return c
}

// tokenFor is a token of the cluster.
func (c *cluster) tokenFor(subject string, role auth.Role) string {
	c.t.Helper()
	keys, err := auth.New([]byte(clusterSecret), c.settings["NODE_ID"])
	if err != nil {
		c.t.Fatal(err)
	}
	token, err := keys.Issue(subject, role, 30*24*time.Hour)
	if err != nil {
		c.t.Fatal(err)
	}
	return token
}

// onPostgres returns a cluster of two replicas on its own PostgreSQL database.
func onPostgres(t *testing.T) *cluster {
	t.Helper()
	return newCluster(t, postgrestest.NewDatabase(t), 2, nil)
}

// restart starts a new process in place of one that is gone. Its connections tell PostgreSQL which process it is.
func (c *cluster) restart(r *replica) {
	c.t.Helper()
	c.processes++
	if r.wire != nil {
		r.settings["DATABASE_URL"] = fmt.Sprintf("%s&options=-c%%20test.process%%3D%d", r.through, c.processes)
	}
	p, err := serve(r.settings)
	if err != nil {
		c.t.Fatal(err)
	}
	r.process = p
	c.t.Cleanup(p.kill)
}

// call makes one request and returns the status of the answer; 0 if there was none.
func (c *cluster) call(ctx context.Context, r *replica, method, path string, body, answer any) (int, string) {
	var in io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return 0, err.Error()
		}
		in = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, r.url+path, in)
	if err != nil {
		return 0, err.Error()
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer res.Body.Close() //nolint:errcheck // it was read
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, err.Error()
	}
	if answer != nil {
		_ = json.Unmarshal(text, answer)
	}
	return res.StatusCode, string(text)
}

// must is call for a request that must get a certain status.
func (c *cluster) must(r *replica, want int, method, path string, body, answer any) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	if got, text := c.call(ctx, r, method, path, body, answer); got != want {
		c.t.Fatalf("%s %s: %d, want %d: %s", method, path, got, want, text)
	}
}

// speed is how fast a session runs: its batch size and products per second.
type speed struct {
	batch, rate int
	// everything makes it read products that do not differ too.
	everything bool
}

func (s speed) options() map[string]any {
	return map[string]any{"batchSize": s.batch, "maxProductsPerSecond": s.rate, "readEverything": s.everything}
}

// start begins a pull through a replica and returns its id.
func (c *cluster) start(r *replica, s speed) string {
	c.t.Helper()
	return c.begin(r, "pull", "branch", s)
}

// begin begins a sync with a peer through a replica and returns its id.
func (c *cluster) begin(r *replica, action, peer string, s speed) string {
	c.t.Helper()
	var started struct{ SessionID string }
	c.must(r, http.StatusAccepted, http.MethodPost, "/api/admin/sync/full-sync",
		map[string]any{"action": action, "targetPeer": peer, "options": s.options()}, &started)
	return started.SessionID
}

// cancel cancels a session through a replica and returns how long the answer took.
func (c *cluster) cancel(r *replica, id string) time.Duration {
	c.t.Helper()
	began := time.Now()
	c.must(r, http.StatusOK, http.MethodPost, "/api/admin/sync/full-sync/cancel", map[string]any{"sessionId": id}, nil)
	return time.Since(began)
}

// open opens the cluster's database from the test itself.
func (c *cluster) open() *store.Store {
	c.t.Helper()
	db, err := store.Open(c.t.Context(), store.Options{
		URL: c.url, SQLitePath: filepath.Join(c.settings["DATA_DIR"], "fullsync.db"),
	})
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { _ = db.Close() })
	return db
}

// row reads a session, and waits if the database is away.
func (c *cluster) row(db *store.Store, id string) (row session.Session) {
	c.t.Helper()
	eventually(c.t, "the session to be readable", func() bool {
		found, _, err := db.GetSession(c.t.Context(), id)
		if err != nil && fault.KindOf(err) != fault.Unavailable && fault.KindOf(err) != fault.Internal {
			c.t.Fatal(err)
		}
		row = found
		return err == nil
	})
	return row
}

// until waits until cond holds for a session.
func (c *cluster) until(db *store.Store, id, what string, wanted func(session.Session) bool) (row session.Session) {
	c.t.Helper()
	if !within(patience, func() bool { row = c.row(db, id); return wanted(row) }) {
		c.t.Fatalf("session %s: waited in vain for %s: %+v", id, what, row)
	}
	return row
}

// ended waits until a session has ended.
func (c *cluster) ended(db *store.Store, id string) session.Session {
	c.t.Helper()
	return c.until(db, id, "its end", func(s session.Session) bool { return !s.Status.Active() })
}

// moving waits until a session has committed some batches and returns the replica that is working on it, and another one.
func (c *cluster) moving(db *store.Store, id string, batches int64) (worker, other *replica) {
	c.t.Helper()
	row := c.until(db, id, "its first batches", func(s session.Session) bool {
		return s.Worker != "" && s.BatchSeq >= batches || !s.Status.Active()
	})
	worker = c.worker(row)
	if worker == nil {
		c.t.Fatalf("no replica works on session %+v", row)
	}
	return worker, c.other(worker)
}

// worker returns the replica that has a session; nil if none has.
func (c *cluster) worker(row session.Session) *replica {
	for _, r := range c.replicas {
		if strings.HasSuffix(row.Worker, fmt.Sprintf("-%d", r.pid())) {
			return r
		}
	}
	return nil
}

// other returns a replica that is not r; nil if there is none.
func (c *cluster) other(r *replica) *replica {
	for _, other := range c.replicas {
		if other != r {
			return other
		}
	}
	return nil
}

// complete checks that a session is COMPLETED, that its counters add up, and that the catalog holds exactly the source's
// products, each once and with the right content.
func (c *cluster) complete(db *store.Store, row session.Session) {
	c.t.Helper()
	if row.Status != session.Completed {
		c.t.Fatalf("session %s ended as %s: %s", row.ID, row.Status, row.ErrorMessage)
	}
	if n := row.Created + row.Updated + row.Unchanged; n != products || row.TransferredRecords != n || row.Progress != 100 ||
		row.TotalRecords == nil || *row.TotalRecords != products {
		c.t.Errorf("the counters do not add up: %+v", row)
	}
	held := map[string]catalog.Product{}
	seen := 0
	err := db.ReadPage(c.t.Context(), catalog.Default, "", 10*products, func(p *catalog.Product) error {
		held[p.ID] = *p
		seen++
		return nil
	})
	if err != nil {
		c.t.Fatal(err)
	}
	if seen != products || !maps.Equal(held, c.gate.products) {
		c.t.Errorf("%d products are here (%d different ids), and they are not those of the source", seen, len(held))
	}
}

// spoil removes a third of the products, changes another third and leaves the rest, so that the next pull has some of
// everything to do. On PostgreSQL it bypasses the ledger.
func (c *cluster) spoil(db *store.Store) {
	c.t.Helper()
	statements := []string{
		"DELETE FROM products WHERE substr(id, 9) IN ('1', '4', '7')",
		"UPDATE products SET hash = 'old', digest = NULL, name = 'old' WHERE substr(id, 9) IN ('2', '5', '8')",
	}
	tx, err := db.SQL().BeginTx(c.t.Context(), nil)
	if err != nil {
		c.t.Fatal(err)
	}
	defer tx.Rollback() //nolint:errcheck // committed below
	if c.url != "" {
		statements = append([]string{"SET LOCAL session_replication_role = replica"}, statements...)
	}
	for _, statement := range statements {
		if _, err := tx.ExecContext(c.t.Context(), statement); err != nil {
			c.t.Fatal(err)
		}
	}
	if err := tx.Commit(); err != nil {
		c.t.Fatal(err)
	}
}

// heavy skips a test that neither CI nor a long run asked for.
func heavy(t *testing.T) {
	t.Helper()
	if !*longRun {
		effort.SkipUnlessHeavy(t)
	}
}

// rounds returns how many rounds a test runs: a third of short every day.
func rounds(short, long int) int {
	if *longRun {
		return long
	}
	return effort.Amount(max(1, short/3), short)
}

// takeovers returns a session's takeovers, oldest first.
func (c *cluster) takeovers(db *store.Store, id string) []session.Takeover {
	c.t.Helper()
	list, err := db.ListTakeovers(c.t.Context(), id)
	if err != nil {
		c.t.Fatal(err)
	}
	return list
}
