package cli_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"

	"fullsync/internal/cli"
	"fullsync/internal/nodetest"
)

// everythingPrinted is part of the demo's last line.
const everythingPrinted = `# Ctrl-C here stops both nodes`

// pasted returns what a person would paste into another terminal.
func pasted(t *testing.T, out *output) string {
	t.Helper()
	out.await(t, everythingPrinted)
	_, paste, ok := strings.Cut(out.String(), "\nexport FULLSYNC_URL=")
	if !ok || !strings.Contains(paste, "\nexport FULLSYNC_TOKEN=") {
		t.Fatalf("nothing to paste in\n%s", out)
	}
	return "export FULLSYNC_URL=" + paste
}

// The commands that the demo prints start, show and cancel a pull, and push, pasted as they are.
func TestDemoCommandsWorkAsPrinted(t *testing.T) {
	t.Parallel()
	program(t)
	for _, tool := range []string{"bash", "curl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("skipped: no %s on this machine to paste into", tool)
		}
	}
	temp := t.TempDir()
	demo := launch(t, environment{"TMPDIR=" + temp}, "demo", "--listen", "127.0.0.1:0")
	shell := exec.Command("bash", "-eu")
	shell.Env = []string{"PATH=" + os.Getenv("PATH")}
	shell.Stdin = strings.NewReader(pasted(t, demo.out))
	answers, err := shell.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, answers)
	}
	var started, status, cancelled, pushed object
	in := json.NewDecoder(strings.NewReader(string(answers)))
	for _, answer := range []*object{&started, &status, &cancelled, &pushed} {
		if err := in.Decode(answer); err != nil {
			t.Fatalf("%v in what the commands printed:\n%s", err, answers)
		}
	}
	id, ok := started["sessionId"].(string)
	if !ok || started["message"] != "Full sync pull initiated successfully" {
		t.Errorf("start: %v", started)
	}
	if status.at("active", "sessionId") != id {
		t.Errorf("status: %v", status)
	}
	if cancelled["message"] != "Sync session cancelled successfully" || cancelled.at("session", "sessionId") != id ||
		cancelled.at("session", "status") != "CANCELLED" || cancelled.at("session", "cancelReason") != "trying it out" {
		t.Errorf("cancel: %v", cancelled)
	}
	push, _ := pushed["sessionId"].(string)
	s := callerIn(t, demo.out).until(t, push, func(s object) bool { return s["completedAt"] != nil })
	if s["direction"] != "push" || s["status"] != "COMPLETED" {
		t.Errorf("the push: %v, ended as %v", pushed, s)
	}

	if left := entries(t, temp); len(left) != 1 {
		t.Errorf("the demo keeps its files in %v, want one directory", left)
	}
	if code := demo.signal(t, os.Interrupt); code != 0 {
		t.Errorf("Ctrl-C: exit code %d", code)
	}
	if left := entries(t, temp); len(left) != 0 {
		t.Errorf("%v are left behind", left)
	}
	if log := demo.err.String(); strings.Contains(log, "level=ERROR") || strings.Contains(log, "fullsync:") {
		t.Errorf("the demo complained:\n%s", log)
	}
}

// callerIn returns the caller whose address and token the demo has printed.
func callerIn(t *testing.T, out *output) caller {
	t.Helper()
	return caller{
		url:   out.await(t, `export FULLSYNC_URL=(http://(?:127\.0\.0\.1|\[::1\]):\d+)\n`),
		token: out.await(t, `export FULLSYNC_TOKEN=(\S+)\n`),
	}
}

func entries(t *testing.T, dir string) []string {
	t.Helper()
	found, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range found {
		names = append(names, e.Name())
	}
	return names
}

func TestDemoSizesAndSpeeds(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args     []string
		products float64
		says     string
	}{
		"full speed":       {[]string{"--rate", "0", "--products", "1067"}, 1067, "with 1067 products"},
		"no products":      {[]string{"--products", "0"}, 0, "with 0 products"},
		"on every address": {[]string{"--listen", ":0", "--products", "5", "--rate", "0"}, 5, "at full speed"},
		"a few, but slow":  {[]string{"--products", "3", "--rate", "2"}, 3, "at 2 products per second at most, so that a sync takes about 2 s"},
		"by name":          {[]string{"--products", "1", "--listen", "localhost:0"}, 1, "takes about 1 s"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			out, complaints := newOutput(), newOutput()
			code := make(chan int, 1)
			args := append([]string{"demo", "--listen", "127.0.0.1:0"}, c.args...)
			go func() { code <- cli.Run(ctx, args, cli.IO{In: strings.NewReader(""), Out: out, Err: complaints}) }()
			pasted(t, out)
			main := callerIn(t, out)
			if !strings.Contains(out.String(), c.says) {
				t.Errorf("%q is not in\n%s", c.says, out)
			}
			s := main.until(t, main.start(t, "pull", nil), func(s object) bool { return s["completedAt"] != nil })
			if s["status"] != "COMPLETED" || s["transferredRecords"] != c.products {
				t.Errorf("the session ended as %v", s)
			}
			s = main.until(t, main.start(t, "push", nil), func(s object) bool { return s["completedAt"] != nil })
			if s["status"] != "COMPLETED" || s["unchanged"] != c.products {
				t.Errorf("the push back ended as %v", s)
			}
			cancel()
			if got := <-code; got != 0 || complaints.String() != "" {
				t.Errorf("exit code %d\n%s", got, complaints)
			}
		})
	}
}

func TestDemoOnATakenPort(t *testing.T) {
	t.Parallel()
	address := takenBeforeFree(t)
	run(t, nil, "demo", "--listen", address, "--products", "1").wants(t, 1, "Cannot listen on "+address+": another program may be using it")
}

// takenBeforeFree returns an address that is in use for as long as the test runs. The next port, which the demo needs as well, stays free.
func takenBeforeFree(t *testing.T) string {
	t.Helper()
	for range 100 {
		next := netip.MustParseAddrPort(nodetest.Address(t))
		l, err := net.Listen("tcp", netip.AddrPortFrom(next.Addr(), next.Port()-1).String())
		if err == nil {
			t.Cleanup(func() { _ = l.Close() })
			return l.Addr().String()
		}
	}
	t.Fatal("there are no two free ports beside each other")
	return ""
}

func TestDemoThatCannotPrintStops(t *testing.T) {
	t.Parallel()
	closed, w := io.Pipe()
	closed.CloseWithError(errors.New("nobody reads this"))
	complaints := newOutput()
	args := []string{"demo", "--listen", "127.0.0.1:0", "--products", "1"}
	if code := cli.Run(t.Context(), args, cli.IO{In: strings.NewReader(""), Out: w, Err: complaints}); code != 1 || !strings.Contains(complaints.String(), "nobody reads this") {
		t.Errorf("exit code %d\n%s", code, complaints)
	}
}
