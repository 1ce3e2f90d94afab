package cli_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"fullsync/internal/cli"
)

// openTerminal returns both ends of a pseudo-terminal: one for the person, one for the program.
func openTerminal(t *testing.T) (person, terminal *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("skipped: no pseudo-terminals here: %v", err)
	}
	t.Cleanup(func() { _ = person.Close() })
	if err := unix.IoctlSetPointerInt(int(person.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetUint32(int(person.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("skipped: no pseudo-terminals here: %v", err)
	}
	t.Cleanup(func() { _ = terminal.Close() })
	return person, terminal
}

// echoes reports whether the terminal shows what is typed.
func echoes(t *testing.T, terminal *os.File) bool {
	t.Helper()
	mode, err := unix.IoctlGetTermios(int(terminal.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return mode.Lflag&unix.ECHO != 0
}

// typing is a command on a terminal, with a person in front of it.
type typing struct {
	screen           *output
	person, terminal *os.File
	code             chan int
}

// onTerminal runs a command on a terminal.
func onTerminal(t *testing.T, ctx context.Context, env environment, args ...string) typing {
	t.Helper()
	person, terminal := openTerminal(t)
	p := typing{screen: newOutput(), person: person, terminal: terminal, code: make(chan int, 1)}
	go func() { _, _ = io.Copy(p.screen, person) }()
	go func() {
		p.code <- cli.Run(ctx, args, cli.IO{In: terminal, Out: terminal, Err: terminal, Environ: env})
	}()
	return p
}

// answer waits for a prompt, and until the terminal no longer shows what is typed, then types a line.
func (p typing) answer(t *testing.T, prompt, line string) {
	t.Helper()
	p.screen.await(t, prompt)
	eventually(t, func() bool { return !echoes(t, p.terminal) }, func() any { return "the terminal shows what is typed" })
	if _, err := p.person.WriteString(line + "\n"); err != nil {
		t.Fatal(err)
	}
}

func TestPasswordOnATerminal(t *testing.T) {
	t.Parallel()
	env := onSQLite(t)
	for _, c := range []struct {
		first, second string
		code          int
		says          string
	}{
		{"short", "", 1, "must have at least 8 characters"},
		{goodPassword, otherPassword, 1, "the two passwords differ; nothing was changed"},
		{goodPassword, goodPassword, 0, "user alice may sign in as viewer"},
	} {
		p := onTerminal(t, t.Context(), env, "user", "add", "alice", "--role", "viewer")
		p.answer(t, "New password for alice: ", c.first)
		if c.second != "" {
			p.answer(t, "Repeat it: ", c.second)
		}
		p.screen.await(t, c.says)
		if code := <-p.code; code != c.code {
			t.Errorf("%s: exit code %d, want %d", c.says, code, c.code)
		}
		if text := p.screen.String(); strings.Contains(text, c.first) || !echoes(t, p.terminal) {
			t.Errorf("the password is shown, or the terminal stays silent:\n%s", text)
		}
	}
}

func TestInterruptAtThePasswordPrompt(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	p := onTerminal(t, ctx, onSQLite(t), "user", "add", "alice", "--role", "viewer")
	p.screen.await(t, "New password for alice: ")
	eventually(t, func() bool { return !echoes(t, p.terminal) }, func() any { return "the terminal shows what is typed" })
	cancel()
	if code := <-p.code; code != 1 || !echoes(t, p.terminal) {
		t.Errorf("exit code %d, and the terminal shows what is typed: %v", code, echoes(t, p.terminal))
	}
	p.screen.await(t, "interrupted before it was done")
}
