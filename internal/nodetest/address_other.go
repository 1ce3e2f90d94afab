//go:build !linux

package nodetest

import (
	"net"
	"testing"
)

// Address returns an address of this machine that nobody uses.
func Address(t testing.TB) string {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err == nil {
		err = free.Close()
	}
	if err != nil {
		t.Fatalf("nodetest: finding a free port: %v", err)
	}
	return free.Addr().String()
}
