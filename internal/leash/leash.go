// Package leash keeps what tests start from outliving them, even tests that were killed and can tidy nothing: a shell
// waits for the test process to end, however it ends, and then does what it was told.
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

// New starts the shell with the script and its arguments ($1, …). Its standard input is a pipe from this process: it has
// the lines of [Leash.Tell] and ends with the process, so "read" fails when the process is gone. The attributes should
// give it a process group of its own, so that Ctrl-C on the tests does not reach it.
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

// Tell gives the script a line to read.
func (l *Leash) Tell(line any) error {
	if _, err := fmt.Fprintln(l.end, line); err != nil {
		return fmt.Errorf("telling the shell that watches the tests: %w", err)
	}
	return nil
}

// Release lets the shell go and waits until it is done. It is safe to call twice.
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
