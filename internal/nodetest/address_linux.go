package nodetest

import (
	"fmt"
	"syscall"
	"testing"
)

// Address returns an address of this machine where nodes can listen one after another. Until the test ends, the system gives its port to
// no other program: a socket holds it without listening. Linux lets others listen there if they ask for this port and
// set SO_REUSEADDR, as Go's net package does (see socket(7)).
func Address(t testing.TB) string {
	t.Helper()
	address, err := hold(t)
	if err != nil {
		t.Fatalf("nodetest: holding a port: %v", err)
	}
	return address
}

func hold(t testing.TB) (string, error) {
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return "", err
	}
	t.Cleanup(func() { _ = syscall.Close(socket) })
	if err := syscall.SetsockoptInt(socket, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		return "", err
	}
	if err := syscall.Bind(socket, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return "", err
	}
	own, err := syscall.Getsockname(socket)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("127.0.0.1:%d", own.(*syscall.SockaddrInet4).Port), nil
}
