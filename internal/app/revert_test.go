package app_test

import (
	"bytes"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"fullsync/api/spec"
	"fullsync/internal/auth"
	"fullsync/internal/catalog"
	"fullsync/internal/nodetest"
)

// revert begins the revert of a session.
func revert(t *testing.T, n *nodetest.Node, id spec.SessionID) spec.Session {
	t.Helper()
	a := n.Call("alice", http.MethodPost, nodetest.StartPath+"/"+id.String()+"/revert", "")
	started, err := nodetest.Decode[spec.StartResponse](a)
	if a.Status != http.StatusAccepted || err != nil {
		t.Fatalf("revert: %d %s %v", a.Status, a.Body, err)
	}
	return started.Session
}

// reverted is a session's revert, at its end.
func reverted(t *testing.T, n *nodetest.Node, id spec.SessionID) spec.Session {
	t.Helper()
	return n.WaitEnd(revert(t, n, id).SessionId, spec.COMPLETED)
}

// noRevert asks for a revert that is refused.
func noRevert(t *testing.T, n *nodetest.Node, id spec.SessionID, status int, code string) {
	t.Helper()
	a := n.Call("alice", http.MethodPost, nodetest.StartPath+"/"+id.String()+"/revert", "")
	if refused, err := nodetest.Decode[spec.Error](a); a.Status != status || err != nil || refused.Code != code {
		t.Errorf("%d %s, want %d %s", a.Status, a.Body, status, code)
	}
}

// cancelAndRevert cancels a session and has what it changed put back.
func cancelAndRevert(t *testing.T, n *nodetest.Node, id spec.SessionID) spec.CancelResponse {
	t.Helper()
	yes := true
	resp, err := n.API("alice", auth.RoleOperator).CancelFullSyncWithResponse(t.Context(), spec.CancelRequest{SessionId: id, Revert: &yes})
	if err != nil || resp.JSON200 == nil {
		t.Fatalf("cancel: %v %s", err, resp.Body)
	}
	return *resp.JSON200
}

// export is a catalog as the command exports it.
func export(t *testing.T, n *nodetest.Node) []byte {
	t.Helper()
	var lines []byte
	err := n.Store.ReadPage(t.Context(), "main", "", catalog.MaxBatchProducts, func(p *catalog.Product) error {
		lines = append(p.AppendJSON(lines), '\n')
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

// unwritten returns products as they were, but for when they were written last.
func unwritten(products []catalog.Stored) []catalog.Stored {
	products = slices.Clone(products)
	for i := range products {
		products[i].UpdatedAt = products[i].CreatedAt
	}
	return products
}

// TestRevert: after it the catalog is what it was before the session, byte for byte, and after the revert of the revert what the session had
// made of it.
func TestRevert(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, 100, nodetest.Config{})
		pair.Main.Put("main", "ours", "Only here")
		empty := export(t, pair.Main)
		size := 30
		first := pair.Main.Sync(nodetest.Pull{Options: spec.StartOptions{BatchSize: &size}})
		held := pair.Branch.Products("main")
		for _, p := range held[10:20] {
			pair.Branch.Put("main", p.ID, "Renamed")
		}
		pair.Branch.Put("main", "a-new", "New")
		removeProducts(t, pair, held[30], held[40])
		before, lines := unwritten(pair.Main.Products("main")), export(t, pair.Main)
		second := pair.Main.Sync(deleting())
		after, changed := unwritten(pair.Main.Products("main")), export(t, pair.Main)

		back := reverted(t, pair.Main, second.SessionId)
		auditedAs(t, pair.Main, back.SessionId, "sync.reverted", "alice")
		if !slices.Equal(unwritten(pair.Main.Products("main")), before) || !bytes.Equal(export(t, pair.Main), lines) {
			t.Errorf("the catalog differs from what it was: %s", nodetest.Show(back))
		}
		if back.Created != 2 || back.Updated != 10 || back.Deleted != 1 || back.Rejected != 0 || *back.TotalRecords != 13 || *back.Outcome != spec.OutcomeClean ||
			back.Direction != spec.Revert || value(back.RevertOf) != second.SessionId || back.CurrentStep != "Put back 12 products; took away 1" {
			t.Errorf("the revert: %s", nodetest.Show(back))
		}
		if of := pair.Main.Session(second.SessionId); value(of.RevertedBy) != back.SessionId {
			t.Errorf("the reverted session: %s", nodetest.Show(of))
		}
		if receipt := receiptOf(t, pair.Main, back.SessionId); value(receipt.RevertOf) != second.SessionId || receipt.Deleted != 1 {
			t.Errorf("the receipt: %+v", receipt)
		}
		if n := len(changesOf(t, pair.Main, back.SessionId)); n != 13 {
			t.Errorf("the revert has %d changes", n)
		}

		again := reverted(t, pair.Main, back.SessionId)
		if got := pair.Main.Products("main"); !slices.Equal(contentsOf(got), contentsOf(after)) || !bytes.Equal(export(t, pair.Main), changed) {
			t.Errorf("the catalog differs from what the session made: %s", nodetest.Show(again))
		}
		reverted(t, pair.Main, again.SessionId)
		reverted(t, pair.Main, first.SessionId)
		if got := export(t, pair.Main); !bytes.Equal(got, empty) {
			t.Errorf("after the revert of the first sync: %s", got)
		}
		nothing := reverted(t, pair.Main, first.SessionId)
		if nothing.Unchanged != 100 || nothing.Progress != 100 || nothing.Deleted != 0 || *nothing.Outcome != spec.OutcomeClean {
			t.Errorf("reverted once more: %s", nodetest.Show(nothing))
		}
	})
}

