//go:build unix && !linux

package postgrestest

// parentDir returns where the server's directory goes. The system's own temporary directory can have too long a
// path for a socket.
func parentDir() string { return "/tmp" }
