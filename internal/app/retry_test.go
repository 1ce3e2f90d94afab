package app_test

import (
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fullsync/api/spec"
	"fullsync/internal/app"
	"fullsync/internal/auth"
	"fullsync/internal/nodetest"
	"fullsync/internal/transfer"
)

// TestPassingTroubleWithTheSource makes the fourth page go wrong once, in several ways. The session says what it is waiting for,
// continues from its cursor, and loses nothing.
func TestPassingTroubleWithTheSource(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		for name, trouble := range map[string]struct {
			answer func(w http.ResponseWriter, r *http.Request, next http.Handler)
			phase  spec.Phase
			reason string
			retry  string
			step   string
		}{
			"500": {func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
				http.Error(w, "secret inner life", http.StatusInternalServerError)
			}, spec.PhaseRetrying, "Peer branch answers with 500, an error of its own", "retry 1 of 1",
				"Waiting for branch: it answers with 500, an error of its own; retry 1 of 1"},
			"429": {func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
				w.Header().Set("Retry-After", "1")
				w.WriteHeader(http.StatusTooManyRequests)
			}, spec.PhaseThrottled, "Peer branch asks for a pause (429)", "goes on in",
				"Waiting for branch: it asks for a pause (429)"},
			"cut": {func(w http.ResponseWriter, r *http.Request, next http.Handler) {
				nodetest.Cut(w, r, next, 0.6)
			}, spec.PhaseRetrying, "peer branch was cut", "retry 1 of 1", "Waiting for branch: "},
			"half": {func(w http.ResponseWriter, r *http.Request, next http.Handler) {
				page := nodetest.Answered(r, next)
				w.Header().Set("Content-Type", page.Header.Get("Content-Type"))
				_, _ = w.Write(page.Body[:len(page.Body)/2]) // ends as if it were complete
			}, spec.PhaseRetrying, "A page from peer branch was cut on the way", "retry 1 of 1",
				"Waiting for branch: a page from peer branch was cut on the way; retry 1 of 1"},
			"504": {func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
				w.WriteHeader(http.StatusGatewayTimeout)
			}, spec.PhaseRetrying, "gave up waiting for its answer (504)", "retry 1 of 1", "Waiting for branch: "},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				pair := nodetest.NewPair(t, kind, 100, nodetest.Config{Options: app.Options{
					// Long enough to be seen.
					Backoff: transfer.Backoff{Tries: 2, First: time.Second, Most: time.Second},
				}})
				pair.Wire.OnPage(nodetest.ProductsPath, 4, trouble.answer)
				size := 10
				s := pair.Main.Pull(nodetest.Pull{Options: spec.StartOptions{BatchSize: &size, CompressionEnabled: new(false)}})
				s = pair.Main.WaitFor(s.SessionId, "the wait", func(s spec.Session) bool { return s.Phase == trouble.phase })
				if s.Health.Verdict != spec.HealthVerdictThrottled || !strings.Contains(s.Health.Reason, trouble.reason) ||
					!strings.Contains(s.Health.Reason, trouble.retry) || !strings.Contains(s.CurrentStep, trouble.step) || s.Status != spec.TRANSFERRING {
					t.Errorf("while waiting: %s", nodetest.Show(s))
				}
				s = pair.Main.WaitEnd(s.SessionId, spec.COMPLETED)
				checkCounts(t, s, counts{transferred: 100, created: 100})
				if s.CurrentStep != "Transferred 100 products" {
					t.Errorf("the trouble is over: %q", s.CurrentStep)
				}
				pages := pair.Wire.Exchanges(nodetest.ProductsPath)
				if len(pages) != 11 || pages[3].Query.Get("after") == "" || pages[3].Query.Get("after") != pages[4].Query.Get("after") {
					t.Errorf("%d pages were asked for; the fourth after %q, the fifth after %q",
						len(pages), pages[3].Query.Get("after"), pages[4].Query.Get("after"))
				}
				nodetest.SameCatalog(t, pair.Branch, pair.Main, "main")
			})
		}
	})
}

