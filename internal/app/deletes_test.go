package app_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"

	"fullsync/api/spec"
	"fullsync/internal/nodetest"
)

// deleting is a pull that deletes products missing at the source.
func deleting() nodetest.Pull {
	return nodetest.Pull{Options: spec.StartOptions{DeleteMissing: new(true)}}
}

// deletesOf returns the products that a session found to be gone, by their state.
func deletesOf(t *testing.T, n *nodetest.Node, id spec.SessionID) map[spec.DeleteState][]string {
	t.Helper()
	found := map[spec.DeleteState][]string{}
	for token := ""; ; {
		a := n.Call("alice", http.MethodGet, nodetest.StartPath+"/"+id.String()+"/deletes?pageSize=7&pageToken="+token, "")
		page, err := nodetest.Decode[spec.DeleteListResponse](a)
		if err != nil || a.Status != http.StatusOK {
			t.Fatalf("deletes: %d %s", a.Status, a.Body)
		}
		for _, d := range page.Deletes {
			found[d.State] = append(found[d.State], d.ProductId)
		}
		if page.NextPageToken == nil {
			return found
		}
		token = *page.NextPageToken
	}
}

// approve approves the deletes of a session.
func approve(t *testing.T, n *nodetest.Node, id spec.SessionID, count int) nodetest.Answer {
	t.Helper()
	return n.Call("bob", http.MethodPost, nodetest.StartPath+"/"+id.String()+"/deletes/approve", fmt.Sprintf(`{"count":%d}`, count))
}

// TestDeletesOfWhatIsMissing deletes what the source no longer has, and nothing that came from elsewhere.
func TestDeletesOfWhatIsMissing(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, 100, nodetest.Config{})
		pair.Main.Sync(nodetest.Pull{})
		pair.Main.Import("main", nodetest.Product(t, `{"id":"ours","name":"only here"}`))
		held := pair.Branch.Products("main")
		removeProducts(t, pair, held[0], held[50], held[99])
		if s := pair.Main.Sync(nodetest.Pull{}); s.Deleted != 0 || pair.Main.Count("main") != 101 {
			t.Errorf("without deleteMissing: %s", nodetest.Show(s))
		}
		s := pair.Main.Sync(deleting())
		if s.Deleted != 3 || s.Unchanged != 97 || value(s.Outcome) != spec.OutcomeClean || pair.Main.Count("main") != 98 {
			t.Errorf("with deleteMissing: %s", nodetest.Show(s))
		}
		want := []string{held[0].ID, held[50].ID, held[99].ID}
		if found := deletesOf(t, pair.Main, s.SessionId); !slices.Equal(found[spec.DeleteStateDeleted], want) || len(found) != 1 {
			t.Errorf("the list is %v", found)
		}
	})
}

// TestTooManyDeletesAreWithheldUntilSomebodyApproves: products that have changed meanwhile stay.
func TestTooManyDeletesAreWithheldUntilSomebodyApproves(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, 100, nodetest.Config{})
		pair.Main.Sync(nodetest.Pull{})
		held := pair.Branch.Products("main")
		removeProducts(t, pair, held[:20]...)
		s := pair.Main.Sync(deleting())
		if s.Deleted != 0 || s.DeletesWithheld != 20 || value(s.Outcome) != spec.OutcomeDeletesWithheld || s.ErrorMessage == nil ||
			s.CurrentStep != "Transferred 80 products; 20 deletes were withheld" || pair.Main.Count("main") != 100 {
			t.Errorf("withheld: %s", nodetest.Show(s))
		}
		if found := deletesOf(t, pair.Main, s.SessionId); len(found[spec.DeleteStateWithheld]) != 20 || len(found) != 1 {
			t.Errorf("the list is %v", found)
		}
		if a := approve(t, pair.Main, s.SessionId, 19); a.Status != http.StatusConflict {
			t.Errorf("another number: %d %s", a.Status, a.Body)
		}

		// One product is back at the source, and one was changed here.
		pair.Branch.Import("main", held[0].Product)
		pair.Main.Import("main", nodetest.Product(t, fmt.Sprintf(`{"id":%q,"name":"changed here"}`, held[1].ID)))
		a := approve(t, pair.Main, s.SessionId, 20)
		started, err := nodetest.Decode[spec.StartResponse](a)
		if err != nil || a.Status != http.StatusAccepted {
			t.Fatalf("approve: %d %s", a.Status, a.Body)
		}
		done := pair.Main.WaitEnd(started.SessionId, spec.COMPLETED)
		auditedAs(t, pair.Main, done.SessionId, "sync.approved", done.StartedBy)
		if done.Deleted != 18 || value(done.Outcome) != spec.OutcomeClean || pair.Main.Count("main") != 82 {
			t.Errorf("approved: %s", nodetest.Show(done))
		}
		found := deletesOf(t, pair.Main, done.SessionId)
		if !slices.Equal(found[spec.DeleteStateKept], []string{held[1].ID}) || len(found[spec.DeleteStateDeleted]) != 18 {
			t.Errorf("the list is %v", found)
		}
	})
}

// TestNothingIsDeletedOnTheWordOfAnEmptySource: however few products that would be.
func TestNothingIsDeletedOnTheWordOfAnEmptySource(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, 5, nodetest.Config{})
		pair.Main.Sync(nodetest.Pull{})
		removeProducts(t, pair, pair.Branch.Products("main")...)
		s := pair.Main.Sync(deleting())
		if s.Deleted != 0 || s.DeletesWithheld != 5 || pair.Main.Count("main") != 5 {
			t.Errorf("withheld: %s", nodetest.Show(s))
		}
	})
}

// TestRepeatCostsWhatDiffers: equal products do not go over the wire.
func TestRepeatCostsWhatDiffers(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, full, nodetest.Config{})
		pair.Main.Sync(nodetest.Pull{})
		held := pair.Branch.Products("main")
		pair.Branch.Import("main", change(t, held[10].Product, held[700].Product)...)
		before := len(pair.Wire.Exchanges(nodetest.ProductsPath))
		s := pair.Main.Sync(nodetest.Pull{})
		if s.Updated != 2 || s.Unchanged != full-2 || s.Progress != 100 || s.ReadWhole != nil {
			t.Errorf("repeat: %s", nodetest.Show(s))
		}
		if pages := pair.Wire.Exchanges(nodetest.ProductsPath)[before:]; len(pages) != 1 || s.TransferredBytes > 5000 {
			t.Errorf("%d pages of products were read, and %d bytes in all", len(pages), s.TransferredBytes)
		}
		nodetest.SameCatalog(t, pair.Branch, pair.Main, "main")
	})
}