// contentsOf leaves out the times.
func contentsOf(products []catalog.Stored) []catalog.Product {
	contents := make([]catalog.Product, len(products))
	for i := range products {
		contents[i] = products[i].Product
	}
	return contents
}

// TestRevertLeavesAloneWhatWasChangedSince, and names each: by another sync, the product API, an import and SQL.
func TestRevertLeavesAloneWhatWasChangedSince(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, 20, nodetest.Config{})
		old := pair.Branch.Products("main")
		id := func(i int) string { return old[i].ID }
		rename := func(i int, name string) {
			if _, err := pair.Main.Store.SQL().ExecContext(t.Context(), "UPDATE products SET name = '"+name+"' WHERE id = '"+id(i)+"'"); err != nil {
				t.Fatal(err)
			}
		}
		pair.Main.Import("main", contentsOf(old[:6])...)
		for i := range 6 {
			pair.Branch.Put("main", id(i), "From the branch")
		}
		sync := pair.Main.Sync(nodetest.Pull{})

		pair.Branch.Put("main", id(0), "By another sync")
		pair.Main.Sync(nodetest.Pull{})
		pair.Main.Put("main", id(1), "By hand")
		pair.Main.Delete("main", id(2))
		rename(3, "By SQL")
		rename(4, "For a moment")
		rename(4, "From the branch")
		pair.Main.Import("main", nodetest.Product(t, `{"id":"`+id(10)+`","name":"Imported"}`))
		pair.Main.Delete("main", id(11))

		back := reverted(t, pair.Main, sync.SessionId)
		names := map[string]string{}
		for _, p := range pair.Main.Products("main") {
			names[p.ID] = p.Name
		}
		want := map[string]string{id(0): "By another sync", id(1): "By hand", id(3): "By SQL", id(4): old[4].Name, id(5): old[5].Name, id(10): "Imported"}
		if !maps.Equal(names, want) {
			t.Errorf("the catalog is %v, want %v", names, want)
		}
		const changed = "it was changed after that session, so it stays as it is"
		left := map[string]string{
			id(0): changed, id(1): changed, id(2): "it was deleted after that session, so it stays deleted", id(3): changed, id(10): changed,
		}
		if reasons := reasonsOf(t, pair.Main, back.SessionId); !maps.Equal(reasons, left) {
			t.Errorf("left alone are %v, want %v", reasons, left)
		}
		if back.Rejected != 5 || back.Updated != 2 || back.Deleted != 12 || back.Unchanged != 1 || *back.Outcome != spec.OutcomeRejects ||
			!strings.Contains(value(back.ErrorMessage), "5 of 20 products were left alone, 4 of them for this reason: "+changed) {
			t.Errorf("the revert: %s", nodetest.Show(back))
		}
	})
}

