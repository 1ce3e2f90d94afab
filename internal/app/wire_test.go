package app_test

import (
	"bytes"
	"fmt"
	"net/http"
	"testing"

	"fullsync/api/spec"
	"fullsync/internal/catalog"
	"fullsync/internal/nodetest"
)

func TestCompressionIsAskedForOnlyWhenItIsOn(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		const products = 500
		pair := nodetest.NewPair(t, kind, products, nodetest.Config{})
		size := map[bool]int64{}
		for _, compressed := range []bool{true, false} {
			seen := len(pair.Wire.Exchanges(nodetest.ProductsPath))
			s := pair.Main.Sync(nodetest.Pull{Options: spec.StartOptions{CompressionEnabled: &compressed, ReadEverything: new(true)}})
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

// TestComparingCountsOnTheWire: transferredBytes includes answers about digests and hashes.
func TestComparingCountsOnTheWire(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, 500, nodetest.Config{})
		pair.Main.Sync(nodetest.Pull{})
		if _, err := pair.Branch.Store.SQL().ExecContext(t.Context(), "UPDATE products SET name = 'another' WHERE id = (SELECT max(id) FROM products)"); err != nil {
			t.Fatal(err)
		}
		var onWire int64
		count := func(sign int64) {
			for _, path := range []string{nodetest.ProductsPath, nodetest.HashesPath, nodetest.DigestsPath} {
				for _, page := range pair.Wire.Exchanges(path) {
					onWire += sign * page.Bytes
				}
			}
		}
		count(-1)
		s := pair.Main.Sync(nodetest.Pull{Options: spec.StartOptions{VerifyAfterSync: new(true)}})
		count(1)
		if s.Updated != 1 || s.TransferredBytes != onWire {
			t.Errorf("transferredBytes %d, but %d went over the wire: %s", s.TransferredBytes, onWire, nodetest.Show(s))
		}
	})
}

func TestVerifyComparesEverything(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, full, nodetest.Config{})
		verify := nodetest.Pull{Options: spec.StartOptions{VerifyAfterSync: new(true)}}

		gate := pair.Wire.HoldPage(t, nodetest.DigestsPath, 2) // the first one asks whether the peer can compare
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

		// Products that only this node has are reported, but are not an error.
		pair.Main.Import("main", nodetest.Product(t, `{"id":"ours-1","name":"only here"}`), nodetest.Product(t, `{"id":"ours-2","name":"only here"}`))
		s = pair.Main.Sync(verify)
		if want := "Transferred and verified 1067 products; only here: 2 (ours-1, ours-2)"; s.CurrentStep != want || s.ErrorMessage != nil {
			t.Errorf("step %q, want %q; %v", s.CurrentStep, want, value(s.ErrorMessage))
		}
	})
}

// TestVerifyBringsWhatTheSourceChangedMeanwhile changes the source between the transfer and the comparison. In a shop where people
// work, that is not a failure.
func TestVerifyBringsWhatTheSourceChangedMeanwhile(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, 300, nodetest.Config{})
		held := pair.Branch.Products("main")
		gate := pair.Wire.HoldPage(t, nodetest.DigestsPath, 2)
		s := pair.Main.Pull(nodetest.Pull{Options: spec.StartOptions{VerifyAfterSync: new(true)}})
		nodetest.Await(t, "the comparison", gate.Reached)

		var fresh []catalog.Product
		for i := range 7 {
			fresh = append(fresh, nodetest.Product(t, fmt.Sprintf(`{"id":"new-%d","name":"came late"}`, i)))
		}
		pair.Branch.Import("main", append(fresh, change(t, held[10].Product, held[20].Product)...)...)
		gate.Open()

		s = pair.Main.WaitEnd(s.SessionId, spec.COMPLETED)
		if s.Created != 300 || s.Repaired != 0 {
			t.Errorf("completed: %s", nodetest.Show(s))
		}
		nodetest.SameCatalog(t, pair.Branch, pair.Main, "main")
		answer := pair.Main.Call("alice", http.MethodGet, nodetest.StartPath+"/"+s.SessionId.String()+"/receipt", "")
		receipt, err := nodetest.Decode[spec.ReceiptResponse](answer)
		if err != nil {
			t.Fatal(err)
		}
		certificates := receipt.Receipt.Certificates
		if certificates == nil || certificates.Source == nil || certificates.Target == nil || *certificates.Source != *certificates.Target ||
			certificates.Source.Products != 307 {
			t.Errorf("the certificates are %+v", certificates)
		}
	})
}

// TestVerifyPutsRightWhatChangedOnTheWay alters one product on its way, which only the comparison can find.
func TestVerifyPutsRightWhatChangedOnTheWay(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, 50, nodetest.Config{})
		pair.Branch.Import("main", nodetest.Product(t, `{"id":"Q-1","name":"sold at 10 Euro"}`))
		pair.Wire.OnPage(nodetest.ProductsPath, 1, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			page := nodetest.Answered(r, next)
			w.Header().Set("Content-Type", page.Header.Get("Content-Type"))
			_, _ = w.Write(bytes.ReplaceAll(page.Body, []byte("at 10 Euro"), []byte("at 99 Euro")))
		})
		pair.Main.Sync(nodetest.Pull{Options: spec.StartOptions{VerifyAfterSync: new(true), CompressionEnabled: new(false)}})
		nodetest.SameCatalog(t, pair.Branch, pair.Main, "main")
	})
}

// TestVerifyFindsWhatWasChangedPastFullsync changes a product here with SQL, without changing its digest.
func TestVerifyFindsWhatWasChangedPastFullsync(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, 50, nodetest.Config{})
		pair.Main.Sync(nodetest.Pull{})
		for _, statement := range map[nodetest.Kind][]string{
			nodetest.Postgres: {"ALTER TABLE products DISABLE TRIGGER USER", "UPDATE products SET name = 'by hand' WHERE id = (SELECT min(id) FROM products)", "ALTER TABLE products ENABLE TRIGGER USER"},
			nodetest.SQLite: {"CREATE TEMP TABLE kept AS SELECT digest FROM products WHERE id = (SELECT min(id) FROM products)",
				"UPDATE products SET name = 'by hand' WHERE id = (SELECT min(id) FROM products)",
				"UPDATE products SET digest = (SELECT digest FROM kept) WHERE id = (SELECT min(id) FROM products)", "DROP TABLE kept"},
		}[kind] {
			if _, err := pair.Main.Store.SQL().ExecContext(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
		if s := pair.Main.Sync(nodetest.Pull{}); s.Unchanged != 50 {
			t.Errorf("without verification: %s", nodetest.Show(s))
		}
		s := pair.Main.Sync(nodetest.Pull{Options: spec.StartOptions{VerifyAfterSync: new(true)}})
		if s.Repaired != 1 || s.Unchanged != 50 {
			t.Errorf("with verification: %s", nodetest.Show(s))
		}
		nodetest.SameCatalog(t, pair.Branch, pair.Main, "main")
	})
}
