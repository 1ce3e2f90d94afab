package app_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"fullsync/api/spec"
	"fullsync/internal/effort"
	"fullsync/internal/nodetest"
)

// TestNothingIsWrittenAfterTheCancel cancels many pulls, each at a random batch. The catalog holds exactly what the cancelled
// session says it transferred, both when the answer comes and for the next session, which begins at once and would find more
// if anything had come later.
func TestNothingIsWrittenAfterTheCancel(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		rounds, products, size := effort.Amount(5, 20), 200, 10
		pair := nodetest.NewPair(t, kind, 0, nodetest.Config{})
		cancelled := map[string]spec.Session{}
		for round := range rounds {
			name := fmt.Sprintf("round-%d", round)
			pair.Branch.Fill(name, products)
			// After the page at which the cancel is sent, two more pages come; the one after that never does.
			const ahead = 3
			at := 1 + rand.IntN(products/size-ahead)
			reached := make(chan struct{})
			var asked atomic.Int64
			pair.Wire.Reach(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
				if strings.HasSuffix(r.URL.Path, nodetest.ProductsPath) {
					switch page := int(asked.Add(1)); page {
					case at:
						close(reached)
					case at + ahead:
						<-r.Context().Done()
						return
					}
				}
				next.ServeHTTP(w, r)
			})
			pull := nodetest.Pull{Catalog: name, Options: spec.StartOptions{BatchSize: &size}}
			s := pair.Main.Pull(pull)
			nodetest.Await(t, fmt.Sprintf("page %d", at), reached)

			answer := pair.Main.Cancel(s, "")
			held := pair.Main.Count(name)
			pair.Wire.Reach(nil)
			if ended := answer.Session; answer.AlreadyCancelled || ended.Status != spec.CANCELLED || ended.CompletedAt == nil ||
				ended.TransferredRecords != held || ended.Progress == 100 {
				t.Fatalf("page %d: the catalog holds %d products after the answer %s", at, held, nodetest.Show(ended))
			}

			next := pair.Main.Sync(pull) // a 202 at once, or the test fails
			if next.Unchanged != held || next.Created != int64(products)-held {
				t.Errorf("page %d: %d products were there after the cancel, but the next session found %d and made %d",
					at, held, next.Unchanged, next.Created)
			}
			nodetest.SameCatalog(t, pair.Branch, pair.Main, name)
			cancelled[name] = answer.Session
		}

		// Stopping waits for every worker, so whatever they could still do is done.
		pair.RestartMain()
		for name, before := range cancelled {
			now := pair.Main.Session(before.SessionId)
			if nodetest.Show(now) != nodetest.Show(before) {
				t.Errorf("%s: the cancelled session changed:\n now %s\nthen %s", name, nodetest.Show(now), nodetest.Show(before))
			}
			nodetest.SameCatalog(t, pair.Branch, pair.Main, name)
		}
	})
}

// TestCancelAbortsARequestToASlowSource: the worker can only learn of the cancel through the job engine, because heartbeats are
// minutes apart and the source never answers.
func TestCancelAbortsARequestToASlowSource(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, 10, nodetest.Config{Settings: map[string]string{
			"HEARTBEAT_INTERVAL": "5m", "STALE_AFTER": "15m", "REQUEST_TIMEOUT": "5m",
		}})
		for _, path := range []string{nodetest.WhoPath, nodetest.ProductsPath, nodetest.DigestsPath} {
			gate := pair.Wire.HoldPage(t, path, 1)
			s := pair.Main.Pull(nodetest.Pull{Options: spec.StartOptions{VerifyAfterSync: new(true)}})
			nodetest.Await(t, "the request for "+path, gate.Reached)
			pair.Main.Cancel(s, "too slow")
			nodetest.Await(t, "the end of the request for "+path, gate.Left)
		}
		pair.Wire.Reach(nil)
		pair.Main.Sync(nodetest.Pull{})
		nodetest.SameCatalog(t, pair.Branch, pair.Main, "main")
	})
}

// TestCancelOfAQueuedSession cancels a session that no worker has begun.
func TestCancelOfAQueuedSession(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, 10, nodetest.Config{Settings: map[string]string{"SYNC_WORKERS": "1"}})
		pair.Branch.Fill("other", 10)
		gate := pair.Wire.HoldPage(t, nodetest.ProductsPath, 1)
		busy := pair.Main.Pull(nodetest.Pull{})
		nodetest.Await(t, "the only worker at work", gate.Reached)

		queued := pair.Main.Pull(nodetest.Pull{Catalog: "other"})
		queued = pair.Main.Session(queued.SessionId)
		if queued.Phase != spec.PhaseQueued || queued.Attempts != 0 ||
			queued.Health.Verdict != spec.HealthVerdictHealthy || queued.Health.Reason != "waiting for a free worker" {
			t.Errorf("queued: %s", nodetest.Show(queued))
		}
		if answer := pair.Main.Cancel(queued, ""); answer.Session.Status != spec.CANCELLED {
			t.Errorf("cancelled: %s", nodetest.Show(answer.Session))
		}
		again := pair.Main.Pull(nodetest.Pull{Catalog: "other"})
		gate.Open()
		pair.Main.WaitEnd(busy.SessionId, spec.COMPLETED)
		pair.Main.WaitEnd(again.SessionId, spec.COMPLETED)
		if s := pair.Main.Session(queued.SessionId); s.Status != spec.CANCELLED || s.Attempts != 0 || s.TransferredRecords != 0 {
			t.Errorf("the cancelled session was worked on: %s", nodetest.Show(s))
		}
	})
}
