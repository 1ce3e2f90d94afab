package browsertest

import (
	"os/exec"
	"syscall"
)

// setProcess prepares the browser's process: in a group of its own, and ended by the kernel if the test process dies
// before it has told the leash about it.
func setProcess(command *exec.Cmd) {
	setGroup(command)
	command.SysProcAttr.Pdeathsig = syscall.SIGKILL
}