// TestTroubleInVain makes the source fail from its fourth page on. The list of peers shows this while the session waits and after
// it has failed. The message says how often it was tried and what to do, and both are true.
func TestTroubleInVain(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, 1000, nodetest.Config{Options: app.Options{
			Backoff: transfer.Backoff{Tries: 3, First: time.Second, Most: time.Second}, // long enough to be seen
		}})
		var pages atomic.Int64
		pair.Wire.Reach(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if strings.HasSuffix(r.URL.Path, nodetest.ProductsPath) && pages.Add(1) > 3 {
				w.WriteHeader(http.StatusBadGateway)
				return
			}
			next.ServeHTTP(w, r)
		})
		s := pair.Main.Pull(nodetest.Pull{})
		s = pair.Main.WaitFor(s.SessionId, "the wait", func(s spec.Session) bool { return s.Phase == spec.PhaseRetrying })
		const trouble = "Peer branch answers with 502, an error of its own."
		if got := pair.Main.Peer(nodetest.Branch); value(got.LastError) != trouble {
			t.Errorf("while it waits the peer's last error is %q", value(got.LastError))
		}
		s = pair.Main.WaitEnd(s.SessionId, spec.FAILED)
		parts := strings.SplitAfter(value(s.ErrorMessage), ".")
		if len(parts) < 3 || parts[0] != trouble || !strings.HasPrefix(parts[1], " It was tried 3 times in ") ||
			!strings.HasSuffix(value(s.ErrorMessage), " What was committed stays: resume the sync, and it goes on behind the 300 products that it has read.") {
			t.Errorf("message %q", value(s.ErrorMessage))
		}
		if got := pair.Main.Peer(nodetest.Branch); !strings.HasPrefix(value(got.LastError), trouble) {
			t.Errorf("in the end the peer's last error is %q", value(got.LastError))
		}
		pair.Wire.Reach(nil)
		a := pair.Main.Call("bob", http.MethodPost, nodetest.StartPath+"/"+s.SessionId.String()+"/resume", "")
		resumed, err := nodetest.Decode[spec.StartResponse](a)
		if err != nil {
			t.Fatalf("resume: %d %s", a.Status, a.Body)
		}
		s = pair.Main.WaitEnd(resumed.SessionId, spec.COMPLETED)
		if got := pair.Main.Peer(nodetest.Branch); s.ResumedRecords != 300 || s.TransferredRecords != 700 || got.LastError != nil {
			t.Errorf("last error %q, after %s", value(got.LastError), nodetest.Show(s))
		}
	})
}

// TestPeerThatAsksForTimeGetsIt: the peer asks for a pause more often than a step may fail.
func TestPeerThatAsksForTimeGetsIt(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, 30, nodetest.Config{Options: app.Options{
			Backoff: transfer.Backoff{Tries: 2, First: time.Millisecond, Most: time.Millisecond},
		}})
		var asked atomic.Int64
		pair.Wire.Reach(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if n := asked.Add(1); n > 1 && n <= 11 {
				w.Header().Set("Retry-After", "0.01")
				w.WriteHeader(http.StatusTooManyRequests)
				return
			}
			next.ServeHTTP(w, r)
		})
		s := pair.Main.Sync(nodetest.Pull{})
		checkCounts(t, s, counts{transferred: 30, created: 30})
	})
}

// TestPagesShrinkBehindAProxyWithoutPatience: a proxy answers 504 to every page of more than 30 products.
func TestPagesShrinkBehindAProxyWithoutPatience(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, 300, nodetest.Config{})
		pair.Wire.Reach(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if limit, _ := strconv.Atoi(r.URL.Query().Get("limit")); limit > 30 {
				w.WriteHeader(http.StatusGatewayTimeout)
				return
			}
			next.ServeHTTP(w, r)
		})
		s := pair.Main.Sync(nodetest.Pull{})
		checkCounts(t, s, counts{transferred: 300, created: 300})
	})
}

