//go:build unix

package postgrestest

import (
	"fmt"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// supported says whether this system can run servers.
const supported = true

// serverUser returns the user to run the server as, or nil for the user who runs the tests. PostgreSQL refuses to run as
// root, so root's server runs as the package's user "postgres", or as "nobody".
func serverUser() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	account, err := user.Lookup(superuser)
	if err != nil {
		if account, err = user.Lookup("nobody"); err != nil {
			return nil, fmt.Errorf("finding a user for PostgreSQL, which refuses to run as root: %w", err)
		}
	}
	uid, err := strconv.ParseUint(account.Uid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("reading the user id of %s: %w", account.Username, err)
	}
	gid, err := strconv.ParseUint(account.Gid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("reading the group id of %s: %w", account.Username, err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}

// serverProcess returns the attributes to start the server's processes with: as serverUser, and in their own process group,
// so that Ctrl-C on the tests does not reach them before their leash does.
func serverProcess() (*syscall.SysProcAttr, error) {
	owner, err := serverUser()
	if err != nil {
		return nil, err
	}
	return &syscall.SysProcAttr{Credential: owner, Setpgid: true}, nil
}

// giveToServer makes the server's user the owner of dir.
func giveToServer(dir string) error {
	owner, err := serverUser()
	if err != nil || owner == nil {
		return err
	}
	return os.Chown(dir, int(owner.Uid), int(owner.Gid))
}
