package browsertest

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"fullsync/internal/effort"
)

// A killed test process cannot tidy up, so the browser has to notice, and the leash has to remove what it wrote.
func TestAKilledTestProcessLeavesNothing(t *testing.T) {
	t.Parallel()
	effort.SkipUnlessHeavy(t)
	Require(t)
	self := exec.Command(os.Args[0])
	self.Env = append(os.Environ(), childVariable+"=1")
	output, err := self.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := self.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		t.Fatalf("reading the browser's directory: %v", err)
	}
	dir := strings.TrimSpace(line)
	if n := len(processesOf(t, dir)); n < 2 {
		t.Errorf("the browser has %d processes, want several", n)
	}
	if err := self.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = self.Wait() // it was killed
	nothingLeft(t, dir)
}

func TestAStoppedBrowserLeavesNothing(t *testing.T) {
	t.Parallel()
	Require(t)
	b, err := start(quick)
	if err != nil {
		t.Fatal(err)
	}
	for _, time := range []string{"once", "twice"} {
		if err := b.close(); err != nil {
			t.Errorf("closing %s: %v", time, err)
		}
	}
	nothingLeft(t, b.dir)
}

// nothingLeft returns once neither the directory nor a process is left, and fails the test if that takes too long.
func nothingLeft(t *testing.T, dir string) {
	t.Helper()
	deadline, tick := time.After(Patience), time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		_, err := os.Stat(dir)
		left := processesOf(t, dir)
		if errors.Is(err, os.ErrNotExist) && len(left) == 0 {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("left: %v (directory: %v)", left, err)
		}
	}
}

// processesOf returns the command lines that contain dir, except that of the leash.
func processesOf(t *testing.T, dir string) (found []string) {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		line, err := os.ReadFile("/proc/" + e.Name() + "/cmdline")
		if err == nil && strings.Contains(string(line), dir) && !strings.HasPrefix(string(line), "/bin/sh") {
			found = append(found, strings.ReplaceAll(string(line), "\x00", " "))
		}
	}
	return found
}
