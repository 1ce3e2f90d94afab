package app_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"fullsync/api/spec"
	"fullsync/internal/app"
	"fullsync/internal/nodetest"
	"fullsync/internal/transfer"
)

// TestPassingTroubleWithTheSource has the fourth page go wrong once, in several ways. The session says what it waits
// for, goes on from its cursor, and loses nothing.
func TestPassingTroubleWithTheSource(t *testing.T) {
	nodetest.OnBoth(t, func(t *testing.T, kind nodetest.Kind) {
		for name, trouble := range map[string]struct {
			answer func(w http.ResponseWriter, r *http.Request, next http.Handler)
			phase  spec.Phase
			reason string
		}{
			"500": {func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
				http.Error(w, "secret inner life", http.StatusInternalServerError)
			}, spec.PhaseRetrying, "Peer branch has trouble of its own just now (500)"},
			"429": {func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
				w.Header().Set("Retry-After", "1")
				w.WriteHeader(http.StatusTooManyRequests)
			}, spec.PhaseThrottled, "Peer branch asks to be left alone for a while (429)"},
			"cut": {func(w http.ResponseWriter, r *http.Request, next http.Handler) {
				nodetest.Cut(w, r, next, 0.6)
			}, spec.PhaseRetrying, "peer branch was cut"},
			"half": {func(w http.ResponseWriter, r *http.Request, next http.Handler) {
				page := nodetest.Answered(r, next)
				w.Header().Set("Content-Type", page.Header.Get("Content-Type"))
				_, _ = w.Write(page.Body[:len(page.Body)/2]) // ends as if it were whole
			}, spec.PhaseRetrying, "A page from peer branch was cut on the way"},
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
					!strings.Contains(s.Health.Reason, "retry 1 of 1") || s.CurrentStep != "Transferring 100 products" || s.Status != spec.TRANSFERRING {
					t.Errorf("while waiting: %s", nodetest.Show(s))
				}
				s = pair.Main.WaitEnd(s.SessionId, spec.COMPLETED)
				checkCounts(t, s, counts{transferred: 100, created: 100})
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

// TestTroubleAtTheBeginningAndWhileVerifying has the source fail once when it is asked who it is, and once while it is
// compared.
func TestTroubleAtTheBeginningAndWhileVerifying(t *testing.T) {
	nodetest.OnBoth(t, func(t *testing.T, kind nodetest.Kind) {
		for _, path := range []string{nodetest.WhoPath, nodetest.HashesPath} {
			pair := nodetest.NewPair(t, kind, 30, nodetest.Config{})
			pair.Wire.OnPage(path, 1, func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
				w.WriteHeader(http.StatusBadGateway)
			})
			s := pair.Main.Sync(nodetest.Pull{Options: spec.StartOptions{VerifyAfterSync: new(true)}})
			checkCounts(t, s, counts{transferred: 30, created: 30})
			if asked := len(pair.Wire.Exchanges(path)); asked != 2 {
				t.Errorf("%s was asked for %d times, want 2", path, asked)
			}
		}
	})
}
