package cli_test

import (
	"net/http"
	"strings"
	"testing"

	"fullsync/api/spec"
	"fullsync/internal/auth"
	"fullsync/internal/nodetest"
)

// newPusher is a pair whose main node has the products and may push them to the branch. The caller is an operator of main.
func newPusher(t *testing.T, products int) (*nodetest.Pair, environment) {
	t.Helper()
	branch := nodetest.Start(t, nodetest.Config{ID: nodetest.Branch, Database: nodetest.NewDatabase(t, nodetest.SQLite)})
	pair := nodetest.Between(branch, nodetest.Config{Database: nodetest.NewDatabase(t, nodetest.SQLite)})
	token := branch.TokenFor("main", auth.RoleNodePush)
	pair.Main.ChangePeer("branch", spec.PeerChange{Token: &token})
	pair.Main.Fill("main", products)
	return pair, callerOf(pair.Main, auth.RoleOperator)
}

// alsoTo adds another node to which main may push.
func alsoTo(t *testing.T, pair *nodetest.Pair, id string) *nodetest.Node {
	t.Helper()
	node := nodetest.Start(t, nodetest.Config{ID: id, Database: nodetest.NewDatabase(t, nodetest.SQLite)})
	pair.Main.AddPeer(id, node.URL(), node.TokenFor("main", auth.RoleNodePush))
	return node
}

func TestSyncPush(t *testing.T) {
	t.Parallel()
	pair, env := newPusher(t, 100)
	there := callerOf(pair.Branch, auth.RoleOperator)
	r := run(t, env, "sync", "push", "branch", "--follow", "--verify", "--batch-size", "30").must(t)
	r.wants(t, 0, "sync      push to branch, catalog main")
	r.wants(t, 0, "100 created, 0 updated, 0 unchanged, 0 deleted, 0 refused")
	run(t, env, "sync", "list").wants(t, 0, "push to branch")
	run(t, there, "sync", "status").wants(t, 0, "sync      pushed here by main, catalog main")
	run(t, there, "sync", "list").wants(t, 0, "pushed here by main")

	gate := pair.Wire.HoldPage(t, nodetest.BatchesPath, 1)
	pair.Main.Put("main", "P-0000001", "another name")
	r = run(t, env, "sync", "push", "branch")
	r.wants(t, 0, "push to branch, catalog main, has started; watch it with: fullsync sync status ")
	id := strings.TrimSpace(r.out)
	nodetest.Await(t, "the batch", gate.Reached)
	run(t, env, "sync", "push", "branch").wants(t, 4, "Full sync already in progress")
	if s := sessionIn(t, run(t, env, "sync", "push", "branch", "--if-running", "attach", "--json")); s.SessionId.String() != id {
		t.Errorf("attached to %s, not %s", s.SessionId, id)
	}
	run(t, there, "sync", "cancel", "--reason", "not now").wants(t, 0, id+"  cancelled after 0 products")
	gate.Open()
	run(t, env, "sync", "status", id, "--follow").wants(t, 3, "Cancelled by olga: not now")
	run(t, env, "sync", "resume", id, "--follow").wants(t, 0, "1 updated, 99 unchanged")

	pair.Main.Delete("main", "P-0000001", "P-0000002", "P-0000003", "P-0000004", "P-0000005", "P-0000006", "P-0000007", "P-0000008",
		"P-0000009", "P-0000010", "P-0000011", "P-0000012")
	s := sessionIn(t, run(t, env, "sync", "push", "branch", "--delete-missing", "--follow", "--json"))
	run(t, there, "sync", "approve-deletes", s.SessionId.String(), "12").wants(t, 1, "Approve its deletes there")
	run(t, env, "sync", "approve-deletes", s.SessionId.String(), "12", "--follow").wants(t, 0, "88 unchanged, 12 deleted")

	token := pair.Branch.TokenFor("main", auth.RoleNode)
	pair.Main.ChangePeer("branch", spec.PeerChange{Token: &token})
	run(t, env, "sync", "push", "branch").wants(t, 1, "Token may not push: The token for branch has the role node")
}

