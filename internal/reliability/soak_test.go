//go:build unix

package reliability

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"fullsync/internal/auth"
	"fullsync/internal/catalog"
	"fullsync/internal/session"
)

// soakFor is how long TestSoak runs. The default makes one short round.
var soakFor = flag.Duration("reliability.soak", 0, "how long the soak runs, such as 2h; 0 is one short round")

const (
	// roundTime is how long people and trouble have the nodes in each round of a long soak, before everything is looked at.
	roundTime = 20 * time.Second
	// soakProducts is how many products each catalog holds.
	soakProducts = 300
	// settling is how long everything may take to end once there is no more trouble.
	settling = 2 * time.Minute
)

// soakCatalogs are the catalogs that both nodes have.
var soakCatalogs = []string{"main", "books", "wine"}

// TestSoak runs two nodes with two replicas each for as long as -reliability.soak says. People pull, push, import, revert, cancel and resume, and
// replicas are killed, restarted, frozen and cut off, databases are restarted, fill their disks and have their clocks put forward and
// back. After each round the trouble ends: then every session must end too, the catalogs must become equal, and the ledger must show no write that was not
// one batch of the session's own worker. In the end nothing may have grown.
func TestSoak(t *testing.T) {
	t.Parallel()
	if *soakFor == 0 {
		heavy(t)
	}
	s := newSoak(t)
	defer func() { t.Log(s.report()) }()
	for began := time.Now(); ; {
		// A round that found something is no reason to stop: the others may find more.
		if s.round(); time.Since(began) >= *soakFor {
			break
		}
	}
	s.flat()
}

// soak is the two nodes and what was done to them.
type soak struct {
	t     *testing.T
	nodes [2]*soakNode
	deeds tally
	// samples has what was measured after each round, of each node.
	samples []measured
	rounds  int
}

func newSoak(t *testing.T) *soak {
	t.Helper()
	s := &soak{t: t, deeds: tally{counts: map[string]int{}}}
	for i, name := range []string{"north", "south"} {
		s.nodes[i] = newSoakNode(t, name)
	}
	for i, n := range s.nodes {
		peer := s.nodes[1-i]
		n.must(n.replicas[0], http.StatusCreated, http.MethodPost, "/api/admin/sync/peers",
			map[string]any{"nodeId": peer.name, "url": peer.front, "token": peer.tokenFor(n.name, auth.RoleNodePush)}, nil)
		for _, c := range soakCatalogs {
			eventually(t, "products in catalog "+c, func() bool {
				out, ok := n.importProducts(t.Context(), c, 1)
				if !ok {
					t.Log(out) // on a starved machine it may be taken for lost, and says to import again
				}
				return ok
			})
		}
	}
	return s
}

// round is people and trouble for a while, and a look at everything afterwards.
func (s *soak) round() {
	s.t.Helper()
	length := roundTime
	if *soakFor == 0 {
		length = 2 * time.Second
	}
	ctx, end := context.WithTimeout(s.t.Context(), length)
	defer end()
	var people sync.WaitGroup
	for i, n := range s.nodes {
		for range 2 {
			p := newPerson(s, n, s.nodes[1-i])
			people.Go(func() { p.live(ctx) })
		}
		people.Go(func() { n.watchEvents(ctx) })
	}
	for ctx.Err() == nil {
		s.trouble(ctx)
	}
	people.Wait()
	s.rounds++
	s.recover()
	s.allEnded()
	s.equal()
	for _, n := range s.nodes {
		s.tallyEnds(n)
		n.checkRound()
		s.samples = append(s.samples, n.measure())
	}
	if *soakFor > 0 {
		s.t.Logf("round %d, %s: %s", s.rounds, time.Now().UTC().Format(time.TimeOnly), s.samples[len(s.samples)-2:])
	}
}

// allEnded waits until no session is active, and tallies how those of the round ended.
func (s *soak) allEnded() {
	s.t.Helper()
	for _, n := range s.nodes {
		var active []string
		ended := within(settling, func() bool {
			var err error
			active, err = n.texts(`SELECT concat_ws(' ', id, direction, status, phase, CASE WHEN incoming THEN 'incoming' END, 'worker', worker, 'fence', fence, 'batch', batch_seq,
				'heartbeat', last_heartbeat_at, 'now', clock_timestamp(), error_message) FROM sync_sessions WHERE status IN ('PREPARING', 'TRANSFERRING', 'VALIDATING')`)
			return err == nil && len(active) == 0
		})
		if !ended {
			s.t.Fatalf("round %d: %s after the trouble, these sessions of %s are still active:\n%s", s.rounds, settling, n.name, strings.Join(active, "\n"))
		}
	}
}

