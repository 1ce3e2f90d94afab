package app_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"fullsync/api/spec"
	"fullsync/internal/nodetest"
)

// refusingAll makes main refuse every product of a pair: the peer sends them without a name.
func refusingAll(pair *nodetest.Pair, broken func(r *http.Request) bool) {
	pair.Wire.Reach(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if !strings.HasSuffix(r.URL.Path, nodetest.ProductsPath) {
			next.ServeHTTP(w, r)
			return
		}
		if broken(r) {
			http.Error(w, "broken", http.StatusForbidden)
			return
		}
		page := nodetest.Answered(r, next)
		w.Header().Set("Content-Type", page.Header.Get("Content-Type"))
		_, _ = w.Write([]byte(strings.ReplaceAll(string(page.Body), `"name":`, `"title":`)))
	})
}

// TestAllRefusedIsNoSuccess: a sync that has written none of the source's products is FAILED, and says why.
func TestAllRefusedIsNoSuccess(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, 25, nodetest.Config{})
		refusingAll(pair, func(*http.Request) bool { return false })
		size := 10
		options := spec.StartOptions{BatchSize: &size, CompressionEnabled: new(false), VerifyAfterSync: new(true)}
		s := pair.Main.WaitEnd(pair.Main.Pull(nodetest.Pull{Options: options}).SessionId, spec.FAILED)
		want := "All 25 products from branch were refused: name is required. Correct the products at branch, then start the sync again."
		if value(s.ErrorCode) != "ALL_REFUSED" || value(s.ErrorMessage) != want || s.Outcome != nil || s.Rejected != 25 || s.Progress == 100 {
			t.Errorf("%s", nodetest.Show(s))
		}
	})
}

// TestAllRefusedCountsWhatWasRefusedBeforeAResume: two sessions that each refuse one half have written nothing between them.
func TestAllRefusedCountsWhatWasRefusedBeforeAResume(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, 25, nodetest.Config{})
		refusingAll(pair, func(r *http.Request) bool { return r.URL.Query().Get("after") != "" })
		size := 10
		pull := nodetest.Pull{Options: spec.StartOptions{BatchSize: &size, CompressionEnabled: new(false)}}
		s := pair.Main.WaitEnd(pair.Main.Pull(pull).SessionId, spec.FAILED)
		if value(s.ErrorCode) != "PEER_REFUSED" || s.Rejected != 10 {
			t.Fatalf("the first one: %s", nodetest.Show(s))
		}
		refusingAll(pair, func(*http.Request) bool { return false })
		a := pair.Main.Call("alice", http.MethodPost, fmt.Sprintf("%s/%s/resume", nodetest.StartPath, s.SessionId), "")
		resumed, err := nodetest.Decode[spec.StartResponse](a)
		if err != nil || a.Status != http.StatusAccepted {
			t.Fatalf("resume: %d %s", a.Status, a.Body)
		}
		s = pair.Main.WaitEnd(resumed.SessionId, spec.FAILED)
		if value(s.ErrorCode) != "ALL_REFUSED" || !strings.HasPrefix(value(s.ErrorMessage), "All 25 products from branch were refused: name is required") || s.Rejected != 15 {
			t.Errorf("the second one: %s", nodetest.Show(s))
		}
	})
}
