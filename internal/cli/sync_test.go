package cli_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"fullsync/api/spec"
	"fullsync/internal/auth"
	"fullsync/internal/cli"
	"fullsync/internal/nodetest"
)

// callerOf returns the environment of somebody who calls a node with a token for that role.
func callerOf(node *nodetest.Node, role auth.Role) environment {
	return environment{"FULLSYNC_URL=" + node.URL(), "FULLSYNC_TOKEN=" + node.TokenFor("olga", role)}
}

// sessionIn parses the last line of a command's output.
func sessionIn(t *testing.T, r result) (s spec.Session) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(r.out), "\n")
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &s); err != nil {
		t.Fatalf("no session: %v\n%s%s", err, r.out, r.err)
	}
	return s
}

func TestSyncPull(t *testing.T) {
	t.Parallel()
	pair := nodetest.NewPair(t, nodetest.SQLite, 300, nodetest.Config{})
	env := callerOf(pair.Main, auth.RoleOperator)
	run(t, env, "sync", "status").wants(t, 0, "no sync of catalog main has run yet")
	run(t, env, "sync", "cancel").wants(t, 0, "there is nothing to cancel")

	r := run(t, env, "sync", "pull", "branch", "--follow").must(t)
	r.wants(t, 0, "COMPLETED, 100 %")
	r.wants(t, 0, "300 created, 0 updated, 0 unchanged, 0 deleted, 0 refused")
	// Standard output has only what the next command in a script needs.
	id := strings.TrimSpace(run(t, env, "sync", "pull", "branch", "--verify").must(t).out)
	run(t, env, "sync", "status", id, "--follow").wants(t, 0, "Transferred and verified 300 products")

	s := sessionIn(t, run(t, env, "sync", "pull", "branch", "--follow", "--json", "--batch-size", "7", "--timeout", "90s", "--read-everything").must(t))
	if s.Status != spec.COMPLETED || s.Options.BatchSize != 7 || s.Options.TimeoutSeconds != 90 || !s.Options.ReadEverything || s.StartedBy != "olga" {
		t.Errorf("the session does not hold what was asked for: %s", nodetest.Show(s))
	}
	run(t, env, "sync", "status").wants(t, 0, s.SessionId.String()+"  COMPLETED, 100 %")
	if list := run(t, env, "sync", "list", "--json", "--count", "2").must(t); strings.Count(list.out, "\n") != 2 {
		t.Errorf("a list of 2 sessions:\n%s", list.out)
	}
	run(t, env, "sync", "list", "--status", "FAILED", "--peer", "branch", "--catalog", "main").wants(t, 0, "SESSION")
	run(t, env, "sync", "list").wants(t, 0, id)
}

// TestSyncPullOfAFeed: a feed is pulled by the same commands as a node; nothing is pushed to it.
func TestSyncPullOfAFeed(t *testing.T) {
	t.Parallel()
	var list atomic.Pointer[string]
	says := func(text string) { list.Store(&text) }
	says("id;name;price\n2;Two;2,50\n1;One;1,50\n3;;1\n")
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, *list.Load()) }))
	t.Cleanup(shop.Close)
	node := nodetest.Start(t, nodetest.Config{})
	if a := node.Call("alice", http.MethodPost, "/api/admin/sync/peers", `{"nodeId":"erp","kind":"feed","url":"`+shop.URL+`/list.csv","catalog":"web"}`); a.Status != http.StatusCreated {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	env := callerOf(node, auth.RoleOperator)
	run(t, env, "sync", "pull", "erp", "--follow").wants(t, 5, "2 created, 0 updated, 0 unchanged, 0 deleted, 1 refused")
	run(t, env, "sync", "pull", "erp", "--catalog", "main").wants(t, 1, "The products of feed erp go to catalog web, not to main")
	run(t, env, "sync", "push", "erp").wants(t, 1, "feed")

	says("id;name;price\n2;Two;3,50\n3;Three;1\n4;Four;1\n")
	plan := sessionIn(t, run(t, env, "sync", "pull", "erp", "--delete-missing", "--max-delete-percent", "100", "--dry-run", "--follow", "--json").must(t)).SessionId.String()
	says("id;name;price\n2;Two;4,50\n")
	run(t, env, "sync", "pull", "erp", "--plan", plan, "--follow").wants(t, 1, "The products at erp are not what they were in the dry run. Nothing was written.")
	says("id;name;price\n4;Four;1\n3;Three;1\n2;Two;3,50\n") // the order is no difference
	run(t, env, "sync", "pull", "erp", "--plan", plan, "--follow").wants(t, 0, "2 created, 1 updated, 0 unchanged, 1 deleted, 0 refused")

	says("<!DOCTYPE html><html>")
	run(t, env, "sync", "pull", "erp", "--follow").wants(t, 1, "is a web page (HTML)")
	run(t, env, "sync", "status", "--catalog", "web").wants(t, 0, "FAILED")
	if node.Count("web") != 3 {
		t.Errorf("%d products", node.Count("web"))
	}
}