// TestPageThatHangsIsAskedForAgain: a page stops in the middle. The node gives it up once nothing has come for a while, and asks
// for a smaller one.
func TestPageThatHangsIsAskedForAgain(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, 300, nodetest.Config{Settings: map[string]string{"REQUEST_TIMEOUT": "1s"}})
		pair.Wire.OnPage(nodetest.ProductsPath, 2, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			page := nodetest.Answered(r, next)
			w.Header().Set("Content-Type", page.Header.Get("Content-Type"))
			_, _ = w.Write(page.Body[:len(page.Body)/2])
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		})
		s := pair.Main.Sync(nodetest.Pull{Options: spec.StartOptions{CompressionEnabled: new(false)}})
		checkCounts(t, s, counts{transferred: 300, created: 300})
		pages := pair.Wire.Exchanges(nodetest.ProductsPath)
		if len(pages) < 4 || pages[1].Query.Get("after") != pages[2].Query.Get("after") ||
			pages[1].Query.Get("limit") != "100" || pages[2].Query.Get("limit") != "50" {
			t.Errorf("pages %+v", pages)
		}
	})
}

// TestTokenIsReplacedWhileASyncRuns ends the token that a running sync uses and gives the peer's entry a new one, and then moves
// the peer to another address.
func TestTokenIsReplacedWhileASyncRuns(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, 300, nodetest.Config{})
		var mu sync.Mutex
		var old string
		gate := make(chan struct{})
		reached := make(chan struct{})
		pages := 0
		pair.Wire.Reach(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			mu.Lock()
			if strings.HasSuffix(r.URL.Path, nodetest.ProductsPath) {
				pages++
			}
			second := pages == 2 && old == ""
			if second {
				old = r.Header.Get("Authorization")
			}
			refuse := r.Header.Get("Authorization") == old
			mu.Unlock()
			if second {
				close(reached)
				<-gate
			}
			if refuse {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			next.ServeHTTP(w, r)
		})
		s := pair.Main.Pull(nodetest.Pull{})
		nodetest.Await(t, "the second page", reached)
		token := pair.Branch.TokenFor(pair.Main.NodeID()+"-again", auth.RoleNode)
		pair.Main.ChangePeer(nodetest.Branch, spec.PeerChange{Token: &token})
		close(gate)
		s = pair.Main.WaitEnd(s.SessionId, spec.COMPLETED)
		checkCounts(t, s, counts{transferred: 300, created: 300})
		nodetest.SameCatalog(t, pair.Branch, pair.Main, "main")

		// The peer moves, and its old address no longer answers.
		moved := nodetest.NewWire(t, pair.Branch.URL())
		arrived, leave := make(chan struct{}), make(chan struct{})
		var asked atomic.Int64
		pair.Wire.Reach(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			switch n := asked.Add(1); {
			case n <= 3: // who it is, how many products it has, and the first page
				next.ServeHTTP(w, r)
				return
			case n == 4:
				close(arrived)
			}
			<-leave
			panic(http.ErrAbortHandler)
		})
		s = pair.Main.Pull(nodetest.Pull{Options: spec.StartOptions{ReadEverything: new(true)}})
		nodetest.Await(t, "the second page", arrived)
		pair.Main.ChangePeer(nodetest.Branch, spec.PeerChange{Url: &moved.URL, Token: &token})
		close(leave)
		s = pair.Main.WaitEnd(s.SessionId, spec.COMPLETED)
		checkCounts(t, s, counts{transferred: 300, unchanged: 300})
		if pages := len(moved.Exchanges(nodetest.ProductsPath)); pages != 2 {
			t.Errorf("%d pages were read at the new address, want 2", pages)
		}
	})
}

// TestTroubleAtTheBeginningAndWhileVerifying makes the source fail once when it is asked who it is, and once during the
// comparison.
func TestTroubleAtTheBeginningAndWhileVerifying(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		for _, path := range []string{nodetest.WhoPath, nodetest.DigestsPath} {
			pair := nodetest.NewPair(t, kind, 30, nodetest.Config{})
			pair.Wire.OnPage(path, 1, func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
				w.WriteHeader(http.StatusBadGateway)
			})
			s := pair.Main.Sync(nodetest.Pull{Options: spec.StartOptions{VerifyAfterSync: new(true)}})
			checkCounts(t, s, counts{transferred: 30, created: 30})
			if asked := len(pair.Wire.Exchanges(path)); asked < 2 {
				t.Errorf("%s was not asked for again", path)
			}
		}
	})
}