// reasonsOf returns why a session left products alone, by id.
func reasonsOf(t *testing.T, n *nodetest.Node, id spec.SessionID) map[string]string {
	t.Helper()
	reasons := map[string]string{}
	for _, r := range rejectsOf(t, n, id, 100) {
		reasons[value(r.ProductId)] = r.Reason
	}
	return reasons
}

// TestWhatCannotBeReverted is refused, each with its code.
func TestWhatCannotBeReverted(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := newPusher(t, kind, kind, 20, nodetest.Config{})
		noRevert(t, pair.Main, spec.SessionID{1}, http.StatusNotFound, "SESSION_NOT_FOUND")
		pushed := pair.Main.Sync(push(10, spec.StartOptions{}))
		noRevert(t, pair.Main, pushed.SessionId, http.StatusConflict, "REVERT_AT_TARGET")
		pulled := pair.Main.Sync(nodetest.Pull{})
		noRevert(t, pair.Main, pulled.SessionId, http.StatusConflict, "NOTHING_CHANGED")

		back := reverted(t, pair.Branch, pushed.SessionId)
		if n := pair.Branch.Count("main"); n != 0 || back.Deleted != 20 || pair.Branch.Session(pushed.SessionId).RevertedBy == nil {
			t.Errorf("%d products at the target: %s", n, nodetest.Show(back))
		}

		running, gate := heldPush(t, pair, 2)
		noRevert(t, pair.Main, running.SessionId, http.StatusConflict, "SESSION_ACTIVE")
		noRevert(t, pair.Branch, pushed.SessionId, http.StatusConflict, "SYNC_IN_PROGRESS")
		gate.Open()
		pair.Main.WaitEnd(running.SessionId, spec.COMPLETED)

		longAgo(t, pair.Branch, pushed.SessionId)
		if found, err := pair.Branch.Store.PruneChanges(t.Context(), 1); err != nil || !found {
			t.Fatal(found, err)
		}
		noRevert(t, pair.Branch, pushed.SessionId, http.StatusNotFound, "CHANGES_NOT_KEPT")
	})
}

// TestCancelAndRevert: the cancel's answer names the revert, which has the catalog already.
func TestCancelAndRevert(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, 100, nodetest.Config{})
		pair.Main.Put("main", "ours", "Only here")
		before := export(t, pair.Main)
		gate := pair.Wire.HoldPage(t, nodetest.ProductsPath, 3)
		size := 10
		s := pair.Main.Pull(nodetest.Pull{Options: spec.StartOptions{BatchSize: &size}})
		pair.Main.WaitFor(s.SessionId, "a batch", func(s spec.Session) bool { return s.Created > 0 })
		answer := cancelAndRevert(t, pair.Main, s.SessionId)
		gate.Open()
		by := answer.Session.RevertedBy
		if answer.Session.Status != spec.CANCELLED || by == nil || !strings.Contains(answer.Message, "Session "+by.String()+" puts back") {
			t.Fatalf("the answer: %+v", answer)
		}
		if again := cancelAndRevert(t, pair.Main, s.SessionId); !again.AlreadyCancelled || value(again.Session.RevertedBy) != *by {
			t.Errorf("the second answer: %+v", again)
		}
		back := pair.Main.WaitEnd(*by, spec.COMPLETED)
		if got := export(t, pair.Main); !bytes.Equal(got, before) || back.Deleted != answer.Session.Created {
			t.Errorf("%s\nafter %s", got, nodetest.Show(back))
		}

		// One that was cancelled before, without a revert, still gets one.
		gate = pair.Wire.HoldPage(t, nodetest.ProductsPath, 3)
		s = pair.Main.Pull(nodetest.Pull{Options: spec.StartOptions{BatchSize: &size}})
		pair.Main.WaitFor(s.SessionId, "a batch", func(s spec.Session) bool { return s.Created > 0 })
		pair.Main.Cancel(s, "")
		gate.Open()
		if answer = cancelAndRevert(t, pair.Main, s.SessionId); !answer.AlreadyCancelled || answer.Session.RevertedBy == nil {
			t.Fatalf("the answer: %+v", answer)
		}
		pair.Main.WaitEnd(*answer.Session.RevertedBy, spec.COMPLETED)
		if got := export(t, pair.Main); !bytes.Equal(got, before) {
			t.Errorf("%s", got)
		}

		// One that has changed nothing has nothing to put back.
		gate = pair.Wire.HoldPage(t, nodetest.ProductsPath, 1)
		s = pair.Main.Pull(nodetest.Pull{})
		nodetest.Await(t, "the first page", gate.Reached)
		answer = cancelAndRevert(t, pair.Main, s.SessionId)
		gate.Open()
		if answer.Session.RevertedBy != nil || !strings.Contains(answer.Message, "It changed no product") {
			t.Errorf("the answer: %+v", answer)
		}
	})
}

