//go:build !linux

package browsertest

import "os/exec"

// setProcess prepares the browser's process: in a group of its own.
func setProcess(command *exec.Cmd) { setGroup(command) }
