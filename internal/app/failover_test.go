package app_test

import (
	"context"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"fullsync/api/spec"
	"fullsync/internal/effort"
	"fullsync/internal/nodetest"
	"fullsync/internal/postgrestest"
)

// standingBy is a node with a streaming standby, in the middle of a pull from a branch whose database stays.
type standingBy struct {
	*nodetest.Pair
	primary, standby *postgrestest.Server
	session          spec.Session
	gate             *nodetest.Gate
}

// newStandingBy returns when the standby has everything up to the pull's fifth batch, and the next page is held back.
func newStandingBy(t *testing.T, synchronous bool, settings map[string]string) *standingBy {
	t.Helper()
	primary := postgrestest.Start(t)
	address := primary.NewDatabase(t)
	standby := primary.Standby(t, synchronous)
	db := nodetest.Database{URL: primary.Either(standby, address), Dir: filepath.Join(t.TempDir(), "data")}
	pair := nodetest.NewPair(t, nodetest.SQLite, 300, nodetest.Config{Database: db, Options: patient(), Settings: settings})
	f := &standingBy{Pair: pair, primary: primary, standby: standby}
	size := 20
	f.gate = pair.Wire.HoldPage(t, nodetest.ProductsPath, 6)
	f.session = pair.Main.Pull(nodetest.Pull{Options: spec.StartOptions{BatchSize: &size}})
	nodetest.Await(t, "the middle of the pull", f.gate.Reached)
	f.session = pair.Main.WaitFor(f.session.SessionId, "five batches", func(s spec.Session) bool { return s.TransferredRecords == 100 })
	standby.CaughtUp(t, primary)
	return f
}

// failOver kills the primary and makes the standby take its place.
func (f *standingBy) failOver(t *testing.T) {
	t.Helper()
	f.primary.Kill(t)
	f.standby.Promote(t)
	nodetest.Eventually(t, "the node being ready on the standby", func() bool {
		return f.Main.As("", http.MethodGet, "/readyz", "").Status == http.StatusOK
	})
}

// TestFailoverForgetsThePullWithItsProducts: the standby that takes over knows neither the last batches nor that the pull was COMPLETED. So the
// session is not, goes on where the standby was, and brings what was lost.
func TestFailoverForgetsThePullWithItsProducts(t *testing.T) {
	t.Parallel()
	f := newStandingBy(t, false, map[string]string{"STALE_AFTER": "1s"})
	f.standby.Detach(t)
	f.gate.Open()
	f.Main.WaitEnd(f.session.SessionId, spec.COMPLETED)
	again := f.Wire.HoldPage(t, nodetest.ProductsPath, 1)
	f.failOver(t)
	s := f.Main.Session(f.session.SessionId)
	if s.Status != spec.TRANSFERRING || s.TransferredRecords != 100 || f.Main.Count("main") != 100 {
		t.Errorf("%d products are here, and the session is %s", f.Main.Count("main"), nodetest.Show(s))
	}
	again.Open()
	checkCounts(t, f.Main.WaitEnd(f.session.SessionId, spec.COMPLETED), counts{transferred: 300, created: 300})
	nodetest.SameCatalog(t, f.Branch, f.Main, "main")
}

// TestSynchronousStandbyLacksNothingThatWasReported: while the standby receives nothing, nothing is reported that only the primary has, however
// often the node gives up waiting and asks again.
func TestSynchronousStandbyLacksNothingThatWasReported(t *testing.T) {
	t.Parallel()
	effort.SkipUnlessHeavy(t)
	f := newStandingBy(t, true, map[string]string{"BATCH_TIMEOUT": "200ms", "STALE_AFTER": "1s"})
	f.standby.Detach(t)
	f.gate.Open()
	shown := int64(0)
	look := func() {
		found := f.Main.Session(f.session.SessionId)
		if shown = max(shown, found.TransferredRecords); found.Status != spec.TRANSFERRING {
			t.Fatalf("reported while only the primary knew: %s", nodetest.Show(found))
		}
	}
	db, err := pgx.Connect(t.Context(), f.primary.URL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(context.Background()) //nolint:errcheck // its server is killed below
	nodetest.Eventually(t, "a commit, or the update of a heartbeat, that waits for the standby long after its worker gave up", func() (waits bool) {
		look()
		err := db.QueryRow(t.Context(), `SELECT count(*) > 0 FROM pg_stat_activity
			WHERE wait_event = 'SyncRep' AND (query = 'commit' OR query LIKE 'UPDATE "sync_sessions"%') AND query_start < clock_timestamp() - interval '1 second'`).Scan(&waits)
		return err == nil && waits || shown > 100
	})
	look()
	f.failOver(t)
	s := f.Main.Session(f.session.SessionId)
	if s.TransferredRecords < shown {
		t.Errorf("%d products were reported, and the standby knew %d", shown, s.TransferredRecords)
	}
	checkCounts(t, f.Main.WaitEnd(f.session.SessionId, spec.COMPLETED), counts{transferred: 300, created: 300})
	nodetest.SameCatalog(t, f.Branch, f.Main, "main")
}

// TestFailoverThatForgetsAPushIsNoticed: a push is COMPLETED at both ends, and the standby that takes over at its target knows nothing of that. The next
// time that the two nodes speak, both say so.
func TestFailoverThatForgetsAPushIsNoticed(t *testing.T) {
	t.Parallel()
	effort.SkipUnlessHeavy(t)
	primary := postgrestest.Start(t)
	address := primary.NewDatabase(t)
	standby := primary.Standby(t, false)
	db := nodetest.Database{URL: primary.Either(standby, address), Dir: filepath.Join(t.TempDir(), "data")}
	branch := nodetest.Start(t, nodetest.Config{ID: nodetest.Branch, Database: db, Options: patient()})
	pair := nodetest.Between(branch, nodetest.Config{Database: nodetest.NewDatabase(t, nodetest.SQLite)})
	mayPush(pair.Main, branch)
	pair.Main.Fill("main", 30)
	if problem := checked(t, pair.Main, "branch"); problem != "" {
		t.Fatalf("before the failover: %s", problem)
	}
	standby.CaughtUp(t, primary)
	standby.Detach(t)
	pair.Main.Sync(push(10, spec.StartOptions{}))
	nodetest.SameCatalog(t, pair.Main, branch, "main")
	(&standingBy{Pair: &nodetest.Pair{Main: branch}, primary: primary, standby: standby}).failOver(t)
	if n := branch.Count("main"); n != 0 {
		t.Fatalf("the standby has %d products of a push that it cannot know", n)
	}
	problem := ""
	nodetest.Eventually(t, "the pusher to notice, once the target's broken connections are replaced", func() bool {
		problem = checked(t, pair.Main, "branch")
		return strings.Contains(problem, "lost its last changes in a failover")
	}, func() string { return problem })
	if at, err := branch.Store.OwnFork(t.Context()); at.IsZero() || err != nil {
		t.Errorf("nor did the target: %v", err)
	}
	pair.Main.Sync(push(10, spec.StartOptions{}))
	nodetest.SameCatalog(t, pair.Main, branch, "main")
}
