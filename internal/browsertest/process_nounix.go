//go:build !unix

package browsertest

import "os/exec"

// supported says that browsers cannot be run here: without process groups and a shell they could be left behind, and
// tests are skipped.
const supported = false

func setGroup(*exec.Cmd) {}
