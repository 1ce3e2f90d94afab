//go:build unix

package browsertest

import (
	"os/exec"
	"syscall"
)

// supported says that browsers can be run here.
const supported = true

// setGroup gives a process a process group of its own: Ctrl-C on the tests does not reach it before its leash does, and
// its children can be ended with it.
func setGroup(command *exec.Cmd) {
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
}
