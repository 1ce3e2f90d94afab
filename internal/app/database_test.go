package app_test

import (
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"fullsync/api/spec"
	"fullsync/internal/app"
	"fullsync/internal/auth"
	"fullsync/internal/nodetest"
	"fullsync/internal/postgrestest"
	"fullsync/internal/transfer"
)

// away is a pull whose own database goes away in the middle.
type away struct {
	*nodetest.Pair
	server  *postgrestest.Server
	session spec.Session
	gate    *nodetest.Gate
	token   string
}

// newAway starts a pull from a branch whose own database stays, and returns when a few batches are committed and the next page
// is held back. perSecond limits the pull unless it is 0.
func newAway(t *testing.T, perSecond int, opt app.Options) *away {
	t.Helper()
	server := postgrestest.Start(t)
	db := nodetest.Database{URL: server.NewDatabase(t), Dir: filepath.Join(t.TempDir(), "data")}
	// Branch is on SQLite, so that only one side is away.
	pair := nodetest.NewPair(t, nodetest.SQLite, 300, nodetest.Config{Database: db, Options: opt})
	a := &away{Pair: pair, server: server, token: pair.Main.TokenFor("alice", auth.RoleAdmin)}
	size := 20
	a.gate = pair.Wire.HoldPage(t, nodetest.ProductsPath, 6)
	a.session = pair.Main.Pull(nodetest.Pull{Options: spec.StartOptions{BatchSize: &size, MaxProductsPerSecond: &perSecond}})
	nodetest.Await(t, "the middle of the pull", a.gate.Reached)
	a.session = pair.Main.WaitFor(a.session.SessionId, "five batches", func(s spec.Session) bool { return s.TransferredRecords == 100 })
	return a
}

// refuses checks that every call that needs the database is refused in the contract's shape. It makes them all at once, because
// each may have to wait until the database counts as silent.
func (a *away) refuses(t *testing.T) {
	t.Helper()
	var all sync.WaitGroup
	defer all.Wait()
	for _, call := range [][3]string{
		{http.MethodGet, nodetest.StatusPath, ""},
		{http.MethodGet, nodetest.StartPath + "/" + a.session.SessionId.String(), ""},
		{http.MethodGet, nodetest.StartPath, ""},
		{http.MethodGet, "/api/admin/sync/peers", ""},
		{http.MethodGet, "/api/catalogs/main/products", ""},
		{http.MethodGet, "/api/sync/stats", ""},
		{http.MethodGet, "/readyz", ""},
		{http.MethodPost, nodetest.StartPath, nodetest.Pull{}.Body()},
		{http.MethodPost, nodetest.CancelPath, `{"sessionId":"` + a.session.SessionId.String() + `"}`},
	} {
		all.Go(func() {
			answer, err := a.Main.Raw(t.Context(), a.token, call[0], call[1], call[2])
			if err != nil {
				t.Error(err)
				return
			}
			body, err := nodetest.Decode[spec.Error](answer)
			if answer.Status != http.StatusServiceUnavailable || err != nil || body.Error == "" || body.Code == "" ||
				value(body.Message) == "" || answer.Header.Get("Retry-After") == "" {
				t.Errorf("%s %s while the database is away: %d %s", call[0], call[1], answer.Status, answer.Body)
			}
		})
	}
	if answer, err := a.Main.Raw(t.Context(), "", http.MethodGet, "/healthz", ""); err != nil || answer.Status != http.StatusOK {
		t.Errorf("the process lives, but /healthz says %d %s, %v", answer.Status, answer.Body, err)
	}
}

// patient waits out a database that is away for a while, looking often.
func patient() app.Options {
	return app.Options{Backoff: transfer.Backoff{Tries: 10_000, First: 10 * time.Millisecond, Most: 50 * time.Millisecond}}
}

