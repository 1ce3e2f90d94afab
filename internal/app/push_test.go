package app_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"fullsync/api/spec"
	"fullsync/internal/app"
	"fullsync/internal/auth"
	"fullsync/internal/config"
	"fullsync/internal/effort"
	"fullsync/internal/nodetest"
)

// newPusher is a pair whose main node may push to the branch. Main has the products.
func newPusher(t *testing.T, from, to nodetest.Kind, count int, c nodetest.Config) *nodetest.Pair {
	t.Helper()
	branch := nodetest.Start(t, nodetest.Config{ID: nodetest.Branch, Database: nodetest.NewDatabase(t, to), Settings: c.Settings})
	c.Database = nodetest.NewDatabase(t, from)
	pair := nodetest.Between(branch, c)
	mayPush(pair.Main, branch)
	pair.Main.Fill("main", count)
	return pair
}

// mayPush gives from a token with which it may push to the peer.
func mayPush(from, to *nodetest.Node) {
	token := to.TokenFor(from.NodeID(), auth.RoleNodePush)
	from.ChangePeer(to.NodeID(), spec.PeerChange{Token: &token})
}

// onBothSides runs a test with one kind of database at one node and the other kind at the other, in parallel with others.
// [nodetest.KindsFor] says which is where, and CI runs it both ways round. The nodes meet only over HTTP, so two pairs are enough.
func onBothSides(t *testing.T, test func(t *testing.T, from, to nodetest.Kind)) {
	t.Helper()
	t.Parallel()
	from, to := nodetest.KindsFor(t)
	onPair(t, from, to, test)
}

// onAllPairs is [onBothSides]; the heavy form goes on with the same kind at both nodes.
func onAllPairs(t *testing.T, test func(t *testing.T, from, to nodetest.Kind)) {
	t.Helper()
	onBothSides(t, test)
	if effort.Heavy() {
		onPair(t, nodetest.SQLite, nodetest.SQLite, test)
		onPair(t, nodetest.Postgres, nodetest.Postgres, test)
	}
}

func onPair(t *testing.T, from, to nodetest.Kind, test func(t *testing.T, from, to nodetest.Kind)) {
	t.Helper()
	t.Run(fmt.Sprintf("%s to %s", from, to), func(t *testing.T) {
		t.Parallel()
		test(t, from, to)
	})
}

// push is a start of a push in batches of that size.
func push(size int, options spec.StartOptions) nodetest.Pull {
	options.BatchSize = &size
	return nodetest.Pull{Push: true, Options: options}
}

// heldPush begins a push in batches of 10, and holds the request with the given batch.
func heldPush(t *testing.T, pair *nodetest.Pair, batch int) (spec.Session, *nodetest.Gate) {
	t.Helper()
	gate := pair.Wire.HoldPage(t, nodetest.BatchesPath, batch)
	s := pair.Main.Pull(push(10, spec.StartOptions{}))
	nodetest.Await(t, fmt.Sprintf("batch %d", batch), gate.Reached)
	return s, gate
}

