package frontendtest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"fullsync/api/spec"
	"fullsync/internal/nodetest"
)

// command tells testdata/driver.ts what to do.
type command struct {
	ID        int     `json:"id"`
	Do        string  `json:"do"`
	URL       string  `json:"url,omitempty"`
	Token     string  `json:"token"`
	Name      string  `json:"name,omitempty"`
	Password  string  `json:"password,omitempty"`
	Silence   int     `json:"silence,omitempty"`
	Choice    string  `json:"choice,omitempty"`
	Reason    *string `json:"reason"`
	SessionID string  `json:"sessionId,omitempty"`
	Text      string  `json:"text,omitempty"`
}

// message is what testdata/driver.ts reports.
type message struct {
	What  string          `json:"what"`
	ID    int             `json:"id"`
	Value json.RawMessage `json:"value"`
}

// as decodes the value of a message.
func as[T any](t *testing.T, m message) (value T) {
	t.Helper()
	if err := json.Unmarshal(m.Value, &value); err != nil {
		t.Fatalf("%s: %v: %s", m.What, err, m.Value)
	}
	return value
}

// connection is what a view shows about its connection.
type connection struct {
	State   string `json:"state"`
	Message string `json:"message"`
}

// failure is what a view shows when a command failed.
type failure struct {
	Message string `json:"message"`
	// Status is the answer's status; 0 if there was no answer.
	Status int `json:"status"`
}

// driver is the sample, running in Node.js.
type driver struct {
	t     *testing.T
	input io.Writer
	last  int

	mu  sync.Mutex
	log []message
}

// drive starts the compiled sample as an application for the node at url. token may be empty.
func (p project) drive(t *testing.T, url, token string) *driver {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), p.node, filepath.Join(p.dir, "out", "driver.js"))
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	input, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	d := &driver{t: t, input: input}
	read := make(chan struct{})
	go func() { defer close(read); d.listen(output) }()
	t.Cleanup(func() { // the test's context has ended, and the process with it
		<-read
		_ = cmd.Wait()
		if text := complaints.String(); text != "" {
			t.Errorf("the sample said on standard error: %s", text)
		}
	})
	d.do(command{Do: "connect", URL: url, Token: token})
	return d
}

// listen records what the sample reports, until it ends.
func (d *driver) listen(output io.Reader) {
	lines := bufio.NewReader(output)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		var m message
		if err := json.Unmarshal(line, &m); err != nil {
			m = message{What: "nonsense", Value: line}
		}
		d.mu.Lock()
		d.log = append(d.log, m)
		d.mu.Unlock()
	}
}

// told returns all messages of one kind so far.
func (d *driver) told(what string) (all []message) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, m := range d.log {
		if m.What == what {
			all = append(all, m)
		}
	}
	return all
}

// wait waits until cond holds.
func (d *driver) wait(what string, cond func() bool) {
	d.t.Helper()
	nodetest.Eventually(d.t, what, cond, d.show)
}

// show formats the last messages for a failure message.
func (d *driver) show() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var text strings.Builder
	for _, m := range d.log[max(0, len(d.log)-20):] {
		fmt.Fprintf(&text, "\n%s %.300s", m.What, m.Value)
	}
	return text.String()
}

// send sends a command and returns its number.
func (d *driver) send(c command) int {
	d.t.Helper()
	d.last++
	c.ID = d.last
	line, err := json.Marshal(c) //nolint:gosec // the password is made up, and the sample needs it
	if err != nil {
		d.t.Fatal(err)
	}
	if _, err := d.input.Write(append(line, '\n')); err != nil {
		d.t.Fatalf("the sample no longer listens: %v; its last messages: %s", err, d.show())
	}
	return c.ID
}

// answer returns the outcome of a command: a message "done" or "failed".
func (d *driver) answer(id int) (m message) {
	d.t.Helper()
	d.wait("an answer", func() bool {
		for _, m = range append(d.told("done"), d.told("failed")...) {
			if m.ID == id {
				return true
			}
		}
		return false
	})
	return m
}

// do runs a command that must succeed, and returns its result.
func (d *driver) do(c command) message {
	d.t.Helper()
	m := d.answer(d.send(c))
	if m.What != "done" {
		d.t.Fatalf("%s: %s", c.Do, m.Value)
	}
	return m
}

// fail runs a command that must fail, and returns the failure.
func (d *driver) fail(c command) failure {
	d.t.Helper()
	m := d.answer(d.send(c))
	if m.What != "failed" {
		d.t.Fatalf("%s should fail: %s", c.Do, m.Value)
	}
	return as[failure](d.t, m)
}

// start starts a sync and returns the session to show. choice is what the person chooses if one is running already.
func (d *driver) start(choice string) spec.Session {
	d.t.Helper()
	return as[spec.Session](d.t, d.do(command{Do: "start", Choice: choice}))
}

// states returns what the view has shown about its connection, in order.
func (d *driver) states() (all []string) {
	d.t.Helper()
	for _, m := range d.told("connection") {
		all = append(all, as[connection](d.t, m).State)
	}
	return all
}

// reach waits until the connection is in that state.
func (d *driver) reach(state string) {
	d.t.Helper()
	d.wait("the connection to be "+state, func() bool {
		all := d.states()
		return len(all) > 0 && all[len(all)-1] == state
	})
}

// watch starts to follow the catalog, and returns once the view is live.
func (d *driver) watch() {
	d.t.Helper()
	d.do(command{Do: "watch", Silence: 30_000})
	d.reach("live")
}

// statuses returns every status change of that session that reached the view.
func (d *driver) statuses(id spec.SessionID) (all []spec.SessionStatus) {
	d.t.Helper()
	for _, m := range d.told("status") {
		if s := as[spec.StatusEvent](d.t, m); s.SessionId == id {
			all = append(all, s.Status)
		}
	}
	return all
}

// shown returns what the view is showing.
func (d *driver) shown() []spec.Session {
	d.t.Helper()
	all := d.told("sessions")
	if len(all) == 0 {
		return nil
	}
	return as[[]spec.Session](d.t, all[len(all)-1])
}

// see waits until the view shows that session and cond holds for it.
func (d *driver) see(id spec.SessionID, what string, cond func(spec.Session) bool) {
	d.t.Helper()
	d.wait(what, func() bool {
		return slices.ContainsFunc(d.shown(), func(s spec.Session) bool { return s.SessionId == id && cond(s) })
	})
}

// seeStatus waits until the view shows that session in that status.
func (d *driver) seeStatus(id spec.SessionID, status spec.SessionStatus) {
	d.t.Helper()
	d.see(id, string(status), func(s spec.Session) bool { return s.Status == status })
}
