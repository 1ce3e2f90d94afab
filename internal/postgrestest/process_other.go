//go:build !unix

package postgrestest

import (
	"os"
	"syscall"
)

// supported says that servers can be run here: without unix sockets and users they cannot, and tests are skipped.
const supported = false

func serverProcess() (*syscall.SysProcAttr, error) { return nil, errNotInstalled }

func giveToServer(string) error { return errNotInstalled }

func parentDir() string { return os.TempDir() }