// TestCancelledPushIsPutBackAtItsTarget, in the moment in which it is cancelled there.
func TestCancelledPushIsPutBackAtItsTarget(t *testing.T) {
	onBothSides(t, func(t *testing.T, from, to nodetest.Kind) {
		pair := newPusher(t, from, to, 300, nodetest.Config{})
		pair.Branch.Put("main", "ours", "Only here")
		before := export(t, pair.Branch)
		s, gate := heldPush(t, pair, 4)
		answer := cancelAndRevert(t, pair.Main, s.SessionId)
		gate.Open()
		if answer.Session.RevertedBy == nil || !strings.Contains(answer.Message, "At branch, session ") {
			t.Fatalf("the answer: %+v", answer)
		}
		back := pair.Branch.WaitEnd(*answer.Session.RevertedBy, spec.COMPLETED)
		if got := export(t, pair.Branch); !bytes.Equal(got, before) || back.Deleted != 30 || back.StartedBy != "alice at main" {
			t.Errorf("%d bytes, want %d: %s", len(got), len(before), nodetest.Show(back))
		}
		if there := pair.Branch.Session(s.SessionId); there.Status != spec.CANCELLED || value(there.RevertedBy) != back.SessionId {
			t.Errorf("at the target: %s", nodetest.Show(there))
		}
		if again := cancelAndRevert(t, pair.Main, s.SessionId); !again.AlreadyCancelled || value(again.Session.RevertedBy) != back.SessionId {
			t.Errorf("once more: %+v", again)
		}
	})
}

// TestInterruptedRevert: a revert that is handed over by a restart, cancelled, and resumed ends like one in a single go.
func TestInterruptedRevert(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, 100, nodetest.Config{Settings: map[string]string{"MAX_PRODUCTS_PER_SECOND": "100", "BATCH_SIZE": "10"}})
		sync := pair.Main.Sync(nodetest.Pull{})
		some := func(s spec.Session) bool { return s.Deleted > 0 }
		first := pair.Main.WaitFor(revert(t, pair.Main, sync.SessionId).SessionId, "some of it", some)
		pair.RestartMain()
		more := pair.Main.WaitFor(first.SessionId, "more of it", func(s spec.Session) bool { return s.Deleted > first.Deleted })
		cancelled := pair.Main.Cancel(more, "").Session
		if n := pair.Main.Count("main"); n != 100-cancelled.Deleted || cancelled.Deleted == 100 {
			t.Errorf("%d products are left: %s", n, nodetest.Show(cancelled))
		}
		resumed := pair.Main.WaitEnd(pair.Main.Resume(cancelled).SessionId, spec.COMPLETED)
		if n := pair.Main.Count("main"); n != 0 || resumed.Deleted != 100-cancelled.Deleted || value(resumed.RevertOf) != sync.SessionId ||
			resumed.ResumedRecords != cancelled.Deleted {
			t.Errorf("%d products are left after %s", n, nodetest.Show(resumed))
		}
		// Each part is a session with changes of its own.
		reverted(t, pair.Main, resumed.SessionId)
		reverted(t, pair.Main, cancelled.SessionId)
		nodetest.SameCatalog(t, pair.Branch, pair.Main, "main")
	})
}

