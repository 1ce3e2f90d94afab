package postgrestest

import "syscall"

// parentDir returns where to put the server's directory: in memory, unless that is as small as a container's default and
// would fill up after a few databases.
func parentDir() string {
	const memory, room = "/dev/shm", 1 << 30
	var stat syscall.Statfs_t
	if err := syscall.Statfs(memory, &stat); err == nil && stat.Bavail >= room/uint64(stat.Bsize) { //nolint:gosec // a block has a positive size
		return memory
	}
	return "/tmp"
}
