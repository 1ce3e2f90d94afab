package app_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"fullsync/api/spec"
	"fullsync/internal/catalog"
	"fullsync/internal/nodetest"
)

// rehashed gives a changed product its hash.
func rehashed(p catalog.Product) catalog.Product {
	p.Hash = p.ContentHash()
	return p
}

// TestDryRun says what a sync would do, with the fields, does nothing of it, and is right: the sync then does the same.
func TestDryRun(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		for _, whole := range []bool{false, true} {
			pair := nodetest.NewPair(t, kind, 100, nodetest.Config{})
			pair.Main.Sync(nodetest.Pull{})
			held := pair.Branch.Products("main")
			renamed := held[3].Product
			renamed.Name = "New name"
			pair.Branch.Import("main", rehashed(renamed), nodetest.Product(t, `{"id":"~new","name":"Brand new","price":"1"}`))
			removeProducts(t, pair, held[50], held[51])
			pair.Main.Put("main", held[7].ID, "Ours")
			before := pair.Main.Products("main")

			size := 10
			options := spec.StartOptions{BatchSize: &size, DryRun: new(true), DeleteMissing: new(true), VerifyAfterSync: new(true), ReadEverything: &whole}
			dry := pair.Main.Sync(nodetest.Pull{Options: options})
			if dry.Created != 1 || dry.Updated != 2 || dry.Deleted != 2 || dry.Unchanged != 96 || value(dry.Outcome) != spec.OutcomePlanned || !dry.Options.DryRun ||
				dry.CurrentStep != "Dry run: would create 1 product, update 2 products and delete 2 products" ||
				value(dry.ErrorMessage) != "This was a dry run; no product was written." {
				t.Errorf("whole %v: %s", whole, nodetest.Show(dry))
			}
			if after := pair.Main.Products("main"); !slices.Equal(after, before) {
				t.Error("the dry run has changed products")
			}
			planned := withoutBatches(changesOf(t, pair.Main, dry.SessionId))
			i := slices.IndexFunc(planned, func(line string) bool { return strings.Contains(line, "~new") })
			const created = `{"productId":"~new","kind":"created","fields":[{"field":"name","before":null,"after":"Brand new"},{"field":"price","before":null,"after":"1"},`
			if i < 0 || !strings.HasPrefix(planned[i], created) {
				t.Errorf("planned are %v", planned)
			}
			history := pair.Main.Call("alice", http.MethodGet, "/api/catalogs/main/products/"+renamed.ID+"/history", "")
			if page, err := nodetest.Decode[spec.ProductHistoryResponse](history); err != nil || len(page.History) != 1 {
				t.Errorf("a dry run is in the history: %s", history.Body)
			}

			options.DryRun = nil
			done := pair.Main.Sync(nodetest.Pull{Options: options})
			did := withoutBatches(changesOf(t, pair.Main, done.SessionId))
			planned[i] = `{"productId":"~new","kind":"created","fields":[]}` // only the id is kept
			if done.Created != 1 || done.Updated != 2 || done.Deleted != 2 || !slices.Equal(did, planned) {
				t.Errorf("planned: %v\ndone: %v\n%s", planned, did, nodetest.Show(done))
			}
		}
	})
}

// withoutBatches returns lines of changes in the order of the products, without the batch that made each.
func withoutBatches(lines []string) []string {
	all := make([]string, len(lines))
	for i, line := range lines {
		_, rest, _ := strings.Cut(line, ",")
		all[i] = "{" + rest
	}
	slices.Sort(all)
	return all
}

// TestDryRunWithholds what a sync would withhold, and its list can be approved. Products that would be refused are counted.
func TestDryRunWithholds(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, 100, nodetest.Config{})
		pair.Main.Sync(nodetest.Pull{})
		removeProducts(t, pair, pair.Branch.Products("main")[:20]...)
		dry := pair.Main.Sync(nodetest.Pull{Options: spec.StartOptions{DryRun: new(true), DeleteMissing: new(true)}})
		if dry.Deleted != 0 || dry.DeletesWithheld != 20 || value(dry.Outcome) != spec.OutcomePlanned || !strings.Contains(value(dry.ErrorMessage), "20 deletes were withheld") {
			t.Errorf("%s", nodetest.Show(dry))
		}
		if a := approve(t, pair.Main, dry.SessionId, 20); a.Status != http.StatusAccepted {
			t.Fatalf("%d %s", a.Status, a.Body)
		} else if started, err := nodetest.Decode[spec.StartResponse](a); err != nil {
			t.Fatal(err)
		} else if s := pair.Main.WaitEnd(started.Session.SessionId, spec.COMPLETED); s.Deleted != 20 || s.Options.DryRun {
			t.Errorf("approved: %s", nodetest.Show(s))
		}
	})
}

// TestDryRunKeepsFields: fields that stay ours are no change.
func TestDryRunKeepsFields(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, 20, nodetest.Config{})
		pair.Main.Sync(nodetest.Pull{})
		pair.Main.ChangePeer(nodetest.Branch, spec.PeerChange{KeepFields: &[]string{"name"}})
		renamed, dearer := pair.Branch.Products("main")[3].Product, pair.Branch.Products("main")[4].Product
		renamed.Name, dearer.Name, dearer.Price = "Theirs", "Theirs", "999"
		pair.Branch.Import("main", rehashed(renamed), rehashed(dearer))
		dry := pair.Main.Sync(nodetest.Pull{Options: spec.StartOptions{DryRun: new(true)}})
		lines := changesOf(t, pair.Main, dry.SessionId)
		if dry.Updated != 1 || len(lines) != 1 || !strings.Contains(lines[0], `"fields":[{"field":"price"`) {
			t.Errorf("%v: %s", lines, nodetest.Show(dry))
		}
	})
}

// TestNoDryRun: what cannot be made a dry run of is refused, and a dry run is not resumed.
func TestNoDryRun(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, 20, nodetest.Config{Settings: map[string]string{"KEEP_CHANGES": "0"}})
		for _, p := range []nodetest.Pull{{Options: spec.StartOptions{DryRun: new(true)}}, {Push: true, Options: spec.StartOptions{DryRun: new(true)}}} {
			a := pair.Main.Call("alice", http.MethodPost, nodetest.StartPath, p.Body())
			if said, err := nodetest.Decode[spec.Error](a); a.Status != http.StatusUnprocessableEntity || err != nil || said.Code != "CANNOT_DRY_RUN" {
				t.Errorf("%d %s", a.Status, a.Body)
			}
		}
	})
}