func TestPush(t *testing.T) {
	onAllPairs(t, func(t *testing.T, from, to nodetest.Kind) {
		pair := newPusher(t, from, to, 1067, nodetest.Config{})
		yes := true
		s := pair.Main.Sync(push(100, spec.StartOptions{VerifyAfterSync: &yes}))
		nodetest.SameCatalog(t, pair.Main, pair.Branch, "main")
		for name, got := range map[string]spec.Session{"main": s, "branch": pair.Branch.Session(s.SessionId)} {
			if got.Status != spec.COMPLETED || got.Created != 1067 || got.Progress != 100 || got.Direction != spec.Push || got.SourceNodeId != "main" ||
				got.TargetNodeId != "branch" || got.Incoming != (name == "branch") || got.TransferredBytes == 0 || *got.Outcome != spec.OutcomeClean ||
				got.CurrentStep != "Transferred and verified 1067 products" {
				t.Errorf("at %s: %s", name, nodetest.Show(got))
			}
			receipt := receiptOf(t, map[string]*nodetest.Node{"main": pair.Main, "branch": pair.Branch}[name], s.SessionId)
			c := receipt.Certificates
			if c == nil || c.Source == nil || c.Target == nil || *c.Source != *c.Target || c.Source.Products != 1067 {
				t.Errorf("the certificates at %s: %+v", name, c)
			}
		}
		if pair.Branch.Session(s.SessionId).StartedBy != "alice" {
			t.Errorf("the branch does not see who pushes: %s", nodetest.Show(pair.Branch.Session(s.SessionId)))
		}

		// Again: what did not change is not sent.
		pair.Main.Put("main", "P-0000500", "another name")
		pair.Branch.Put("main", "P-0000600", "changed at the branch")
		before := len(pair.Wire.Exchanges(nodetest.BatchesPath))
		again := pair.Main.Sync(push(100, spec.StartOptions{}))
		if again.Updated != 2 || again.Unchanged != 1065 || again.Created != 0 {
			t.Errorf("the second push: %s", nodetest.Show(again))
		}
		if n := len(pair.Wire.Exchanges(nodetest.BatchesPath)) - before; n > 4 {
			t.Errorf("it took %d batches", n)
		}
		nodetest.SameCatalog(t, pair.Main, pair.Branch, "main")
	})
}

// receiptOf returns the receipt of a session at a node.
func receiptOf(t *testing.T, n *nodetest.Node, id spec.SessionID) spec.Receipt {
	t.Helper()
	resp, err := n.API("alice", auth.RoleViewer).GetFullSyncReceiptWithResponse(t.Context(), id)
	if err != nil || resp.JSON200 == nil {
		t.Fatalf("receipt: %v", err)
	}
	return resp.JSON200.Receipt
}

// TestPushCancelledByItsPusher: after a confirmed cancel nothing lands at the target.
func TestPushCancelledByItsPusher(t *testing.T) {
	onBothSides(t, func(t *testing.T, from, to nodetest.Kind) {
		pair := newPusher(t, from, to, 300, nodetest.Config{})
		s, gate := heldPush(t, pair, 4)
		answer := pair.Main.Cancel(s, "wrong catalog")
		if c := answer.Session.TargetConfirmed; c == nil || !*c || answer.MayLandUntil != nil || answer.Message != "Sync session cancelled successfully" {
			t.Fatalf("the answer: %+v", answer)
		}
		there := pair.Branch.Session(s.SessionId)
		if there.Status != spec.CANCELLED || *there.ErrorMessage != "Cancelled by alice at main: wrong catalog" {
			t.Errorf("at the target: %s", nodetest.Show(there))
		}
		gate.Open()
		nodetest.Await(t, "the end of the held request", gate.Left)
		if n := pair.Branch.Count("main"); n != 30 || there.Created != 30 {
			t.Errorf("the target holds %d products, its session says %d", n, there.Created)
		}

		// A resume goes on from where the target is.
		resumed := pair.Main.Resume(s)
		done := pair.Main.WaitEnd(resumed.SessionId, spec.COMPLETED)
		if done.ResumedRecords != 30 || done.Created != 270 {
			t.Errorf("the resumed push: %s", nodetest.Show(done))
		}
		nodetest.SameCatalog(t, pair.Main, pair.Branch, "main")
	})
}

// TestPushCancelledAtItsTarget ends the push at the pusher too, with the same name and reason.
func TestPushCancelledAtItsTarget(t *testing.T) {
	onBothSides(t, func(t *testing.T, from, to nodetest.Kind) {
		pair := newPusher(t, from, to, 300, nodetest.Config{})
		s, gate := heldPush(t, pair, 4)
		pair.Branch.Cancel(pair.Branch.Session(s.SessionId), "not now")
		gate.Open()
		ended := pair.Main.WaitEnd(s.SessionId, spec.CANCELLED)
		if *ended.CancelledBy != "alice" || *ended.ErrorMessage != "Cancelled by alice: not now" || ended.TransferredRecords != 30 {
			t.Errorf("at the pusher: %s", nodetest.Show(ended))
		}
		if n := pair.Branch.Count("main"); n != 30 {
			t.Errorf("the target holds %d products", n)
		}
	})
}

