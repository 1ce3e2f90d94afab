package cli_test

import (
	"context"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"
)

// heldImport begins an import whose input goes on until more is closed, and returns the id of its session.
func heldImport(ctx context.Context, t *testing.T, env environment, args ...string) (id string, more io.Closer, ended <-chan result) {
	t.Helper()
	in, out := io.Pipe()
	done := make(chan result, 1)
	go func() { done <- runWith(ctx, env, in, append([]string{"catalog", "import", "-"}, args...)...) }()
	if _, err := io.WriteString(out, ndjson(1500)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = out.Close() })
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		var found struct {
			Sessions []struct{ SessionID, Status string }
		}
		r := run(t, env, "cancel-stuck", "--all", "--dry-run", "--json")
		if json.Unmarshal([]byte(r.out), &found) == nil && len(found.Sessions) == 1 {
			return found.Sessions[0].SessionID, out, done
		}
	}
	t.Fatal("the import's session is not there")
	return "", nil, nil
}

// An import is a session like any other: it excludes others, and is cancelled by whoever can reach the database.
func TestAnImportIsASession(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, env environment) {
		imported(t, env, `{"id":"first","name":"first"}`).must(t) // the database is there
		id, more, ended := heldImport(t.Context(), t, env)
		r := imported(t, env, ndjson(1))
		r.wants(t, 4, "another sync writes catalog main just now (")
		r.wants(t, 4, "cancel "+id)
		imported(t, env, ndjson(1), "--catalog", "other").must(t)
		run(t, env, "cancel-stuck", id).must(t)
		imported(t, env, ndjson(1)).must(t) // at once
		(<-ended).wants(t, 3, "Cancelled by cli:")
		_ = more.Close()
	})
}

// Ctrl-C cancels the session of an import.
func TestAnInterruptedImportIsCancelled(t *testing.T) {
	t.Parallel()
	env := onSQLite(t)
	imported(t, env, `{"id":"first","name":"first"}`).must(t)
	ctx, cancel := context.WithCancel(t.Context())
	id, _, ended := heldImport(ctx, t, env, "--json")
	cancel()
	r := <-ended
	r.wants(t, 3, ": interrupted")
	r.wants(t, 3, `"sessionId":"`+id+`","status":"CANCELLED"`)
	imported(t, env, ndjson(1)).must(t)
}

func TestDryRunAndDeletesOfAnImport(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, env environment) {
		imported(t, env, ndjson(30)).must(t)
		lines := strings.Split(strings.TrimSpace(ndjson(30)), "\n")
		changed := strings.Replace(lines[0], `"name":"`, `"name":"changed `, 1) + "\n" + strings.Join(lines[1:28], "\n") + "\n" + `{"id":"new","name":"new"}` + "\n"

		r := imported(t, env, changed, "--delete-missing", "--dry-run", "--json").must(t)
		r.wants(t, 0, "dry run of catalog main: 1 would be created, 1 updated, 27 unchanged, 0 refused, 2 deleted\n")
		r.wants(t, 0, `"status":"COMPLETED","outcome":"planned"`)
		if out := exported(t, env); strings.Count(out, "\n") != 30 || strings.Contains(out, "changed") {
			t.Errorf("after the dry run the catalog holds\n%s", out)
		}

		imported(t, env, changed, "--delete-missing").wants(t, 0, "catalog main: 1 created, 1 updated, 27 unchanged, 0 refused, 2 deleted\n")
		if out := exported(t, env); strings.Count(out, "\n") != 29 || !strings.Contains(out, "changed") {
			t.Errorf("then the catalog holds\n%s", out)
		}

		// A line that was refused keeps its product; more deletes than are allowed are not made at all.
		few := strings.Join(lines[1:10], "\n") + "\n" + `{"id":"new"}` + "\n"
		r = imported(t, env, few, "--delete-missing")
		r.wants(t, 1, "0 created, 0 updated, 9 unchanged, 1 refused, 0 deleted\n")
		r.wants(t, 1, "19 deletes were withheld: that is more than 10 % of the 29 products from there.")
		imported(t, env.with("FULLSYNC_MAX_DELETE_PERCENT=100"), few, "--delete-missing", "--max-delete-percent", "100").wants(t, 1, "0 created, 0 updated, 9 unchanged, 1 refused, 19 deleted\n")
		if out := exported(t, env); strings.Count(out, "\n") != 10 || !strings.Contains(out, `"id":"new","name":"new"`) {
			t.Errorf("in the end the catalog holds\n%s", out)
		}
	})
}
