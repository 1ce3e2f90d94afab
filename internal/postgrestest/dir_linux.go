package postgrestest

import "syscall"

// parentDir returns where the server's directory goes: memory, unless it is as small as a container's default,
// where a few databases would fill it.
func parentDir() string {
	const memory, room = "/dev/shm", 1 << 30
	var stat syscall.Statfs_t
	if err := syscall.Statfs(memory, &stat); err == nil && stat.Bavail >= room/uint64(stat.Bsize) { //nolint:gosec // a block has a positive size
		return memory
	}
	return "/tmp"
}