// TestUnconfirmedCancel: the target cannot be reached, so the answer says until when something may land, and the node goes on asking.
func TestUnconfirmedCancel(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := newPusher(t, kind, kind, 300, nodetest.Config{})
		s, _ := heldPush(t, pair, 2)
		pair.Wire.Reach(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { w.WriteHeader(http.StatusBadGateway) })
		answer := pair.Main.Cancel(s, "")
		if c := answer.Session.TargetConfirmed; c == nil || *c || answer.MayLandUntil == nil || !answer.MayLandUntil.After(*answer.Session.CompletedAt) ||
			!strings.Contains(answer.Message, "branch has not confirmed it yet") {
			t.Fatalf("the answer: %+v", answer)
		}
		pair.Wire.Reach(nil)
		nodetest.Eventually(t, "the confirmation", func() bool { return *pair.Main.Session(s.SessionId).TargetConfirmed },
			func() string { return nodetest.Show(pair.Main.Session(s.SessionId)) })
		if there := pair.Branch.Session(s.SessionId); there.Status != spec.CANCELLED {
			t.Errorf("at the target: %s", nodetest.Show(there))
		}
		if again := pair.Main.Cancel(s, ""); !again.AlreadyCancelled || again.MayLandUntil != nil {
			t.Errorf("cancelled again: %+v", again)
		}
	})
}

// TestLostAnswersOfAPush: a batch whose answer is lost is not written twice, and neither is the end.
func TestLostAnswersOfAPush(t *testing.T) {
	onBothSides(t, func(t *testing.T, from, to nodetest.Kind) {
		pair := newPusher(t, from, to, 100, nodetest.Config{})
		var lost atomic.Int64
		seen := make(chan string, 1000)
		pair.Wire.Reach(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			key := r.Method + " " + r.URL.String()
			select {
			case seen <- key:
			default:
			}
			// Every first answer of a batch, of the opening and of the end is lost.
			if ends(r.URL.Path) && lost.Add(1)%2 == 1 {
				nodetest.Answered(r, next)
				panic(http.ErrAbortHandler)
			}
			next.ServeHTTP(w, r)
		})
		s := pair.Main.Sync(push(10, spec.StartOptions{}))
		there := pair.Branch.Session(s.SessionId)
		if s.Created != 100 || there.Created != 100 || there.Unchanged != 0 || s.Unchanged != 0 {
			t.Errorf("at the pusher: %s\nat the target: %s", nodetest.Show(s), nodetest.Show(there))
		}
		if lost.Load() < 20 {
			t.Errorf("only %d requests", lost.Load())
		}
		nodetest.SameCatalog(t, pair.Main, pair.Branch, "main")
	})
}

func ends(path string) bool {
	return strings.HasSuffix(path, nodetest.BatchesPath) || strings.HasSuffix(path, nodetest.FinishPath) || strings.HasSuffix(path, nodetest.PushPath)
}

