package app_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"fullsync/api/spec"
	"fullsync/internal/nodetest"
)

// TestBatchesShrinkBehindAProxyWithoutPatience: a proxy answers 504 to every batch of more than about 60 products. One of them was committed all the same, and
// is not counted twice.
func TestBatchesShrinkBehindAProxyWithoutPatience(t *testing.T) {
	onBothSides(t, func(t *testing.T, from, to nodetest.Kind) {
		pair := newPusher(t, from, to, 600, nodetest.Config{})
		large, batches := 0, 0
		pair.Wire.Reach(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if !strings.HasSuffix(r.URL.Path, nodetest.BatchesPath) {
				next.ServeHTTP(w, r)
				return
			}
			if batches++; r.ContentLength <= 15000 {
				next.ServeHTTP(w, r)
				return
			}
			if large++; large == 3 {
				nodetest.Answered(r, next)
			}
			w.WriteHeader(http.StatusGatewayTimeout)
		})
		off := false
		s := pair.Main.Sync(push(200, spec.StartOptions{CompressionEnabled: &off}))
		there := pair.Branch.Session(s.SessionId)
		for name, got := range map[string]spec.Session{"main": s, "branch": there} {
			if got.Created != 600 || got.Unchanged != 0 {
				t.Errorf("at %s: %s", name, nodetest.Show(got))
			}
		}
		if large < 3 || batches > 60 {
			t.Errorf("%d batches, %d of them too large", batches, large)
		}
		nodetest.SameCatalog(t, pair.Main, pair.Branch, "main")

		// What differs is scattered: the products between are counted with the part that they belong to.
		for i := 0; i < 600; i += 2 {
			pair.Main.Put("main", fmt.Sprintf("P-%07d", i+1), "another name")
		}
		s = pair.Main.Sync(push(200, spec.StartOptions{CompressionEnabled: &off}))
		if there := pair.Branch.Session(s.SessionId); s.Updated != 300 || s.Unchanged != 300 || there.Updated != 300 || there.Unchanged != 300 {
			t.Errorf("at the pusher: %s\nat the target: %s", nodetest.Show(s), nodetest.Show(there))
		}
	})
}

// TestBatchThatIsTooLargeForItsTarget fails with a sentence that names batchSize.
func TestBatchThatIsTooLargeForItsTarget(t *testing.T) {
	t.Parallel()
	pair := newPusher(t, nodetest.SQLite, nodetest.SQLite, 50, nodetest.Config{})
	pair.Wire.Reach(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if strings.HasSuffix(r.URL.Path, nodetest.BatchesPath) {
			w.WriteHeader(http.StatusGatewayTimeout)
			return
		}
		next.ServeHTTP(w, r)
	})
	s := pair.Main.WaitEnd(pair.Main.Pull(push(50, spec.StartOptions{})).SessionId, spec.FAILED)
	if !strings.Contains(*s.ErrorMessage, "batchSize") {
		t.Errorf("%s", nodetest.Show(s))
	}
}