// TestWhatCannotBePutBack: a product that was stored in a way that no rule of today lets through, because it is too large or its price is none, is
// named and stays as it is; everything else is put back.
func TestWhatCannotBePutBack(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, 12, nodetest.Config{})
		pair.Main.Sync(nodetest.Pull{})
		held := pair.Branch.Products("main")
		large, priceless, deleted := held[1].ID, held[4].ID, held[7].ID
		for id, set := range map[string]string{
			large: "attributes = '{\"text\":\"" + strings.Repeat("x", catalog.MaxProductBytes) + "\"}'", priceless: "price = 'a lot'", deleted: "currency = 'euros'",
		} {
			if _, err := pair.Main.Store.SQL().ExecContext(t.Context(), "UPDATE products SET "+set+" WHERE id = $1", id); err != nil {
				t.Fatal(err)
			}
		}
		before := pair.Main.Products("main")
		for _, p := range held[:7] {
			pair.Branch.Put("main", p.ID, "Renamed")
		}
		sync := pair.Main.Sync(nodetest.Pull{})
		pair.Main.Delete("main", deleted)
		after := byID(pair.Main.Products("main"))

		want := byID(before)
		want[large], want[priceless] = after[large], after[priceless]
		delete(want, deleted)
		left := map[string]string{
			large:     "it cannot be put back: the product is larger than 1572864 bytes",
			priceless: "it cannot be put back: price must be a decimal such as 12.50, not \"a lot\"",
			deleted:   "it cannot be put back: currency must be three letters such as EUR, not \"euros\"",
		}
		for round, updated := range []int64{5, 0} { // the second time there is nothing to do, and the same is said
			back := reverted(t, pair.Main, sync.SessionId)
			if got := byID(pair.Main.Products("main")); !maps.Equal(got, want) {
				t.Errorf("round %d: the catalog is not what it should be: %s", round, nodetest.Show(back))
			}
			if reasons := reasonsOf(t, pair.Main, back.SessionId); !maps.Equal(reasons, left) {
				t.Errorf("round %d: left alone are %v", round, reasons)
			}
			if back.Updated != updated || back.Rejected != int64(len(left)) || back.Progress != 100 || value(back.Outcome) != spec.OutcomeRejects {
				t.Errorf("round %d: %s", round, nodetest.Show(back))
			}
		}
	})
}

// longAgo lets a session have ended two hours ago: long ago for a test that deletes what is older than an hour, not for the node, which looks for what to
// delete at a moment of its own.
func longAgo(t *testing.T, n *nodetest.Node, id spec.SessionID) {
	t.Helper()
	sqlOn(t, n, id, "UPDATE sync_sessions SET completed_at = '"+inSQL(time.Now().Add(-2*time.Hour))+"' WHERE id = @id")
}

// TestChangesExpireMeanwhile: what a revert needs is kept until it ends, also while it waits for a worker. One whose changes are gone all the same says so.
func TestChangesExpireMeanwhile(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, 20, nodetest.Config{Settings: map[string]string{"SYNC_WORKERS": "1"}})
		pair.Branch.Fill("other", 5)
		sync := pair.Main.Sync(nodetest.Pull{})
		longAgo(t, pair.Main, sync.SessionId)
		prune := func(found bool) {
			t.Helper()
			if got, err := pair.Main.Store.PruneChanges(t.Context(), time.Hour); got != found || err != nil {
				t.Errorf("found %t (%v), want %t", got, err, found)
			}
		}
		gate := pair.Wire.HoldPage(t, nodetest.ProductsPath, 1)
		pair.Main.Pull(nodetest.Pull{Catalog: "other"})
		nodetest.Await(t, "the only worker to be busy", gate.Reached)
		back := revert(t, pair.Main, sync.SessionId)
		prune(false)
		sqlOn(t, pair.Main, sync.SessionId, "UPDATE sync_sessions SET changes_through = -1 WHERE id = @id")
		gate.Open()
		end := pair.Main.WaitEnd(back.SessionId, spec.FAILED)
		if value(end.ErrorCode) != "CHANGES_NOT_KEPT" || !strings.Contains(value(end.ErrorMessage), "0 of 20 products") || pair.Main.Count("main") != 20 {
			t.Errorf("its changes are gone: %s", nodetest.Show(end))
		}
		prune(true)
		noRevert(t, pair.Main, sync.SessionId, http.StatusNotFound, "CHANGES_NOT_KEPT")
	})
}