// tallyEnds counts how the sessions of a round ended. A failure without a code is one that fullsync did not expect.
func (s *soak) tallyEnds(n *soakNode) {
	s.t.Helper()
	ends, err := n.texts(`SELECT concat_ws(' ', CASE WHEN incoming THEN 'incoming' END, direction, status, nullif(error_code, ''), nullif(outcome, ''))
		FROM sync_sessions WHERE id IN (SELECT session_id FROM test_ledger)`)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, end := range ends {
		s.deeds.add("session: " + end)
		if strings.HasSuffix(end, string(session.Failed)) || strings.HasSuffix(end, "INTERNAL") {
			why, _ := n.texts("SELECT concat_ws(' ', id, error_message) FROM sync_sessions WHERE status = 'FAILED' AND error_code IN ('', 'INTERNAL')")
			s.t.Errorf("round %d, %s: %s: %s", s.rounds, n.name, end, why)
		}
	}
}

// equal brings the catalogs of the second node up to those of the first one: each sync must complete, and prove true.
func (s *soak) equal() {
	s.t.Helper()
	north, south := s.nodes[0], s.nodes[1]
	for _, name := range soakCatalogs {
		var started struct{ SessionID string }
		south.must(south.replicas[0], http.StatusAccepted, http.MethodPost, "/api/admin/sync/full-sync",
			map[string]any{"action": "pull", "targetPeer": north.name, "catalog": name}, &started)
		if row := south.ended(south.db, started.SessionID); row.Status != session.Completed || row.Outcome != session.Clean {
			s.t.Errorf("round %d: the sync of %s ended as %s, %s: %s", s.rounds, name, row.Status, row.Outcome, row.ErrorMessage)
		}
		there := south.holds(name)
		for id, p := range north.holds(name) {
			if there[id] != p {
				s.t.Errorf("round %d: product %s of %s is not the same at both nodes:\n%+v\n%+v", s.rounds, id, name, p, there[id])
			}
		}
	}
}

// holds returns a node's catalog.
func (n *soakNode) holds(name string) map[string]catalog.Product {
	n.t.Helper()
	held := map[string]catalog.Product{}
	err := n.db.ReadPage(n.t.Context(), name, "", 100*soakProducts, func(p *catalog.Product) error {
		held[p.ID] = *p
		return nil
	})
	if err != nil {
		n.t.Fatal(err)
	}
	return held
}

// checkRound checks the ledger of a round, lets a day pass in which old jobs are forgotten, and begins a new ledger.
func (n *soakNode) checkRound() {
	n.t.Helper()
	n.batches += n.checkCommits(n.db).batches
	// Autovacuum decides by statistics that PostgreSQL forgets whenever it crashes, so where it crashes every minute it never vacuums.
	n.sql(n.t.Context(), "TRUNCATE test_ledger RESTART IDENTITY", "VACUUM",
		"UPDATE river_job SET finalized_at = finalized_at - interval '2 days' WHERE finalized_at IS NOT NULL") //nolint:misspell // the engine's column
	// One that a killed replica had begun may still seem to run, so it is this one that is waited for.
	upkeep, err := n.texts("INSERT INTO river_job (kind, queue, args, max_attempts) VALUES ('upkeep', 'upkeep', '{}', 3) RETURNING id::text")
	if err != nil {
		n.t.Fatal(err)
	}
	var state []string
	if !within(settling, func() bool {
		state, err = n.texts("SELECT concat_ws(' ', state, attempt, attempted_by, errors) FROM river_job WHERE finalized_at IS NULL AND id = " + upkeep[0]) //nolint:misspell // the engine's column
		return err == nil && len(state) == 0
	}) {
		n.t.Errorf("the upkeep of %s has not ended: %s %v", n.name, state, err)
	}
}

// sql runs statements, each in its own transaction.
func (n *soakNode) sql(ctx context.Context, statements ...string) {
	n.t.Helper()
	conn, err := pgx.Connect(ctx, n.cluster.url)
	if err != nil {
		n.t.Fatal(err)
	}
	defer conn.Close(ctx) //nolint:errcheck // nothing is pending
	for _, statement := range statements {
		if _, err := conn.Exec(ctx, statement); err != nil {
			n.t.Fatalf("%s: %v", statement, err)
		}
	}
}

// texts reads one column.
func (n *soakNode) texts(query string) ([]string, error) {
	conn, err := pgx.Connect(n.t.Context(), n.cluster.url)
	if err != nil {
		return nil, err
	}
	defer conn.Close(n.t.Context()) //nolint:errcheck // nothing is pending
	rows, err := conn.Query(n.t.Context(), query)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// tally counts what was done and what came of it.
type tally struct {
	mu     sync.Mutex
	counts map[string]int
}

func (c *tally) add(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts[what]++
}

func (c *tally) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var b strings.Builder
	for _, what := range slices.Sorted(maps.Keys(c.counts)) {
		fmt.Fprintf(&b, "%8d %s\n", c.counts[what], what)
	}
	return b.String()
}