// TestSyncExitCodes: the exit code alone tells a script how a sync went.
func TestSyncExitCodes(t *testing.T) {
	t.Parallel()
	pair := nodetest.NewPair(t, nodetest.SQLite, 30, nodetest.Config{})
	env := callerOf(pair.Main, auth.RoleOperator)
	gate := pair.Wire.HoldPage(t, nodetest.ProductsPath, 1)
	id := strings.TrimSpace(run(t, env, "sync", "pull", "branch").must(t).out)
	nodetest.Await(t, "the first page", gate.Reached)
	run(t, env, "sync", "pull", "branch").wants(t, 4, "Full sync already in progress")
	if s := sessionIn(t, run(t, env, "sync", "pull", "branch", "--if-running", "attach", "--json")); s.SessionId.String() != id {
		t.Errorf("attached to %s, not %s", s.SessionId, id)
	}
	run(t, env, "sync", "cancel", "--reason", "wrong peer").wants(t, 0, id+"  cancelled after 0 products")
	run(t, env, "sync", "cancel", id).wants(t, 0, "was cancelled before")
	r := run(t, env, "sync", "status", id, "--follow")
	r.wants(t, 3, "Cancelled by olga: wrong peer")
	gate.Open()

	if _, err := pair.Branch.Store.SQL().ExecContext(t.Context(), "UPDATE products SET price = 'cheap' WHERE id = (SELECT min(id) FROM products)"); err != nil {
		t.Fatal(err)
	}
	run(t, env, "sync", "resume", id, "--follow").wants(t, 5, "29 created, 0 updated, 0 unchanged, 0 deleted, 1 refused")
	run(t, env, "sync", "pull", "branch", "--catalog", "nowhere", "--follow").wants(t, 1, "has no catalog nowhere")
	run(t, env, "sync", "pull", "nobody").wants(t, 1, "There is no peer nobody")
	run(t, env, "sync", "cancel", id[:35]+"x").wants(t, 2, "is not a session id")
	run(t, callerOf(pair.Main, auth.RoleViewer), "sync", "pull", "branch").wants(t, 1, "Insufficient permissions")
}

func TestSyncApproveDeletes(t *testing.T) {
	t.Parallel()
	pair := nodetest.NewPair(t, nodetest.SQLite, 100, nodetest.Config{})
	env := callerOf(pair.Main, auth.RoleOperator)
	run(t, env, "sync", "pull", "branch", "--follow").must(t)
	if _, err := pair.Branch.Store.SQL().ExecContext(t.Context(),
		"DELETE FROM products WHERE id IN (SELECT id FROM products ORDER BY id LIMIT 20)"); err != nil {
		t.Fatal(err)
	}
	r := run(t, env, "sync", "pull", "branch", "--delete-missing", "--follow", "--json")
	r.wants(t, 5, "deletes_withheld")
	id := sessionIn(t, r).SessionId.String()
	run(t, env, "sync", "approve-deletes", id, "19", "--follow").wants(t, 1, "withheld 20 deletes, not 19")
	run(t, env, "sync", "approve-deletes", id, "20", "--follow").wants(t, 0, "80 unchanged, 20 deleted")
}

