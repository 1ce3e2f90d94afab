//go:build !unix

package browsertest

import "syscall"

// supported says that browsers cannot run here: without process groups and a shell they could be left behind. Tests are
// skipped.
const supported = false

func ownGroup() *syscall.SysProcAttr { return nil }
