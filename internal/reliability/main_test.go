//go:build unix

// Package reliability contains only tests. They kill, freeze, cut off and restart real fullsync processes, and then check
// that nothing was lost, nothing was written twice and nobody was blocked.
//
// Every test has a short form, which CI runs, and a long form behind the flag -reliability.long. Every day only most of them run, with fewer rounds.
// docs/reliability.md describes both and has the figures of the last long run.
package reliability

import (
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	// The tests run the binary. This import keeps go test from reusing cached results after the code has changed.
	_ "fullsync/internal/cli"
	"fullsync/internal/postgrestest"
)

// The flags for long runs. They are package state because they belong to the command line.
var (
	longRun     = flag.Bool("reliability.long", false, "run the long form of every test: hundreds of kills, a thousand cancels")
	streamsFlag = flag.Int("reliability.streams", 10_000, "event streams in the long form of TestEveryStreamHearsOfCancels; each takes a file here and one at the node")
	seedFlag    = flag.Uint64("reliability.seed", 0, "seed of the random moments; 0 makes one up")
)

// lab is what this process's tests share: the binary, the source node, and the shell that outlives them all.
var lab shared

type shared struct {
	dir    string
	leash  leash
	binary func() (string, error)
	source func() (*source, error)
}

func TestMain(m *testing.M) {
	isolateMounts()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	flag.Parse()
	dir, err := os.MkdirTemp("", "fullsync-reliability-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	lab.dir = dir
	lab.binary = sync.OnceValues(build)
	lab.source = sync.OnceValues(startSource)
	code := postgrestest.Main(m)
	lab.leash.release()
	if err := os.RemoveAll(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// build builds the binary under test, the way it is shipped.
func build() (string, error) {
	path := filepath.Join(lab.dir, "fullsync")
	command := exec.Command("go", "build", "-o", path, "fullsync/cmd/fullsync")
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
}

// leash is a shell at the other end of a pipe. Once this test process is gone, even by kill -9, it ends every process it
// knows about, so that no test leaves a node behind, frozen or not.
type leash struct {
	mu      sync.Mutex
	command *exec.Cmd
	end     io.WriteCloser
}

const afterwards = `
left=" "
while read -r what pid; do
	case $what in
	began) left="$left$pid " ;;
	ended) left="${left%% $pid *} ${left#* $pid }" ;;
	esac
done
for pid in $left; do kill -9 "$pid" 2>/dev/null; done
`

// tell tells the shell that a process began or ended.
func (l *leash) tell(what string, pid int) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.command == nil {
		command := exec.Command("/bin/sh", "-c", afterwards)
		end, err := command.StdinPipe()
		if err != nil {
			return err
		}
		if err := command.Start(); err != nil {
			return err
		}
		l.command, l.end = command, end
	}
	_, err := fmt.Fprintln(l.end, what, pid)
	return err
}

// release ends all remaining processes and waits for the shell.
func (l *leash) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.command != nil {
		_ = l.end.Close()
		_ = l.command.Wait()
	}
}
