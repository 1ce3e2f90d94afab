package cli_test

import (
	"bytes"
	"os"
	"os/exec"
	"regexp"
	"sync"
	"testing"
	"time"
)

// output collects what a program writes, for tests that wait for a certain line.
type output struct {
	mu    sync.Mutex
	text  bytes.Buffer
	grown chan struct{} // closed and replaced at every write
}

func newOutput() *output { return &output{grown: make(chan struct{})} }

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	close(o.grown)
	o.grown = make(chan struct{})
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// await waits until the output matches pattern and returns the first group.
func (o *output) await(t *testing.T, pattern string) string {
	t.Helper()
	re := regexp.MustCompile(pattern)
	for deadline := time.After(patience); ; {
		o.mu.Lock()
		found, grown := re.FindStringSubmatch(o.text.String()), o.grown
		o.mu.Unlock()
		if found != nil {
			return found[len(found)-1]
		}
		select {
		case <-grown:
		case <-deadline:
			t.Fatalf("%q never came in\n%s", pattern, o)
		}
	}
}

// process is the real program, running.
type process struct {
	cmd      *exec.Cmd
	out, err *output
	ended    chan struct{} // closed when the process has ended
}

// launch starts the program. If it is still running when the test ends, it is killed.
func launch(t *testing.T, env environment, args ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(program(t), args...), out: newOutput(), err: newOutput(), ended: make(chan struct{})}
	p.cmd.Env = env.with("PATH=" + os.Getenv("PATH"))
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.err
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		_ = p.cmd.Wait() // its exit code is what tests look at
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.ended
		if t.Failed() {
			t.Logf("%v wrote\n%s%s", args, p.out, p.err)
		}
	})
	return p
}

// signal sends s, waits for the process to end and returns its exit code; -1 if the signal killed it.
func (p *process) signal(t *testing.T, s os.Signal) int {
	t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
	return p.wait(t)
}

func (p *process) wait(t *testing.T) int {
	t.Helper()
	select {
	case <-p.ended:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(patience):
		t.Fatal("the process does not end")
		return 0
	}
}

// serving is a launched node, with a caller who may do everything.
type serving struct {
	*process
	caller
}

// serve launches a node on a free port.
func serve(t *testing.T, env environment) serving {
	t.Helper()
	env = env.with("FULLSYNC_LISTEN=127.0.0.1:0")
	p := launch(t, env, "serve")
	url := p.err.await(t, `msg="node is up".* url=(\S+)`)
	return serving{process: p, caller: caller{url: url, token: token(t, env, "--role", "admin", "--subject", "alice")}}
}
