package cli_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fullsync/internal/app"
	"fullsync/internal/auth"
	"fullsync/internal/catalog"
	"fullsync/internal/config"
	"fullsync/internal/sample"
)

// branchProducts is how many products the source in these tests has.
const branchProducts = 400

// branch starts a node with products in this process and returns its address and a token for reading from it.
func branch(t *testing.T) (url, token string) {
	t.Helper()
	cfg, _, err := config.Load(map[string]string{
		"FULLSYNC_NODE_ID": "branch", "FULLSYNC_LISTEN": "127.0.0.1:0", "FULLSYNC_DATA_DIR": filepath.Join(t.TempDir(), "branch"),
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	node, err := app.New(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := node.Stop(context.WithoutCancel(t.Context())); err != nil {
			t.Error("stopping branch:", err)
		}
	})
	for batch := range sample.Batches(branchProducts, branchProducts, 1) {
		if _, err := node.Store.Import(t.Context(), catalog.Default, "branch", batch); err != nil {
			t.Fatal(err)
		}
	}
	if err := node.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	token, err = node.Token("main", auth.RoleNode, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return node.URL(), token
}

// quickly returns settings under which a worker counts as dead after 150 ms.
func quickly(env environment) environment {
	return env.with("FULLSYNC_HEARTBEAT_INTERVAL=50ms", "FULLSYNC_STALE_AFTER=150ms", "FULLSYNC_NODE_ID=main")
}

// patiently returns settings under which no test's worker counts as dead.
func patiently(env environment) environment {
	return env.with("FULLSYNC_HEARTBEAT_INTERVAL=50ms", "FULLSYNC_STALE_AFTER=1h", "FULLSYNC_NODE_ID=main")
}

// slowly starts a pull that takes minutes, and returns once some products are committed.
func (c caller) slowly(t *testing.T) (id string) {
	t.Helper()
	id = c.start(t, "pull", object{"batchSize": 10, "maxProductsPerSecond": 20, "readEverything": true})
	c.until(t, id, func(s object) bool { return s["transferredRecords"].(float64) > 0 })
	return id
}

// stuckJSON runs cancel-stuck --json and returns the object it prints and the sessions in it.
func stuckJSON(t *testing.T, env environment, code int, args ...string) (whole object, sessions []object) {
	t.Helper()
	r := run(t, env, append([]string{"cancel-stuck", "--json"}, args...)...)
	if r.code != code {
		t.Fatalf("cancel-stuck %v: exit code %d, want %d\n%s%s", args, r.code, code, r.out, r.err)
	}
	in := json.NewDecoder(strings.NewReader(r.out))
	if err := in.Decode(&whole); err != nil || in.More() {
		t.Fatalf("not one JSON object: %v\n%s", err, r.out)
	}
	if whole["success"] != (code == 0) || whole["dryRun"] != slices.Contains(args, "--dry-run") {
		t.Errorf("cancel-stuck %v: %v", args, whole)
	}
	for _, s := range whole["sessions"].([]any) {
		sessions = append(sessions, s.(map[string]any))
	}
	return whole, sessions
}

// whoami is what the command records as its user.
func whoami(t *testing.T) string {
	t.Helper()
	u, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	return "cli:" + u.Username + "@" + host
}

// This is the failure that fullsync exists to solve: a worker dies in the middle, its session blocks the catalog, and the
// API is down. The command line recovers from it using only the database.
func TestCancelStuckAfterKill(t *testing.T) {
	t.Parallel()
	program(t)
	onBoth(t, func(t *testing.T, env environment) {
		url, readToken := branch(t)
		main := serve(t, patiently(env))
		status, answer := main.call(t, http.MethodPost, "/api/admin/sync/peers",
			object{"nodeId": "branch", "nodeName": "Branch", "kind": "node", "url": url, "token": readToken})
		if status != http.StatusCreated {
			t.Fatalf("registering branch: %d %v", status, answer)
		}
		id := main.slowly(t)
		main.signal(t, os.Kill)

		// While the worker may still be alive, nothing counts as stuck.
		run(t, patiently(env), "cancel-stuck").wants(t, 0, "No stuck session found; nothing to do.")

		// Once it counts as dead, every dry run finds it and changes nothing.
		var found []object
		eventually(t, func() bool {
			_, found = stuckJSON(t, quickly(env), 0, "--dry-run")
			return len(found) == 1
		}, func() any { return found })
		if _, found = stuckJSON(t, quickly(env), 0, "--dry-run"); len(found) != 1 {
			t.Fatalf("the second dry run found %v", found)
		}
		s := found[0]
		if s["sessionId"] != id || s["done"] != "would be cancelled" || s["status"] != "TRANSFERRING" || s["verdict"] != "dead" {
			t.Errorf("the dry run found %v", s)
		}
		members := []string{
			"catalog", "currentStep", "done", "heartbeatAgeSeconds", "lastCommitAgeSeconds", "lastHeartbeatAt", "progress", "reason", "sessionId",
			"startedAt", "status", "takeovers", "verdict", "worker",
		}
		if got := slices.Sorted(maps.Keys(s)); !slices.Equal(got, members) {
			t.Errorf("members %v, want %v", got, members)
		}

		// The output for people says the same.
		r := run(t, quickly(env), "cancel-stuck").must(t)
		for _, want := range []string{
			id + "  cancelled\n", "catalog      main\n", "status       TRANSFERRING, Transferring 400 products, ", "started      20", " s ago\n",
			"verdict      dead: no sign of life from worker ",
		} {
			if !strings.Contains(r.out, want) {
				t.Errorf("%q is not in\n%s", want, r.out)
			}
		}
		if _, found := stuckJSON(t, quickly(env), 0); len(found) != 0 {
			t.Errorf("afterwards there still is %v", found)
		}
		_, found = stuckJSON(t, quickly(env), 0, id)
		if len(found) != 1 || found[0]["done"] != "was cancelled before" {
			t.Errorf("named again: %v", found)
		}
		for _, args := range [][]string{{"cancel-stuck", id}, {"cancel-stuck", id, "--dry-run"}} {
			if r := run(t, quickly(env), args...).must(t); r.out != id+"  was cancelled before\n" {
				t.Errorf("%v: %s", args, r.out)
			}
		}

		// A new process knows who cancelled it, and can sync at once.
		main = serve(t, patiently(env))
		ended := main.session(t, id)
		message, _ := ended["errorMessage"].(string)
		if ended["status"] != "CANCELLED" || ended["cancelledBy"] != whoami(t) || ended["completedAt"] == nil ||
			!strings.HasPrefix(message, "Cancelled by "+whoami(t)+": cancel-stuck, found dead") {
			t.Errorf("the record: %v", ended)
		}
		again := main.until(t, main.start(t, "pull", nil), func(s object) bool { return s["completedAt"] != nil })
		if again["status"] != "COMPLETED" || again["transferredRecords"] != float64(branchProducts) || again["unchanged"].(float64) == 0 {
			t.Errorf("the next sync: %v", again)
		}
		takeHealthyOnes(t, env, main, again["sessionId"].(string))
	})
}

// takeHealthyOnes continues with a working node: only --all and a session id cancel a session whose worker is alive.
func takeHealthyOnes(t *testing.T, env environment, main serving, completed string) {
	t.Helper()
	env = patiently(env)
	id := main.slowly(t)
	run(t, env, "cancel-stuck").wants(t, 0, "No stuck session found; nothing to do.")
	_, found := stuckJSON(t, env, 0, "--all", "--dry-run")
	if len(found) != 1 || found[0]["sessionId"] != id || found[0]["verdict"] == "dead" {
		t.Errorf("--all --dry-run found %v", found)
	}
	run(t, env, "cancel-stuck", "--all").wants(t, 0, id+"  cancelled\n")
	if s := main.session(t, id); s["status"] != "CANCELLED" {
		t.Errorf("after --all: %v", s)
	}

	id = main.slowly(t)
	_, found = stuckJSON(t, env, 0, id)
	if len(found) != 1 || found[0]["sessionId"] != id || found[0]["done"] != "cancelled" {
		t.Errorf("by id: %v", found)
	}
	if s := main.session(t, id); s["status"] != "CANCELLED" {
		t.Errorf("after it was named: %v", s)
	}

	run(t, env, "cancel-stuck", completed).wants(t, 1, "Sync session is already COMPLETED")
	whole, _ := stuckJSON(t, env, 1, completed)
	if whole["error"] != "Sync session is already COMPLETED" {
		t.Errorf("a session that has completed: %v", whole)
	}
}

func TestCancelStuckFailures(t *testing.T) {
	t.Parallel()
	env := onSQLite(t)
	run(t, env, "migrate").must(t)
	whole, found := stuckJSON(t, env, 1, "5245ddc7-7ac1-4b5a-8e0a-f50ea1e6d186")
	if text, _ := whole["error"].(string); !strings.HasPrefix(text, "There is no sync session with this id.") || found != nil {
		t.Errorf("an unknown session: %v", whole)
	}
	whole, _ = stuckJSON(t, env.with("FULLSYNC_DATABASE_URL=postgres://u:verysecret@127.0.0.1:1/none"), 1)
	if text, _ := whole["error"].(string); text == "" || strings.Contains(text, "verysecret") {
		t.Errorf("no database: %v", whole)
	}
	if _, found := stuckJSON(t, env, 0, "--all"); found != nil {
		t.Errorf("an empty database holds %v", found)
	}
}
