//go:build unix && !linux

package postgrestest

// parentDir returns where to put the server's directory. The path of the system's own temporary directory can be too long
// for a socket.
func parentDir() string { return "/tmp" }