// TestDatabaseAwayInTheMiddle stops PostgreSQL under a running pull and starts it again.
func TestDatabaseAwayInTheMiddle(t *testing.T) {
	t.Parallel()
	for name, stop := range map[string]func(*postgrestest.Server, testing.TB){
		"stopped": (*postgrestest.Server).Stop, "killed": (*postgrestest.Server).Kill,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAway(t, 0, patient())
			stop(a.server, t)
			a.gate.Open() // the worker has something to commit, and nowhere to put it
			a.refuses(t)
			a.server.Run(t)

			s := a.completes(t)
			checkCounts(t, s, counts{transferred: 300, created: 300})
			if s.Attempts != 1 {
				t.Errorf("%d attempts", s.Attempts)
			}
			nodetest.SameCatalog(t, a.Branch, a.Main, "main")
			again := a.Main.Sync(nodetest.Pull{})
			checkCounts(t, again, counts{transferred: 300, unchanged: 300})
		})
	}
}

// TestDatabaseCrashesAgainAndAgain crashes and restarts PostgreSQL while batches are being committed.
func TestDatabaseCrashesAgainAndAgain(t *testing.T) {
	t.Parallel()
	a := newAway(t, 300, patient()) // slow enough for the crash to hit it in the middle
	a.gate.Open()
	for range 3 {
		a.server.Restart(t)
	}
	checkCounts(t, a.completes(t), counts{transferred: 300, created: 300})
	nodetest.SameCatalog(t, a.Branch, a.Main, "main")
}

// TestDatabaseAwayForTooLong: the worker gives up before the database is back. The session then fails with a sentence, as soon
// as that can be written, and is never stuck.
func TestDatabaseAwayForTooLong(t *testing.T) {
	t.Parallel()
	gaveUp := make(chan struct{})
	end := sync.OnceFunc(func() { close(gaveUp) })
	a := newAway(t, 0, app.Options{
		Backoff:    transfer.Backoff{Tries: 2, First: time.Millisecond, Most: time.Millisecond},
		WrapSource: func(src transfer.Source) transfer.Source { return closing{src, end} },
	})
	a.server.Stop(t)
	a.gate.Open()
	nodetest.Await(t, "the worker giving up", gaveUp)
	a.refuses(t)
	a.server.Run(t)
	var s spec.Session
	nodetest.Eventually(t, "the end of the session", func() bool {
		var ok bool
		s, ok = a.peek(t)
		return ok && nodetest.Ended(s)
	})
	message := value(s.ErrorMessage)
	if s.Status != spec.FAILED || !strings.Contains(message, "database") || strings.Contains(message, "internal error") || s.TransferredRecords != 100 {
		t.Errorf("after the database came back: %s", nodetest.Show(s))
	}
	next := a.Main.Sync(nodetest.Pull{})
	checkCounts(t, next, counts{transferred: 300, unchanged: 100, created: 200})
	nodetest.SameCatalog(t, a.Branch, a.Main, "main")
}

// peek returns the session, or false while the database is not back.
func (a *away) peek(t *testing.T) (spec.Session, bool) {
	t.Helper()
	answer, err := a.Main.Raw(t.Context(), a.token, http.MethodGet, nodetest.StartPath+"/"+a.session.SessionId.String(), "")
	if err != nil {
		t.Fatal(err)
	}
	if answer.Status == http.StatusServiceUnavailable {
		return spec.Session{}, false
	}
	body, err := nodetest.Decode[spec.SessionResponse](answer)
	if answer.Status != http.StatusOK || err != nil {
		t.Fatalf("session: %d %s, %v", answer.Status, answer.Body, err)
	}
	return body.Session, true
}

// completes waits for COMPLETED, even while the database is not quite back.
func (a *away) completes(t *testing.T) (s spec.Session) {
	t.Helper()
	nodetest.Eventually(t, "COMPLETED", func() bool {
		var ok bool
		s, ok = a.peek(t)
		if ok && nodetest.Ended(s) && s.Status != spec.COMPLETED {
			t.Fatalf("the session ended: %s", nodetest.Show(s))
		}
		return ok && nodetest.Ended(s)
	}, func() string { return nodetest.Show(s) })
	return s
}

// closing is a source that reports when the worker closes it.
type closing struct {
	transfer.Source
	closed func()
}

// Close reports that.
func (c closing) Close() error {
	defer c.closed()
	return c.Source.Close()
}
