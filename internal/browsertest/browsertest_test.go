package browsertest

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// childVariable tells a copy of this test binary to start a browser, print its directory and wait to be killed.
const childVariable = "BROWSERTEST_CHILD"

// child starts a browser, prints its directory and waits for ever. Returns 1 if it cannot.
func child() int {
	b, err := process.get()
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println(b.dir)
	select {}
}

// A killed test process can tidy nothing, so the leash has to.
func TestAKilledTestProcessLeavesNothing(t *testing.T) {
	t.Parallel()
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
	if n := len(processesOf(t, dir)); n < 3 {
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
	b, err := start()
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

// nothingLeft returns once neither the directory nor a process is left, and fails the test when that takes too long.
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

// processesOf returns the command lines of the processes that have dir in theirs, the leash aside.
func processesOf(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Skip("this system does not list its processes in /proc")
	}
	var found []string
	for _, e := range entries {
		line, err := os.ReadFile("/proc/" + e.Name() + "/cmdline")
		if err == nil && strings.Contains(string(line), dir) && !strings.HasPrefix(string(line), "/bin/sh") {
			found = append(found, strings.ReplaceAll(string(line), "\x00", " "))
		}
	}
	return found
}

func TestAMissingBrowserSkipsUnlessRequired(t *testing.T) {
	for _, c := range []struct {
		required string
		err      error
		want     string
	}{
		{"", errNotInstalled, "skip"},
		{"1", errNotInstalled, "fatal"},
		{"", errors.New("no space left"), "fatal"},
	} {
		t.Setenv(RequireVariable, c.required)
		r := &recorder{TB: t}
		r.run(func() { missing(r, c.err) })
		if r.did != c.want {
			t.Errorf("required=%q, %v: the test's end is %q, want %q", c.required, c.err, r.did, c.want)
		}
		wantOne(t, r.said, c.err.Error())
	}
	if !strings.Contains(errNotInstalled.Error(), "apt-get install chromium") {
		t.Error("the reason does not say what to install")
	}
}

func TestTheBrowserIsLookedForInPath(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PATH", dir)
	if program, ok := find(); ok {
		t.Errorf("found %s in an empty directory", program)
	}
	if _, err := start(); !errors.Is(err, errNotInstalled) {
		t.Errorf("starting without a browser: %v", err)
	}
	for _, name := range []string{"chrome", "google-chrome", "chromium-browser", "chromium"} {
		if err := os.WriteFile(dir+"/"+name, []byte("#!/bin/sh\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		if program, ok := find(); !ok || program != dir+"/"+name {
			t.Errorf("found %q, want %s", program, name)
		}
	}
}

func TestABrowserThatDoesNotStartSaysSo(t *testing.T) {
	for content, want := range map[string]string{
		"#!/bin/sh\necho out of paper >&2; exit 3\n": "out of paper",
		"no program": "exec format error",
	} {
		dir := t.TempDir()
		t.Setenv("PATH", dir+":/usr/bin:/bin")
		t.Setenv("TMPDIR", dir)
		if err := os.WriteFile(dir+"/chromium", []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
		_, err := start()
		if err == nil || !strings.Contains(err.Error(), dir+"/chromium") || !strings.Contains(err.Error(), want) {
			t.Errorf("it says: %v", err)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 1 {
			t.Errorf("it left %v (%v)", left, err)
		}
	}
}
