//go:build !unix

package postgrestest

import (
	"os"
	"syscall"
)

// supported says whether this system can run servers. Without unix sockets and users it cannot, and tests are skipped.
const supported = false

func serverProcess() (*syscall.SysProcAttr, error) { return nil, errNotInstalled }

func giveToServer(string) error { return errNotInstalled }

func parentDir() string { return os.TempDir() }
