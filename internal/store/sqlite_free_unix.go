//go:build linux || darwin

package store

import "golang.org/x/sys/unix"

// FreeBytes returns how much a user without rights can still write to the disk of a directory, ok false where that is unknown.
func FreeBytes(dir string) (free int64, ok bool) {
	var stat unix.Statfs_t
	if err := unix.Statfs(dir, &stat); err != nil {
		return 0, false
	}
	return int64(stat.Bavail) * int64(stat.Bsize), true //nolint:gosec,unconvert // the types differ between systems
}
