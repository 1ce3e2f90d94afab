package nodetest_test

import (
	"errors"
	"net"
	"net/netip"
	"syscall"
	"testing"

	"fullsync/internal/nodetest"
)

func TestAnAddressIsHeldForWhoAsksForIt(t *testing.T) {
	t.Parallel()
	address := nodetest.Address(t)
	for range 3 {
		node, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := net.Listen("tcp", address); !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("two at a time: %v", err)
		}
		if err := node.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := net.Dial("tcp", address); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("with nobody there: %v", err)
		}
		if err := bindPlainly(t, address); !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("a program that does not share ports: %v", err)
		}
	}
}

// bindPlainly binds a socket as the system does when it looks for a port that nobody has.
func bindPlainly(t *testing.T, address string) error {
	t.Helper()
	at := netip.MustParseAddrPort(address)
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(socket) //nolint:errcheck // nothing was written
	return syscall.Bind(socket, &syscall.SockaddrInet4{Port: int(at.Port()), Addr: at.Addr().As4()})
}
