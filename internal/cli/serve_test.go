package cli_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// taken returns an address that is in use for as long as the test runs.
func taken(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().String()
}

func TestServe(t *testing.T) {
	t.Parallel()
	program(t)
	onBoth(t, func(t *testing.T, env environment) {
		first := serve(t, env)
		secret := filepath.Join(strings.TrimPrefix(env[0], "FULLSYNC_DATA_DIR="), "secret")
		if log := first.err.String(); !strings.Contains(log, "made a secret for this node") || !strings.Contains(log, secret) {
			t.Errorf("the new secret is not announced:\n%s", log)
		}
		if info, err := os.Stat(secret); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the secret: %v, %v; want a file of mode 0600", info, err)
		}

		second := serve(t, env)
		if log := second.err.String(); strings.Contains(log, "made a secret") {
			t.Errorf("the second replica made a secret of its own:\n%s", log)
		}
		for _, replica := range []serving{first, second} {
			// Each replica accepts the other's token.
			status, answer := caller{url: replica.url, token: first.token}.call(t, http.MethodGet, syncPath, nil)
			if status != http.StatusOK {
				t.Errorf("%d %v", status, answer)
			}
		}

		if code := first.signal(t, syscall.SIGTERM); code != 0 || !strings.Contains(first.err.String(), `msg="node is down"`) {
			t.Errorf("SIGTERM: exit code %d\n%s", code, first.err)
		}
		if status, _ := second.call(t, http.MethodGet, syncPath, nil); status != http.StatusOK {
			t.Errorf("without the first replica the second answers %d", status)
		}
		if code := second.signal(t, os.Interrupt); code != 0 {
			t.Errorf("Ctrl-C: exit code %d", code)
		}
		if first.out.String()+second.out.String() != "" {
			t.Error("serve writes to standard output")
		}
	})
}

func TestServeOnATakenPort(t *testing.T) {
	t.Parallel()
	address := taken(t)
	run(t, onSQLite(t), "serve", "--listen", address).wants(t, 1, "Cannot listen on "+address+": another program may be using it")
}

// A replica with another secret could not read the peers' tokens, and a node with another id would take over somebody's
// database.
func TestServeRefusesADatabaseOfAnotherNode(t *testing.T) {
	t.Parallel()
	address := taken(t) // so that serve ends even if the database does not refuse it
	onBoth(t, func(t *testing.T, env environment) {
		env = env.with("FULLSYNC_LISTEN=" + address)
		run(t, env, "serve", "--node-id", "branch-1").wants(t, 1, "Cannot listen")
		run(t, env, "serve", "--node-id", "branch-2").wants(t, 1, "the database belongs to node branch-1")
		other := env.with("FULLSYNC_JWT_SECRET=" + strings.Repeat("other", 8))
		run(t, other, "serve").wants(t, 1, "The secret does not fit this database")
		run(t, env, "token", "--offline", "--node-id", "branch-2", "--role", "admin", "--subject", "alice").must(t) // made without the database

		// Somebody who lost the secret adopts another one; from then on the old one is wrong.
		run(t, other, "adopt-secret").wants(t, 0, "Peers that need a new token: 0.")
		run(t, other, "serve").wants(t, 1, "Cannot listen")
		run(t, env, "serve").wants(t, 1, "The secret does not fit this database")
	})
}

// TestLogInJSON: everything that serve writes is a line of JSON, even the first user's password and the final error, and no
// level hides those.
func TestLogInJSON(t *testing.T) {
	t.Parallel()
	env := onSQLite(t).with("FULLSYNC_LOG_FORMAT=json", "FULLSYNC_LOG_LEVEL=error", "FULLSYNC_LISTEN="+taken(t))
	r := run(t, env, "serve")
	var lines []map[string]any
	for line := range strings.Lines(r.err) {
		var object map[string]any
		if err := json.Unmarshal([]byte(line), &object); err != nil || object["time"] == nil || object["level"] == nil {
			t.Errorf("not a line of the log: %q", line)
		}
		lines = append(lines, object)
	}
	if r.code != 1 || r.out != "" || len(lines) != 2 {
		t.Fatalf("exit code %d, %s, %v", r.code, r.out, lines)
	}
	if lines[0]["name"] != "admin" || len(fmt.Sprint(lines[0]["password"])) < 16 || lines[0]["level"] != "WARN" {
		t.Errorf("the first user: %v", lines[0])
	}
	if !strings.HasPrefix(fmt.Sprint(lines[1]["msg"]), "Cannot listen on ") || lines[1]["level"] != "ERROR" {
		t.Errorf("the end: %v", lines[1])
	}
}