// TestPushDeletes what the pusher no longer has: the target decides, and withholds too much.
func TestPushDeletes(t *testing.T) {
	onBothSides(t, func(t *testing.T, from, to nodetest.Kind) {
		pair := newPusher(t, from, to, 200, nodetest.Config{})
		yes := true
		pair.Main.Sync(push(50, spec.StartOptions{}))
		pair.Branch.Put("main", "Z-own", "the branch's own")
		pair.Main.Delete("main", "P-0000003", "P-0000100", "P-0000199")
		s := pair.Main.Sync(push(50, spec.StartOptions{DeleteMissing: &yes}))
		there := pair.Branch.Session(s.SessionId)
		if s.Deleted != 3 || there.Deleted != 3 || pair.Branch.Count("main") != 198 {
			t.Errorf("at the pusher: %s\nat the target: %s", nodetest.Show(s), nodetest.Show(there))
		}

		// The first answer about proposals and decisions is lost each time.
		var asked atomic.Int64
		pair.Wire.Reach(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if strings.HasSuffix(r.URL.Path, "/deletes") && asked.Add(1)%2 == 1 {
				nodetest.Answered(r, next)
				panic(http.ErrAbortHandler)
			}
			next.ServeHTTP(w, r)
		})
		var gone []string
		for i := range 60 {
			gone = append(gone, fmt.Sprintf("P-%07d", i+101))
		}
		pair.Main.Delete("main", gone...)
		s = pair.Main.Sync(push(50, spec.StartOptions{DeleteMissing: &yes}))
		there = pair.Branch.Session(s.SessionId)
		for name, got := range map[string]spec.Session{"main": s, "branch": there} {
			if got.Deleted != 0 || got.DeletesWithheld != 60 || *got.Outcome != spec.OutcomeDeletesWithheld || !strings.Contains(*got.ErrorMessage, "60 deletes were withheld: that is more than 10 %") {
				t.Errorf("at %s: %s", name, nodetest.Show(got))
			}
		}
		a := pair.Branch.Call("alice", http.MethodPost, nodetest.StartPath+"/"+s.SessionId.String()+"/deletes/approve", `{"count":60}`)
		if a.Status != http.StatusConflict || !strings.Contains(string(a.Body), "Approve its deletes there") {
			t.Errorf("approved at the target: %d %s", a.Status, a.Body)
		}
		a = pair.Main.Call("alice", http.MethodPost, nodetest.StartPath+"/"+s.SessionId.String()+"/deletes/approve", `{"count":60}`)
		started, err := nodetest.Decode[spec.StartResponse](a)
		if err != nil || a.Status != http.StatusAccepted {
			t.Fatalf("approve: %d %s", a.Status, a.Body)
		}
		done := pair.Main.WaitEnd(started.SessionId, spec.COMPLETED)
		if done.Deleted != 60 || pair.Branch.Count("main") != 138 {
			t.Errorf("after the approval there are %d: %s", pair.Branch.Count("main"), nodetest.Show(done))
		}
	})
}

// TestPushesExclude: one push per catalog and peer, one writer per catalog and node.
func TestPushesExclude(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := newPusher(t, kind, kind, 50, nodetest.Config{})
		other := nodetest.Start(t, nodetest.Config{ID: "other", Database: nodetest.NewDatabase(t, kind)})
		pair.Main.AddPeer("other", other.URL(), other.TokenFor("main", auth.RoleNodePush))
		first, gate := heldPush(t, pair, 2)

		second := push(10, spec.StartOptions{})
		a := pair.Main.Call("alice", http.MethodPost, nodetest.StartPath, second.Body())
		if a.Status != http.StatusConflict || !strings.Contains(string(a.Body), first.SessionId.String()) {
			t.Errorf("a second push to the same peer: %d %s", a.Status, a.Body)
		}
		second.Peer = "other"
		pair.Main.Sync(second)
		nodetest.SameCatalog(t, pair.Main, other, "main")

		// At the target, it is the writer of the catalog like any other.
		pair.Branch.AddPeer("other", other.URL(), other.TokenFor("branch", auth.RoleNode))
		a = pair.Branch.Call("alice", http.MethodPost, nodetest.StartPath, nodetest.Pull{Peer: "other"}.Body())
		if a.Status != http.StatusConflict || !strings.Contains(string(a.Body), first.SessionId.String()) {
			t.Errorf("a pull into a catalog that is pushed: %d %s", a.Status, a.Body)
		}
		// A pull into the catalog that is pushed from here may run beside it, and is what status shows first.
		pull := pair.Main.Pull(nodetest.Pull{Peer: "other"})
		pair.Main.WaitEnd(pull.SessionId, spec.COMPLETED)
		a = pair.Main.Call("alice", http.MethodPut, "/api/catalogs/main/products/P-0000001", `{"name":"edited beside a push"}`)
		if a.Status != http.StatusOK {
			t.Errorf("an edit beside a push: %d %s", a.Status, a.Body)
		}
		gate.Open()
		pair.Main.WaitEnd(first.SessionId, spec.COMPLETED)
	})
}

