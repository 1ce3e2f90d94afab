package postgrestest

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
)

// Freeze stops every process of the server where it is: connections stay open, but nothing answers. thaw lets them go on;
// it is safe to call twice, and runs by itself when the test ends.
func (s *Server) Freeze(t testing.TB) (thaw func()) {
	t.Helper()
	s.mu.Lock()
	command := s.command
	s.mu.Unlock()
	if command == nil {
		t.Fatal("postgrestest: freezing PostgreSQL: it is not running")
	}
	main := command.Process.Pid
	stopped := []int{main}
	thaw = sync.OnceFunc(func() {
		for _, pid := range stopped {
			_ = syscall.Kill(pid, syscall.SIGCONT) // one that has gone meanwhile needs none
		}
	})
	t.Cleanup(thaw)
	// The main process comes first, so that it starts no others.
	if err := syscall.Kill(main, syscall.SIGSTOP); err != nil {
		t.Fatalf("postgrestest: freezing PostgreSQL: %v", err)
	}
	children, err := childrenOf(main)
	if err != nil {
		t.Fatalf("postgrestest: freezing PostgreSQL: %v", err)
	}
	for _, pid := range children {
		if syscall.Kill(pid, syscall.SIGSTOP) == nil {
			stopped = append(stopped, pid)
		}
	}
	return thaw
}

// childrenOf returns the child processes of a process.
func childrenOf(parent int) ([]int, error) {
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	var children []int
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		// The format is "pid (name) state parent …", and the name can contain anything.
		fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
		if len(fields) < 2 || string(fields[1]) != strconv.Itoa(parent) {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", file, err)
		}
		children = append(children, pid)
	}
	return children, nil
}
