//go:build unix

package store

import (
	"os"
	"syscall"
)

// walWriteLock is the byte of the -shm file that SQLite locks while it writes: WAL_WRITE_LOCK at UNIX_SHM_BASE, see
// https://www.sqlite.org/walformat.html#walindex_locks.
const walWriteLock = 120

// LockHolder returns the id of the process that holds the write lock of a SQLite file, ok false where none does or it
// cannot be found out. Call it only when this process has closed the file: looking gives up its own locks.
func LockHolder(sqlitePath string) (pid int, ok bool) {
	f, err := os.OpenFile(sqlitePath+"-shm", os.O_RDWR, 0) //nolint:gosec // the path is the operator's own setting
	if err != nil {
		return 0, false
	}
	defer f.Close() //nolint:errcheck // nothing was written
	lock := syscall.Flock_t{Type: syscall.F_WRLCK, Start: walWriteLock, Len: 1}
	if err := syscall.FcntlFlock(f.Fd(), syscall.F_GETLK, &lock); err != nil || lock.Type == syscall.F_UNLCK {
		return 0, false
	}
	return int(lock.Pid), true
}