// TestPushIntoABusyCatalog fails with a sentence that names the session in the way.
func TestPushIntoABusyCatalog(t *testing.T) {
	t.Parallel()
	pair := newPusher(t, nodetest.SQLite, nodetest.SQLite, 50, nodetest.Config{})
	back := nodetest.NewWire(t, pair.Main.URL())
	pair.Branch.AddPeer("main", back.URL, pair.Main.TokenFor("branch", auth.RoleNode))
	gate := back.HoldPage(t, nodetest.ProductsPath, 1)
	pulling := pair.Branch.Pull(nodetest.Pull{Peer: "main"})
	nodetest.Await(t, "the pull", gate.Reached)
	s := pair.Main.WaitEnd(pair.Main.Pull(push(10, spec.StartOptions{})).SessionId, spec.FAILED)
	if *s.ErrorCode != "TARGET_BUSY" || !strings.Contains(*s.ErrorMessage, "Another sync writes catalog main at branch") {
		t.Errorf("%s", nodetest.Show(s))
	}
	gate.Open()
	pair.Branch.WaitEnd(pulling.SessionId, spec.COMPLETED)
	pair.Main.Sync(push(10, spec.StartOptions{}))
}

// TestPushNeedsItsRole: before the start, and at the target.
func TestPushNeedsItsRole(t *testing.T) {
	t.Parallel()
	pair := nodetest.NewPair(t, nodetest.SQLite, 0, nodetest.Config{})
	pair.Main.Fill("main", 10)
	a := pair.Main.Call("alice", http.MethodPost, nodetest.StartPath, push(10, spec.StartOptions{}).Body())
	if a.Status != http.StatusUnprocessableEntity || !strings.Contains(string(a.Body), "TOKEN_MAY_NOT_PUSH") || !strings.Contains(string(a.Body), "--role node-push") {
		t.Errorf("with a token that may only read: %d %s", a.Status, a.Body)
	}
	mayPush(pair.Main, pair.Branch)
	pair.Main.Sync(push(10, spec.StartOptions{}))

	// Nobody reaches the session of another, not even with the right fence, or by saying that the opening may still be on its way.
	pair.Main.Put("main", "P-0000001", "another name")
	s, gate := heldPush(t, pair, 1)
	path := nodetest.PushPath + "/" + s.SessionId.String()
	const late = `"opening":{"nodeId":"eve","catalog":"main","fence":1}`
	for _, c := range [][2]string{
		{"/cancel", `{"by":"eve","fence":1,"step":"x"}`}, {"/finish", `{"by":"eve","fence":1,"step":"x"}`}, {"/heartbeat", `{"by":"eve","fence":1,"step":"x"}`},
		{"/cancel", `{"by":"eve",` + late + `}`}, {"/cancel", `{"by":"eve","revert":true,` + late + `}`},
		{"/finish", `{"step":"x","failure":{"code":"X","message":"x"},` + late + `}`},
	} {
		call, body := c[0], c[1]
		b, err := pair.Branch.Raw(t.Context(), pair.Branch.TokenFor("eve", auth.RoleNodePush), http.MethodPost, path+call, body)
		if err != nil || b.Status != http.StatusNotFound {
			t.Errorf("%s by somebody else: %d %s %v", call, b.Status, b.Body, err)
		}
		b, err = pair.Branch.Raw(t.Context(), pair.Branch.TokenFor("main", auth.RoleNode), http.MethodPost, path+call, body)
		if err != nil || b.Status != http.StatusForbidden {
			t.Errorf("%s with a token that may only read: %d %s %v", call, b.Status, b.Body, err)
		}
	}
	gate.Open()
	pair.Main.WaitEnd(s.SessionId, spec.COMPLETED)
}

