//go:build unix

package browsertest

import "syscall"

// supported says that browsers can run here.
const supported = true

// ownGroup puts a process into its own process group. Then Ctrl-C on the tests does not reach it before its leash does, and
// its children can be ended with it.
func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
