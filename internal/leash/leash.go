// Package leash keeps processes that tests start from outliving the tests, even if the tests are killed and cannot clean
// up: a shell waits for the test process to end, however that happens, and then runs a script.
package leash

import (
	"fmt"
	"io"
	"os/exec"
	"syscall"
)

// Leash is such a shell. It belongs to one goroutine.
type Leash struct {
	command *exec.Cmd
	end     io.WriteCloser
}

// New starts the shell with a script and its arguments ($1, …). The script's standard input is a pipe from this process:
// "read" gets the lines from [Leash.Tell], and fails once this process is gone. The attributes should put the shell into
// its own process group, so that Ctrl-C on the tests does not reach it.
func New(attributes *syscall.SysProcAttr, script string, arguments ...string) (*Leash, error) {
	command := exec.Command("/bin/sh", append([]string{"-c", script, "leash"}, arguments...)...)
	command.Dir = "/"
	command.SysProcAttr = attributes
	end, err := command.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("making the pipe that watches the tests: %w", err)
	}
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("starting the shell that watches the tests: %w", err)
	}
	return &Leash{command: command, end: end}, nil
}

// Tell sends the script a line to read.
func (l *Leash) Tell(line any) error {
	if _, err := fmt.Fprintln(l.end, line); err != nil {
		return fmt.Errorf("telling the shell that watches the tests: %w", err)
	}
	return nil
}

// Release closes the script's standard input and waits until the script is done. It is safe to call twice.
func (l *Leash) Release() error {
	if l.command == nil {
		return nil
	}
	_ = l.end.Close()
	err := l.command.Wait()
	l.command = nil
	if err != nil {
		return fmt.Errorf("tidying up after the tests: %w", err)
	}
	return nil
}
