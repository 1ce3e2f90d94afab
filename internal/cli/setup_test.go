package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"fullsync/internal/cli"
	"fullsync/internal/postgrestest"
)

// patience is how long to wait for something that must happen, on a busy machine.
const patience = 2 * time.Minute

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	code := postgrestest.Main(m)
	if err := built.remove(); err != nil {
		fmt.Fprintln(os.Stderr, "removing the program:", err)
	}
	return code
}

// built is the real program, for tests of signals, kill -9 and memory. It is package state because it belongs to the test
// process: it is built for the first test that needs it, and removed after the last test.
var built build

type build struct {
	once     sync.Once
	dir, out string
	err      error
}

// program returns the path of the real program. Tests that need it are slow, so -short skips them.
func program(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("builds and runs the real program")
	}
	built.once.Do(built.make)
	if built.err != nil {
		t.Fatalf("%v\n%s", built.err, built.out)
	}
	return filepath.Join(built.dir, "fullsync")
}

func (b *build) make() {
	if b.dir, b.err = os.MkdirTemp("", "fullsync-cli-test-"); b.err != nil {
		return
	}
	var out []byte
	out, b.err = exec.Command("go", "build", "-o", filepath.Join(b.dir, "fullsync"), "fullsync/cmd/fullsync").CombinedOutput()
	b.out = string(out)
}

func (b *build) remove() error {
	if b.dir == "" {
		return nil
	}
	return os.RemoveAll(b.dir)
}

// environment is a list of FULLSYNC_* variables in the form of os.Environ.
type environment []string

func (e environment) with(more ...string) environment {
	return append(e[:len(e):len(e)], more...)
}

// onBoth runs a test with the settings of a fresh, empty database of each kind.
func onBoth(t *testing.T, test func(t *testing.T, env environment)) {
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, onSQLite(t))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, onSQLite(t).with("FULLSYNC_DATABASE_URL="+postgrestest.NewDatabase(t)))
	})
}

func onSQLite(t *testing.T) environment {
	t.Helper()
	return environment{"FULLSYNC_DATA_DIR=" + filepath.Join(t.TempDir(), "data")}
}

// result is what a command printed, and its exit code.
type result struct {
	code     int
	out, err string
}

// run runs a command in this process, with empty standard input.
func run(t *testing.T, env environment, args ...string) result {
	t.Helper()
	return runWith(t.Context(), env, strings.NewReader(""), args...)
}

func runWith(ctx context.Context, env environment, in io.Reader, args ...string) result {
	var out, errOut bytes.Buffer
	code := cli.Run(ctx, args, cli.IO{In: in, Out: &out, Err: &errOut, Environ: env})
	return result{code: code, out: out.String(), err: errOut.String()}
}

// must fails the test unless the command succeeded.
func (r result) must(t *testing.T) result {
	t.Helper()
	if r.code != 0 {
		t.Fatalf("exit code %d\n%s%s", r.code, r.out, r.err)
	}
	return r
}

// wants checks the exit code, and that the output contains the given text.
func (r result) wants(t *testing.T, code int, text string) {
	t.Helper()
	if r.code != code || !strings.Contains(r.err+r.out, text) {
		t.Errorf("exit code %d, want %d and %q in\n%s%s", r.code, code, text, r.out, r.err)
	}
}

// object is a JSON object.
type object map[string]any

// at walks into an object: at("session", "status").
func (o object) at(path ...string) any {
	var value any = map[string]any(o)
	for _, name := range path {
		inner, ok := value.(map[string]any)
		if !ok {
			return nil
		}
		value = inner[name]
	}
	return value
}

// caller talks to a node's API.
type caller struct{ url, token string }

// call sends body, if any, as JSON and returns the status and the answer.
func (c caller) call(t *testing.T, method, path string, body any) (int, object) {
	t.Helper()
	var send io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		send = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, c.url+path, send)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // it was only read
	answer := object{}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		t.Fatalf("%s %s: %s, and no JSON: %v", method, path, resp.Status, err)
	}
	return resp.StatusCode, answer
}

const syncPath = "/api/admin/sync/full-sync"

// start begins a pull from branch, or a push to it, and returns the session's id.
func (c caller) start(t *testing.T, action string, options object) string {
	t.Helper()
	status, answer := c.call(t, http.MethodPost, syncPath, object{"action": action, "targetPeer": "branch", "options": options})
	id, ok := answer["sessionId"].(string)
	if status != http.StatusAccepted || !ok {
		t.Fatalf("start: %d %v", status, answer)
	}
	return id
}

func (c caller) session(t *testing.T, id string) object {
	t.Helper()
	status, answer := c.call(t, http.MethodGet, syncPath+"/"+id, nil)
	if status != http.StatusOK {
		t.Fatalf("session: %d %v", status, answer)
	}
	return object(answer["session"].(map[string]any))
}

// until waits until cond holds for a session.
func (c caller) until(t *testing.T, id string, reached func(object) bool) object {
	t.Helper()
	var s object
	eventually(t, func() bool {
		s = c.session(t, id)
		return reached(s)
	}, func() any { return s })
	return s
}

// eventually calls done until it returns true; state is shown if it never does.
func eventually(t *testing.T, done func() bool, state func() any) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(patience); !done(); {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("it never happened; last seen: %v", state())
		}
	}
}
