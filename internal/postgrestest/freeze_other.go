//go:build !linux

package postgrestest

import "testing"

// Freeze skips the test: the server's processes cannot be found here.
func (s *Server) Freeze(t testing.TB) (thaw func()) {
	t.Helper()
	t.Skip("skipped: freezing PostgreSQL takes Linux")
	return nil
}
