//go:build !linux

package postgrestest

import "testing"

// Freeze skips the test, because it cannot find the server's processes on this system.
func (s *Server) Freeze(t testing.TB) (thaw func()) {
	t.Helper()
	t.Skip("skipped: freezing PostgreSQL needs Linux")
	return nil
}
