package app_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"fullsync/api/spec"
	"fullsync/internal/catalog"
	"fullsync/internal/nodetest"
)

func TestCompressionIsAskedForOnlyWhenItIsOn(t *testing.T) {
	nodetest.OnBoth(t, func(t *testing.T, kind nodetest.Kind) {
		const products = 500
		pair := nodetest.NewPair(t, kind, products, nodetest.Config{})
		size := map[bool]int64{}
		for _, compressed := range []bool{true, false} {
			seen := len(pair.Wire.Exchanges(nodetest.ProductsPath))
			s := pair.Main.Sync(nodetest.Pull{Options: spec.StartOptions{CompressionEnabled: &compressed}})
			pages := pair.Wire.Exchanges(nodetest.ProductsPath)[seen:]
			if len(pages) != products/100 {
				t.Errorf("compression %v: %d pages of at most 100 products", compressed, len(pages))
			}
			var onWire int64
			for _, page := range pages {
				onWire += page.Bytes
				if coding := page.ContentEncoding; (coding == "zstd" || coding == "gzip") != compressed {
					t.Errorf("compression %v: page with Content-Encoding %q, asked for %q", compressed, coding, page.AcceptEncoding)
				}
			}
			if s.TransferredBytes != onWire {
				t.Errorf("compression %v: transferredBytes %d, but %d went over the wire", compressed, s.TransferredBytes, onWire)
			}
			size[compressed] = onWire
		}
		if size[true]*2 > size[false] {
			t.Errorf("%d bytes compressed, %d plain", size[true], size[false])
		}
		nodetest.SameCatalog(t, pair.Branch, pair.Main, "main")
	})
}

func TestVerifyComparesEverything(t *testing.T) {
	nodetest.OnBoth(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, full, nodetest.Config{})
		verify := nodetest.Pull{Options: spec.StartOptions{VerifyAfterSync: new(true)}}

		gate := pair.Wire.HoldPage(t, nodetest.HashesPath, 1)
		s := pair.Main.Pull(verify)
		s = pair.Main.WaitFor(s.SessionId, "verifying", func(s spec.Session) bool { return s.Phase == spec.PhaseVerifying })
		if s.CurrentStep != "Verifying 1067 products" || s.Status != spec.TRANSFERRING || s.Progress != 99 {
			t.Errorf("while verifying: %s", nodetest.Show(s))
		}
		gate.Open()
		s = pair.Main.WaitEnd(s.SessionId, spec.COMPLETED)
		if s.CurrentStep != "Transferred and verified 1067 products" || s.Progress != 100 {
			t.Errorf("verified: %s", nodetest.Show(s))
		}

		// What only this node has is reported, and is no error.
		pair.Main.Import("main", nodetest.Product(t, `{"id":"ours-1","name":"only here"}`), nodetest.Product(t, `{"id":"ours-2","name":"only here"}`))
		s = pair.Main.Sync(verify)
		if want := "Transferred and verified 1067 products; only here: 2 (ours-1, ours-2)"; s.CurrentStep != want || s.ErrorMessage != nil {
			t.Errorf("step %q, want %q; %v", s.CurrentStep, want, value(s.ErrorMessage))
		}
	})
}

// TestVerifyFailsWhenTheSourceChangesMeanwhile changes the source between the transfer and the comparison.
func TestVerifyFailsWhenTheSourceChangesMeanwhile(t *testing.T) {
	nodetest.OnBoth(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, 300, nodetest.Config{})
		held := pair.Branch.Products("main")
		gate := pair.Wire.HoldPage(t, nodetest.HashesPath, 1)
		s := pair.Main.Pull(nodetest.Pull{Options: spec.StartOptions{VerifyAfterSync: new(true)}})
		nodetest.Await(t, "the comparison", gate.Reached)

		var fresh []catalog.Product
		for i := range 7 {
			fresh = append(fresh, nodetest.Product(t, fmt.Sprintf(`{"id":"new-%d","name":"came late"}`, i)))
		}
		pair.Branch.Import("main", append(fresh, change(t, held[10].Product, held[20].Product)...)...)
		gate.Open()

		s = pair.Main.WaitEnd(s.SessionId, spec.FAILED)
		message := value(s.ErrorMessage)
		for _, part := range []string{
			"Of 307 products at branch", "missing here: 7 (new-0, new-1, new-2, new-3, new-4, …)",
			"different here: 2 (" + held[10].ID + ", " + held[20].ID + ")", "changed at branch", "Start the sync again",
		} {
			if !strings.Contains(message, part) {
				t.Errorf("the message does not say %q: %s", part, message)
			}
		}
		if s.Progress == 100 || s.Health.Verdict != spec.HealthVerdictFinished {
			t.Errorf("failed verification: %s", nodetest.Show(s))
		}
		pair.Wire.Reach(nil)
		pair.Main.Sync(nodetest.Pull{Options: spec.StartOptions{VerifyAfterSync: new(true)}})
		nodetest.SameCatalog(t, pair.Branch, pair.Main, "main")
	})
}

// TestVerifyNoticesWhatChangedOnTheWay alters one product on its way; nothing but the comparison can tell.
func TestVerifyNoticesWhatChangedOnTheWay(t *testing.T) {
	nodetest.OnBoth(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, 50, nodetest.Config{})
		pair.Branch.Import("main", nodetest.Product(t, `{"id":"Q-1","name":"sold at 10 Euro"}`))
		pair.Wire.OnPage(nodetest.ProductsPath, 1, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			page := nodetest.Answered(r, next)
			w.Header().Set("Content-Type", page.Header.Get("Content-Type"))
			_, _ = w.Write(bytes.ReplaceAll(page.Body, []byte("at 10 Euro"), []byte("at 99 Euro")))
		})
		s := pair.Main.Pull(nodetest.Pull{Options: spec.StartOptions{VerifyAfterSync: new(true), CompressionEnabled: new(false)}})
		s = pair.Main.WaitEnd(s.SessionId, spec.FAILED)
		if message := value(s.ErrorMessage); !strings.Contains(message, "missing here: 0; different here: 1 (Q-1)") {
			t.Errorf("message %q", message)
		}
	})
}
