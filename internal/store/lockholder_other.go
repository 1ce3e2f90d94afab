//go:build !unix

package store

// LockHolder cannot be found out on this system.
func LockHolder(string) (pid int, ok bool) { return 0, false }
