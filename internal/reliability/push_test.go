//go:build unix

package reliability

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"fullsync/internal/auth"
	"fullsync/internal/postgrestest"
	"fullsync/internal/session"
	"fullsync/internal/store"
)

// shop is the node that a cluster pushes to: a process on its own PostgreSQL, behind a proxy that keeps its address when it is started again.
type shop struct {
	*cluster
	db *store.Store
	// lost says whether the proxy drops every request.
	lost atomic.Bool
}

// withShop fills the cluster's catalog and gives it a shop to push to.
func (c *cluster) withShop() *shop {
	c.t.Helper()
	s := &shop{cluster: newCluster(c.t, postgrestest.NewDatabase(c.t), 1, map[string]string{"NODE_ID": "shop", "STALE_AFTER": c.settings["STALE_AFTER"]})}
	s.db = s.open()
	s.watchCommits()
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			if to, err := url.Parse(s.replicas[0].url); err == nil {
				r.SetURL(to)
			}
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.lost.Load() {
			panic(http.ErrAbortHandler)
		}
		defer func() {
			if p := recover(); p != nil && p != http.ErrAbortHandler {
				panic(p)
			}
		}()
		proxy.ServeHTTP(w, r)
	}))
	c.t.Cleanup(server.Close)
	c.t.Cleanup(server.CloseClientConnections)
	c.must(c.replicas[0], http.StatusCreated, http.MethodPost, "/api/admin/sync/peers",
		map[string]any{"nodeId": "shop", "url": server.URL, "token": s.tokenFor("main", auth.RoleNodePush)}, nil)
	db := c.open()
	c.complete(db, c.ended(db, c.start(c.replicas[0], speed{batch: 1000})))
	return s
}

// push begins a push to the shop through a replica and returns its id.
func (c *cluster) push(r *replica, s speed) string {
	c.t.Helper()
	return c.begin(r, "push", "shop", s)
}

// midway begins a slow push from c, of which the shop has committed some batches then.
func (s *shop) midway(c *cluster) (id string) {
	s.t.Helper()
	id = c.push(c.replicas[0], steady())
	eventually(s.t, "the first batches at the shop", func() bool { return s.held(id) >= 2 })
	return id
}

// pushed checks that a push is COMPLETED at both ends, and that the shop holds exactly the products.
func (s *shop) pushed(db *store.Store, id string) (here, there session.Session) {
	s.t.Helper()
	here, there = s.ended(db, id), s.ended(s.db, id)
	s.complete(s.db, there)
	if here.Status != session.Completed || here.Counts.Transferred() != there.Counts.Transferred() || here.Created != there.Created || here.Updated != there.Updated {
		s.t.Errorf("at the pusher: %+v\nat the shop: %+v", here, there)
	}
	return here, there
}

// TestKilledPusherIsSucceededByAnotherReplica kills the worker of a push at a random moment; another replica asks the shop where it is, and
// finishes.
func TestKilledPusherIsSucceededByAnotherReplica(t *testing.T) {
	t.Parallel()
	c := onPostgres(t)
	db, shop := c.open(), c.withShop()
	hits, successors := 0, 0
	for range rounds(2, 100) {
		shop.spoil(shop.db)
		id := c.push(c.replicas[0], brisk())
		pause(time.Duration(c.rand.Int64N(int64(700 * time.Millisecond))))
		victim := c.worker(c.row(db, id))
		if victim == nil {
			victim = c.replicas[c.rand.IntN(len(c.replicas))]
		}
		victim.kill()
		if c.row(db, id).Status.Active() {
			hits++
		}
		if _, there := shop.pushed(db, id); there.Attempts > 1 {
			successors++
		}
		c.restart(victim)
	}
	f := shop.checkCommits(shop.db)
	t.Logf("%d kills, %d of them while the push was active, %d pushes went on in another worker's hands; %d batches committed at the shop, each once",
		rounds(2, 100), hits, successors, f.batches)
}

// TestKilledTarget kills the shop at a random moment of a push and starts it again; the push goes on.
func TestKilledTarget(t *testing.T) {
	t.Parallel()
	lengthy(t)
	c := newCluster(t, "", 1, nil)
	db, shop := c.open(), c.withShop()
	for range rounds(2, 100) {
		shop.spoil(shop.db)
		id := c.push(c.replicas[0], brisk())
		pause(time.Duration(c.rand.Int64N(int64(500 * time.Millisecond))))
		shop.replicas[0].kill()
		shop.restart(shop.replicas[0])
		shop.pushed(db, id)
	}
	f := shop.checkCommits(shop.db)
	t.Logf("%d kills of the target; %d batches committed, each once", rounds(2, 100), f.batches)
}

