//go:build unix

package reliability

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is the longest wait for something that must happen. It is generous because a test machine may be busy.
const patience = time.Minute

// keptLines is how many of the last lines of a log are kept at least.
const keptLines = 20_000

// process is one running fullsync.
type process struct {
	cmd *exec.Cmd
	url string
	// exited is closed once the process is gone and has been waited for; err then says how it ended.
	exited chan struct{}
	err    error

	mu  sync.Mutex
	log []string
}

// environment returns settings that make lost workers show within a second, and the log readable for programs.
func environment(settings map[string]string) []string {
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent"}
	for name, value := range settings {
		env = append(env, "FULLSYNC_"+name+"="+value)
	}
	return env
}

// serve starts a node and waits until it is up.
func serve(settings map[string]string) (*process, error) {
	binary, err := lab.binary()
	if err != nil {
		return nil, err
	}
	p := &process{cmd: exec.Command(binary, "serve"), exited: make(chan struct{})}
	p.cmd.Env = environment(settings)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := p.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	if err := lab.leash.tell("began", p.pid()); err != nil {
		return nil, errors.Join(err, p.cmd.Process.Kill())
	}
	up := make(chan string, 1)
	go p.follow(out, up)
	select {
	case p.url = <-up:
		return p, nil
	case <-p.exited:
		return nil, fmt.Errorf("serve ended: %w\n%s", p.err, p.tail())
	case <-time.After(patience):
		return nil, errors.Join(fmt.Errorf("serve does not come up:\n%s", p.tail()), p.cmd.Process.Kill())
	}
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// follow records the log, sends the node's address once the log has it, and waits for the process to end.
func (p *process) follow(out io.Reader, up chan<- string) {
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var line struct{ Msg, URL string }
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "node is up" {
			up <- line.URL
		}
		p.mu.Lock()
		if p.log = append(p.log, lines.Text()); len(p.log) > 2*keptLines {
			p.log = slices.Delete(p.log, 0, keptLines)
		}
		p.mu.Unlock()
	}
	p.err = p.cmd.Wait()
	_ = lab.leash.tell("ended", p.pid())
	close(p.exited)
}

// tail returns the last lines of the log.
func (p *process) tail() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.log[max(0, len(p.log)-40):], "\n")
}

// logged reports whether a line of the log contains all the given texts.
func (p *process) logged(texts ...string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, line := range p.log {
		all := true
		for _, text := range texts {
			all = all && strings.Contains(line, text)
		}
		if all {
			return true
		}
	}
	return false
}

// signal sends sig to just this process.
func (p *process) signal(t testing.TB, sig syscall.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		t.Fatalf("signal %s: %v", sig, err)
	}
}

// dump ends the process and returns what its goroutines were doing in this module's code.
func (p *process) dump() string {
	if !p.running() {
		return "it had already ended"
	}
	_ = p.cmd.Process.Signal(syscall.SIGCONT)
	_ = p.cmd.Process.Signal(syscall.SIGQUIT)
	<-p.exited
	var own []string
	for _, line := range p.log {
		if strings.HasPrefix(line, "goroutine ") || strings.HasPrefix(line, "fullsync/internal") || strings.Contains(line, "riverqueue") {
			own = append(own, line)
		}
	}
	return strings.Join(own, "\n")
}

// running reports whether the process is still there.
func (p *process) running() bool {
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

// kill ends the process at once, frozen or not, and waits until it is gone. It is safe to call twice.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.exited
}

// terminated waits for a process that was told to end, and returns how long that took.
func (p *process) terminated(t testing.TB, began time.Time) time.Duration {
	t.Helper()
	select {
	case <-p.exited:
	case <-time.After(patience):
		t.Fatalf("process %d does not end after SIGTERM:\n%s", p.pid(), p.tail())
	}
	if p.err != nil {
		t.Fatalf("process %d ended with %v after SIGTERM:\n%s", p.pid(), p.err, p.tail())
	}
	return time.Since(began)
}

// command runs one command of the binary to its end and returns its output and exit code.
func command(t testing.TB, settings map[string]string, args ...string) (out string, code int) {
	t.Helper()
	binary, err := lab.binary()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), binary, args...)
	cmd.Env = environment(settings)
	text, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(text), cmd.ProcessState.ExitCode()
}

// eventually waits for a condition, and fails the test if it does not come true.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	if !within(patience, holds) {
		t.Fatalf("waited %s in vain: %s", patience, what)
	}
}

// within reports whether a condition comes true in time.
func within(limit time.Duration, holds func() bool) bool {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(limit); ; <-tick.C {
		if holds() {
			return true
		}
		if time.Now().After(deadline) {
			return false
		}
	}
}

// pause waits for the random moment to do something to a process. No test relies on its length.
func pause(d time.Duration) { <-time.After(d) }

// lengthy skips a test with -short, which is used with the race detector: that cannot see other processes.
func lengthy(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("skipped with -short")
	}
}