// TestSilentPusher loses its lease, which frees the catalog, and can be resumed.
func TestSilentPusher(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := newPusher(t, kind, kind, 100, nodetest.Config{Settings: map[string]string{"HEARTBEAT_INTERVAL": "100ms", "STALE_AFTER": "1s"}})
		s, gate := heldPush(t, pair, 3)
		pair.Wire.Reach(func(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
			_, _ = io.Copy(io.Discard, r.Body) // only then does a server notice that its client has gone
			<-r.Context().Done()
		})
		there := pair.Branch.WaitEnd(s.SessionId, spec.FAILED)
		if *there.ErrorCode != "PUSHER_LOST" || !strings.Contains(*there.ErrorMessage, "Node main, which pushes this sync, gave no sign of life for") {
			t.Errorf("at the target: %s", nodetest.Show(there))
		}
		// The lease is twice the time after which a worker is stale. The target's source is its pusher, and was silent all that time.
		if silent := there.CompletedAt.Sub(*there.LastSourceAt); silent < 2*time.Second {
			t.Errorf("its source was silent for %s", silent)
		}
		pair.Wire.Reach(nil)
		gate.Open()
		ended := pair.Main.WaitEnd(s.SessionId, spec.FAILED)
		if *ended.ErrorCode != "PUSHER_LOST" || pair.Branch.Count("main") != 20 {
			t.Errorf("at the pusher: %s", nodetest.Show(ended))
		}
		resumed := pair.Main.Resume(ended)
		if done := pair.Main.WaitEnd(resumed.SessionId, spec.COMPLETED); done.ResumedRecords != 20 || done.Created != 80 {
			t.Errorf("resumed: %s", nodetest.Show(done))
		}
		nodetest.SameCatalog(t, pair.Main, pair.Branch, "main")
	})
}

// TestTargetWasAway for longer than a lease: it does not take its pusher for silent, and the push is opened again.
func TestTargetWasAway(t *testing.T) {
	onBothSides(t, func(t *testing.T, from, to nodetest.Kind) {
		pair := newPusher(t, from, to, 100, nodetest.Config{Settings: map[string]string{"HEARTBEAT_INTERVAL": "100ms", "STALE_AFTER": "10s"}})
		s, gate := heldPush(t, pair, 3)
		pair.Branch.Down()
		onDatabase(t, pair.Branch, "UPDATE sync_sessions SET last_heartbeat_at = '"+inSQL(time.Now().Add(-time.Hour))+"'")
		pair.Branch = pair.Branch.Restart()
		gate.Open()
		done := pair.Main.WaitEnd(s.SessionId, spec.COMPLETED)
		there := pair.Branch.Session(s.SessionId)
		if done.Created != 100 || there.Status != spec.COMPLETED || there.Created != 100 || there.Attempts != 2 {
			t.Errorf("at the pusher: %s\nat the target: %s", nodetest.Show(done), nodetest.Show(there))
		}
		nodetest.SameCatalog(t, pair.Main, pair.Branch, "main")
	})
}

// onDatabase runs statements on the database of a node that is down.
func onDatabase(t *testing.T, n *nodetest.Node, statements ...string) {
	t.Helper()
	db, err := app.OpenDatabase(t.Context(), config.Config{DatabaseURL: config.Secret(n.Database().URL), DataDir: n.Database().Dir, SyncWorkers: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // what was written counts
	for _, statement := range statements {
		if _, err := db.SQL().ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
}

// TestPushGoesOnAfterARestart of the pusher: the successor asks the target where it is.
func TestPushGoesOnAfterARestart(t *testing.T) {
	onBothSides(t, func(t *testing.T, from, to nodetest.Kind) {
		pair := newPusher(t, from, to, 100, nodetest.Config{})
		s, _ := heldPush(t, pair, 4)
		pair.RestartMain()
		done := pair.Main.WaitEnd(s.SessionId, spec.COMPLETED)
		there := pair.Branch.Session(s.SessionId)
		if done.Created != 100 || there.Created != 100 || there.Attempts != 2 {
			t.Errorf("at the pusher: %s\nat the target: %s", nodetest.Show(done), nodetest.Show(there))
		}
		nodetest.SameCatalog(t, pair.Main, pair.Branch, "main")
	})
}
