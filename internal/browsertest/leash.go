package browsertest

import (
	"fmt"
	"io"
	"os/exec"
)

// leash is a shell that waits for the test process to end, however it ends, and then ends what is left of the browser
// and removes its directory.
type leash struct {
	command *exec.Cmd
	end     io.WriteCloser
}

// afterwards is what the leash does. Its standard input is a pipe from the test process: the first line is the number
// of the browser's process group, and the pipe ends with that process. A process that is being ended may still make a
// file, so the directory is removed again until the group is gone. That wait is bounded because on a machine whose first
// process reaps nobody the group stays.
const afterwards = `
read -r group
read -r _
tries=0
while
	kill -KILL "-${group:-none}" 2>/dev/null && left=processes || left=
	rm -rf "$1" 2>/dev/null
	{ [ -n "$left" ] || [ -e "$1" ]; } && [ "$tries" -lt 40 ]
do
	sleep 0.05
	tries=$((tries + 1))
done
`

// newLeash starts the shell for the browser that is to write into dir.
func newLeash(dir string) (*leash, error) {
	command := exec.Command("/bin/sh", "-c", afterwards, "browsertest", dir)
	command.Dir = "/"
	setGroup(command)
	end, err := command.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("making the pipe that watches the tests: %w", err)
	}
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("starting the shell that watches the tests: %w", err)
	}
	return &leash{command: command, end: end}, nil
}

// hold tells the shell which process group to end.
func (l *leash) hold(group int) error {
	if _, err := fmt.Fprintln(l.end, group); err != nil {
		return fmt.Errorf("telling the browser's process to the shell that watches the tests: %w", err)
	}
	return nil
}

// release lets the shell go and waits until it is done. It is safe to call twice.
func (l *leash) release() error {
	if l.command == nil {
		return nil
	}
	_ = l.end.Close()
	err := l.command.Wait()
	l.command = nil
	if err != nil {
		return fmt.Errorf("tidying up after the browser: %w", err)
	}
	return nil
}