// TestSyncFollowsARestart: the command asks again when a node is away for a moment.
func TestSyncFollowsARestart(t *testing.T) {
	t.Parallel()
	pair := nodetest.NewPair(t, nodetest.SQLite, 300, nodetest.Config{})
	env := callerOf(pair.Main, auth.RoleOperator)
	gate := pair.Wire.HoldPage(t, nodetest.ProductsPath, 2)
	seen, done := newOutput(), make(chan int, 1)
	go func() {
		done <- cli.Run(t.Context(), []string{"sync", "pull", "branch", "--follow", "--batch-size", "100"}, cli.IO{Out: seen, Err: seen, Environ: env})
	}()
	nodetest.Await(t, "the second page", gate.Reached)
	pair.Main.Down()
	seen.await(t, "connection refused; trying again")
	pair.Main = pair.Main.Restart()
	gate.Open()
	seen.await(t, "COMPLETED, 100 %")
	if code := <-done; code != 0 {
		t.Errorf("exit code %d\n%s", code, seen)
	}
}

// TestSyncAgainstStrangers: whatever answers instead of a node, the command says so in a sentence.
func TestSyncAgainstStrangers(t *testing.T) {
	t.Parallel()
	node := nodetest.Start(t, nodetest.Config{})
	env := callerOf(node, auth.RoleOperator)
	run(t, environment{"FULLSYNC_URL=" + node.URL()}, "sync", "list").wants(t, 1, "no token: set FULLSYNC_TOKEN, or name a file with --token-file")
	run(t, env.with("FULLSYNC_TOKEN=wrong"), "sync", "list").wants(t, 1, "Unauthorized: ")
	run(t, env, "sync", "list", "--url", node.URL()+"/elsewhere").wants(t, 1, "Not found: ")
	run(t, env, "sync", "list", "--url", "http://127.0.0.1:1").wants(t, 1, "the node at http://127.0.0.1:1 cannot be reached: connection refused")
	run(t, env, "sync", "list", "--url", "ftp://127.0.0.1").wants(t, 2, "must begin with http:// or https://")
	run(t, env, "sync", "list", "--token-file", filepath.Join(t.TempDir(), "none")).wants(t, 1, "none")
	page := nodetest.NewWire(t, node.URL())
	page.Reach(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<title>Sign in</title>"))
	})
	run(t, env, "sync", "list", "--url", page.URL).wants(t, 1, "answered with 200 OK and not as a fullsync node does; check the address")
	page.Reach(func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusFound)
	})
	run(t, env, "sync", "list", "--url", page.URL).wants(t, 1, "answered with 302 Found")
}

// TestSyncDryRun: a dry run prints what it would do, and the changes of a sync are listed by kind and as JSON.
func TestSyncDryRun(t *testing.T) {
	t.Parallel()
	pair := nodetest.NewPair(t, nodetest.SQLite, 120, nodetest.Config{})
	env := callerOf(pair.Main, auth.RoleOperator)
	r := run(t, env, "sync", "pull", "branch", "--dry-run")
	r.wants(t, 0, "Dry run: would create 120 products, update 0 products and delete 0 products")
	r.wants(t, 0, `created  "`+pair.Branch.Products("main")[9].ID+`"  sku "`)
	if strings.Contains(r.out, pair.Branch.Products("main")[10].ID) || pair.Main.Count("main") != 0 {
		t.Errorf("too many examples, or products:\n%s", r.out)
	}
	id := sessionIn(t, run(t, env, "sync", "pull", "branch", "--follow", "--json").must(t)).SessionId.String()
	if r := run(t, env, "sync", "changes", id, "--json").must(t); strings.Count(r.out, `"kind":"created"`) != 120 {
		t.Errorf("the changes are:\n%s", r.out)
	}
	first := pair.Branch.Products("main")[0]
	first.Name = "New name"
	first.Hash = first.ContentHash()
	pair.Branch.Import("main", first.Product)
	id = sessionIn(t, run(t, env, "sync", "pull", "branch", "--follow", "--json").must(t)).SessionId.String()
	run(t, env, "sync", "changes", id, "--kind", "updated", "--search", "new NAME").wants(t, 0, `updated  "`+first.ID+`"  name "New name", was "`)
	if r := run(t, env, "sync", "changes", id, "--kind", "created").must(t); r.out != "" {
		t.Errorf("nothing was created, but:\n%s", r.out)
	}
}
