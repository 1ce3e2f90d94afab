package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
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

// patience is how long something that must happen may take on a busy machine.
const patience = 30 * time.Second

// binaryDir is where the binary under test is built; TestMain makes and removes it.
const binaryDir = "fullsync-cli-test-"

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	code := postgrestest.Main(m)
	if path, err := binary(); err == nil && path != "" {
		_ = os.RemoveAll(filepath.Dir(path))
	}
	return code
}

// binary returns the program, built once for the tests that need real processes: signals, kill -9, memory.
var binary = sync.OnceValues(func() (string, error) {
	if testing.Short() {
		return "", nil
	}
	dir, err := os.MkdirTemp("", binaryDir)
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "fullsync")
	out, err := exec.Command("go", "build", "-o", path, "fullsync/cmd/fullsync").CombinedOutput()
	if err != nil {
		return path, &buildError{out: string(out), err: err}
	}
	return path, nil
})

type buildError struct {
	out string
	err error
}

func (e *buildError) Error() string { return e.err.Error() + "\n" + e.out }

// program returns the path of the binary; tests that need it are slow and skipped with -short.
func program(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("builds and runs the real program")
	}
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// environment is FULLSYNC_* variables as os.Environ has them.
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

// result is what a command left behind.
type result struct {
	code     int
	out, err string
}

// run runs a command in this process, with nothing on its standard input.
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

// wants checks the exit code and that the output for people contains the given text.
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

// caller speaks to the API of a node.
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
	defer resp.Body.Close()
	answer := object{}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		t.Fatalf("%s %s: %s, and no JSON: %v", method, path, resp.Status, err)
	}
	return resp.StatusCode, answer
}

const syncPath = "/api/admin/sync/full-sync"

// start begins a pull from branch and returns the session's id.
func (c caller) start(t *testing.T, options object) string {
	t.Helper()
	status, answer := c.call(t, http.MethodPost, syncPath, object{"action": "pull", "targetPeer": "branch", "options": options})
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

// until waits for a session to be as it should.
func (c caller) until(t *testing.T, id string, reached func(object) bool) object {
	t.Helper()
	var s object
	eventually(t, func() bool {
		s = c.session(t, id)
		return reached(s)
	}, func() any { return s })
	return s
}

// eventually asks again and again until done says yes; state is what to show where it never does.
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
