//go:build unix

package console_test

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"fullsync/internal/auth"
	"fullsync/internal/browsertest"
	"fullsync/internal/effort"
	"fullsync/internal/leash"
	"fullsync/internal/nodetest"
)

// TestAFrozenNodeDoesNotLookAlive stops the node's process in the middle of a sync: its connections stay, but nothing comes.
func TestAFrozenNodeDoesNotLookAlive(t *testing.T) {
	t.Parallel()
	effort.SkipUnlessHeavy(t)
	midway := inTheMiddle(t, map[string]string{"HEARTBEAT_INTERVAL": "5m", "STALE_AFTER": "15m"})
	page, process := midway.page, midway.process
	defer page.AllowLostConnections()()
	card(page).WaitText("healthy")
	if text := page.Text(); strings.Contains(text, "Last update") || strings.Contains(text, "is unknown.") {
		t.Errorf("it looks frozen already: %s", text)
	}

	signal(t, process, syscall.SIGSTOP)
	page.WaitText("Last update ")
	page.Find(`#connection:is([data-connection="silent"], [data-connection="lost"])`).WaitText("what you see")
	card(page).WaitText("Its current state is unknown.")
	if text := card(page).Text(); strings.Contains(text, "healthy") {
		t.Errorf("it looks alive: %s", text)
	}
	accessible(page)

	signal(t, process, syscall.SIGCONT)
	live(page)
	card(page).WaitText("healthy")
	page.WaitNoText("Last update")
	page.WaitNoText("Its current state is unknown.")
	midway.gate.Open()
	card(page).WaitText("COMPLETED")
}

// TestAKilledNodeComesBack kills the node's process in the middle of a sync and starts another one at its address: the page says so, and goes on.
func TestAKilledNodeComesBack(t *testing.T) {
	t.Parallel()
	effort.SkipUnlessHeavy(t)
	midway := inTheMiddle(t, map[string]string{"HEARTBEAT_INTERVAL": "100ms", "STALE_AFTER": "2s"})
	page := midway.page
	page.AllowLostConnections() // until the page is closed, which is after the second process has ended

	signal(t, midway.process, syscall.SIGKILL)
	page.Find(`#connection[data-connection="lost"]`).WaitText("what you see")
	card(page).WaitText("Its current state is unknown.")

	serve(t, midway.config)
	live(page)
	midway.gate.Open()
	card(page).WaitText("COMPLETED")
	card(page).WaitText("100 of 100")
	page.WaitNoText("Its current state is unknown.")
}

// midway is a node in its own process, and its page, in the middle of a sync: the gate holds the fourth page of products.
type midway struct {
	config  nodetest.Config
	process *os.Process
	page    *browsertest.Page
	gate    *nodetest.Gate
}

// inTheMiddle starts a node with these settings and has somebody start a sync on its page.
func inTheMiddle(t *testing.T, settings map[string]string) (m midway) {
	t.Helper()
	pair := newPair(t, nodetest.SQLite, 100, nodetest.Config{Settings: settings})
	m.gate = pair.Wire.HoldPage(t, nodetest.ProductsPath, 4)
	pair.Main.Down()
	settings["LISTEN"] = nodetest.Address(t)
	m.config = nodetest.Config{ID: nodetest.MainNode, Database: pair.Main.Database(), Settings: settings}
	var url string
	url, m.process = serve(t, m.config)
	m.page = signInAt(t, url, auth.RoleOperator, browsertest.Options{})
	startByTen(t, m.page)
	nodetest.Await(t, "the fourth page", m.gate.Reached)
	bar(m.page, 30).Wait()
	return m
}

// serve runs a node in its own process until the test ends, and returns its address.
func serve(t *testing.T, c nodetest.Config) (url string, process *os.Process) {
	t.Helper()
	command := exec.Command(os.Args[0])
	command.Env = []string{nodeVariable + "=1", "FULLSYNC_LOG_FORMAT=json", "PATH=" + os.Getenv("PATH")}
	for name, value := range c.Environ() {
		command.Env = append(command.Env, name+"="+value)
	}
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	log, err := command.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	held, err := leash.New(&syscall.SysProcAttr{Setpgid: true}, "read -r pid && { read -r gone || kill -KILL $pid; }")
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
		_ = held.Tell("gone")
		if err := held.Release(); err != nil {
			t.Error(err)
		}
	})
	if err := held.Tell(command.Process.Pid); err != nil {
		t.Fatal(err)
	}
	var seen []string
	up := make(chan string, 1)
	go func() {
		defer close(up)
		for lines := bufio.NewScanner(log); lines.Scan(); {
			var line struct{ Msg, URL string }
			seen = append(seen, lines.Text())
			if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "node is up" {
				up <- line.URL
			}
		}
	}()
	url, ok := nodetest.Await(t, "the node", up)
	if !ok {
		t.Fatalf("the node has ended:\n%s", strings.Join(seen, "\n"))
	}
	return url, command.Process
}

// signal sends a signal to a process.
func signal(t *testing.T, process *os.Process, s syscall.Signal) {
	t.Helper()
	if err := process.Signal(s); err != nil {
		t.Fatal(err)
	}
}