// TestFrozenPusherLosesItsLeaseAndWritesNothing stops the pushing process until the shop has given it up, and brings it back.
func TestFrozenPusherLosesItsLeaseAndWritesNothing(t *testing.T) {
	t.Parallel()
	c := newCluster(t, "", 1, nil)
	db, shop := c.open(), c.withShop()
	for range rounds(1, 20) {
		shop.spoil(shop.db)
		id := shop.midway(c)
		c.replicas[0].signal(t, syscall.SIGSTOP)
		there := shop.ended(shop.db, id)
		if there.Status != session.Failed || there.ErrorCode != "PUSHER_LOST" {
			t.Errorf("at the shop: %+v", there)
		}
		// The catalog is free: the shop pulls from elsewhere.
		shop.complete(shop.db, shop.ended(shop.db, shop.start(shop.replicas[0], speed{batch: 1000})))
		c.replicas[0].signal(t, syscall.SIGCONT)
		here := c.ended(db, id)
		if here.Status != session.Failed {
			t.Errorf("at the pusher: %+v", here)
		}
		if now := shop.row(shop.db, id); now.BatchSeq != there.BatchSeq {
			t.Errorf("%d batches at the end, and %d later", there.BatchSeq, now.BatchSeq)
		}
	}
	shop.checkCommits(shop.db)
}

// TestFrozenTargetDoesNotHoldUpACancel: the answer comes within the two seconds that the target is given, and says that it has not confirmed; it
// does once it is back.
func TestFrozenTargetDoesNotHoldUpACancel(t *testing.T) {
	t.Parallel()
	c := newCluster(t, "", 1, nil)
	db, shop := c.open(), c.withShop()
	for range rounds(1, 20) {
		shop.spoil(shop.db)
		id := shop.midway(c)
		shop.replicas[0].signal(t, syscall.SIGSTOP)
		c.cancel(c.replicas[0], id)
		if row := c.row(db, id); row.Status != session.Cancelled || row.TargetConfirmed == nil || *row.TargetConfirmed {
			t.Errorf("after the cancel: %+v", row)
		}
		shop.replicas[0].signal(t, syscall.SIGCONT)
		c.until(db, id, "the confirmation", func(s session.Session) bool { return *s.TargetConfirmed })
		if there := shop.row(shop.db, id); there.Status.Active() {
			t.Errorf("confirmed, and at the shop it is %s", there.Status)
		}
	}
	shop.checkCommits(shop.db)
}

// TestNothingOfAPushLandsAfterItsConfirmedCancel cancels pushes at random moments, at either end.
func TestNothingOfAPushLandsAfterItsConfirmedCancel(t *testing.T) {
	t.Parallel()
	c := onPostgres(t)
	db, shop := c.open(), c.withShop()
	midway, unconfirmed := 0, 0
	for round := range rounds(10, 1000) {
		if round%5 == 0 {
			shop.spoil(shop.db)
		}
		id := c.push(c.replicas[c.rand.IntN(2)], speed{batch: 10, rate: 2000, everything: true})
		pause(time.Duration(c.rand.Int64N(int64(250 * time.Millisecond))))
		if round%2 == 0 {
			c.cancel(c.replicas[c.rand.IntN(2)], id)
			if row := c.row(db, id); !*row.TargetConfirmed {
				unconfirmed++
			}
		} else {
			// At the target, where it may not have arrived yet.
			status, _ := shop.call(t.Context(), shop.replicas[0], http.MethodPost, "/api/admin/sync/full-sync/cancel", map[string]any{"sessionId": id, "reason": "not now"}, nil)
			if status != http.StatusOK {
				c.cancel(c.replicas[0], id)
			}
		}
		held := shop.held(id)
		here := c.ended(db, id)
		if here.Status != session.Cancelled {
			t.Errorf("at the pusher: %+v", here)
		}
		if now := shop.held(id); now != held {
			t.Errorf("%d batches when the cancel was answered, and %d later", held, now)
		}
		if held > 0 {
			midway++
		}
	}
	shop.checkCommits(shop.db) // nothing after a session's end
	t.Logf("%d cancels, %d of them after a first batch, %d not confirmed at once", rounds(10, 1000), midway, unconfirmed)
}

// held is how many batches of a session the shop has committed; 0 where the session never arrived.
func (s *shop) held(id string) int64 {
	s.t.Helper()
	row, _, err := s.db.GetSession(s.t.Context(), id)
	if err != nil {
		return 0
	}
	return row.BatchSeq
}