// TestSyncPushToSeveral: each peer gets a sync, none waits for another one's trouble, and the worst decides the exit code.
func TestSyncPushToSeveral(t *testing.T) {
	t.Parallel()
	pair, env := newPusher(t, 100)
	other := alsoTo(t, pair, "other")
	r := run(t, env, "sync", "push", "branch", "other", "--follow").must(t)
	for _, line := range []string{"  push to branch has started\n", "  push to other has started\n", "push to branch: ", "push to other: "} {
		r.wants(t, 0, line)
	}
	nodetest.SameCatalog(t, pair.Main, pair.Branch, "main")
	nodetest.SameCatalog(t, pair.Main, other, "main")

	r = run(t, env, "sync", "push", "nobody", "other", "--json", "--follow")
	r.wants(t, 1, "fullsync: nobody: Peer not found: There is no peer nobody")
	if s := sessionIn(t, r); s.TargetNodeId != "other" || s.Status != spec.COMPLETED {
		t.Errorf("the other push: %s", nodetest.Show(s))
	}

	// A push that runs already and one that has rejects.
	gate := pair.Wire.HoldPage(t, nodetest.BatchesPath, 1)
	pair.Main.Put("main", "P-0000001", "another name")
	id := strings.TrimSpace(run(t, env, "sync", "push", "branch").must(t).out)
	nodetest.Await(t, "the batch", gate.Reached)
	if _, err := pair.Main.Store.SQL().ExecContext(t.Context(), "UPDATE products SET price = 'cheap' WHERE id = 'P-0000002'"); err != nil {
		t.Fatal(err)
	}
	run(t, env, "sync", "push", "other", "--follow").wants(t, 5, "1 refused")
	r = run(t, env, "sync", "push", "branch", "other", "--follow")
	r.wants(t, 4, "fullsync: branch: Full sync already in progress")
	r.wants(t, 4, "1 refused")

	// Without an id it is not clear which one to cancel.
	held := nodetest.NewWire(t, other.URL())
	token := other.TokenFor("main", auth.RoleNodePush)
	pair.Main.ChangePeer("other", spec.PeerChange{Url: &held.URL, Token: &token})
	second := held.HoldPage(t, nodetest.BatchesPath, 1)
	otherID := strings.TrimSpace(run(t, env, "sync", "push", "other").must(t).out)
	nodetest.Await(t, "the other batch", second.Reached)
	r = run(t, env, "sync", "cancel")
	r.wants(t, 1, "2 syncs of catalog main are running; say which one to cancel:")
	r.wants(t, 1, "\n  "+id+"  push to branch")
	r.wants(t, 1, "\n  "+otherID+"  push to other")
	run(t, env, "sync", "status").wants(t, 0, "push to other, catalog main")
	if both := run(t, env, "sync", "status", "--json").must(t); strings.Count(both.out, "\n") != 2 {
		t.Errorf("the status of both:\n%s", both.out)
	}
	run(t, env, "sync", "cancel", id).wants(t, 0, id+"  cancelled after ")
	gate.Open()
	second.Open()
	run(t, env, "sync", "status", otherID, "--follow").wants(t, 5, "1 refused")
}

// TestSyncCancelOfAPushIsUnconfirmed: the command says until when something may still land.
func TestSyncCancelOfAPushIsUnconfirmed(t *testing.T) {
	t.Parallel()
	pair, env := newPusher(t, 100)
	gate := pair.Wire.HoldPage(t, nodetest.BatchesPath, 2)
	id := strings.TrimSpace(run(t, env, "sync", "push", "branch", "--batch-size", "30").must(t).out)
	nodetest.Await(t, "the second batch", gate.Reached)
	pair.Wire.Reach(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { w.WriteHeader(http.StatusBadGateway) })
	r := run(t, env, "sync", "cancel")
	r.wants(t, 0, "branch has not confirmed it yet: a batch may still land there until ")
	if r.out != id+"  cancelled after 30 products\n" {
		t.Errorf("standard output: %s", r.out)
	}
	run(t, env, "sync", "status", id).wants(t, 0, "target    branch has not confirmed the cancel yet")
	pair.Wire.Reach(nil)
}
