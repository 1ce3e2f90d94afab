//go:build unix

package reliability

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// trouble does one bad thing to a random node, and mends it after a while. The first replica of each node lives through everything, so that what it
// leaks shows; the second one is killed and restarted.
func (s *soak) trouble(ctx context.Context) {
	s.t.Helper()
	n := s.nodes[s.nodes[0].rand.IntN(2)]
	first, second := n.replicas[0], n.replicas[1]
	either := n.replicas[n.rand.IntN(2)]
	troubles := []struct {
		what string
		do   func()
	}{
		{"kill -9", func() {
			n.balance(second)
			second.kill()
			s.wait(ctx, 2*time.Second)
			n.restart(second)
		}},
		{"SIGTERM and start", func() {
			began := time.Now()
			second.signal(s.t, syscall.SIGTERM)
			second.terminated(s.t, began)
			n.restart(second)
		}},
		{"freeze", func() {
			either.signal(s.t, syscall.SIGSTOP)
			s.wait(ctx, 4*time.Second)
			either.signal(s.t, syscall.SIGCONT)
		}},
		{"network to PostgreSQL cut", func() {
			either.wire.cut()
			s.wait(ctx, 4*time.Second)
			either.wire.heal()
		}},
		{"both replicas lost", func() {
			n.balance(first, second)
			first.signal(s.t, syscall.SIGSTOP)
			second.kill()
			s.wait(ctx, 2*time.Second)
			first.signal(s.t, syscall.SIGCONT)
			n.restart(second)
		}},
		{"PostgreSQL restarted", func() { n.server.Restart(s.t) }},
		{"PostgreSQL down", func() {
			n.server.Kill(s.t)
			s.wait(ctx, 3*time.Second)
			n.server.Run(s.t)
		}},
		{"disk full", func() {
			if n.disk == "" {
				return
			}
			fillDisk(s.t, n.disk)
			s.wait(ctx, 4*time.Second)
			emptyDisk(s.t, n.disk)
		}},
		{"clock jumps", func() {
			ahead := time.Duration(n.rand.Int64N(int64(6*time.Minute))) - 3*time.Minute
			n.sql(s.t.Context(), fmt.Sprintf("UPDATE test_clock SET ahead = '%d seconds'", int(ahead.Seconds())))
		}},
	}
	one := troubles[n.rand.IntN(len(troubles))]
	one.do()
	n.balance()
	s.deeds.add("trouble: " + one.what)
	s.wait(ctx, 2*time.Second)
}

// wait waits for a random time up to most, or until ctx ends.
func (s *soak) wait(ctx context.Context, most time.Duration) {
	if *soakFor == 0 {
		most /= 4
	}
	select {
	case <-ctx.Done():
	case <-waited(time.Duration(s.nodes[0].rand.Int64N(int64(most)))):
	}
}

// recover waits until every replica is ready. What was done to them has been mended by now.
func (s *soak) recover() {
	s.t.Helper()
	for _, n := range s.nodes {
		n.balance()
		for _, r := range n.replicas {
			if !r.running() {
				s.t.Fatalf("%s ended by itself: %v\n%s", n.describe(r), r.err, r.tail())
			}
			eventually(s.t, n.describe(r)+" to be ready", func() bool {
				ctx, cancel := context.WithTimeout(s.t.Context(), 5*time.Second)
				defer cancel()
				status, _ := n.call(ctx, r, "GET", "/readyz", nil, nil)
				return status == 200
			})
		}
	}
}

// filler is the file that fills a disk.
const filler = "filler"

// fillDisk writes until not one more byte fits.
func fillDisk(t interface{ Fatal(...any) }, dir string) {
	file, err := os.Create(filepath.Join(dir, filler))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close() //nolint:errcheck // what matters is that it is full
	for _, size := range []int{1 << 20, 1 << 12} {
		for err = nil; err == nil; {
			_, err = file.Write(make([]byte, size))
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
	}
}

func emptyDisk(t interface{ Fatal(...any) }, dir string) {
	if err := os.Remove(filepath.Join(dir, filler)); err != nil {
		t.Fatal(err)
	}
}
