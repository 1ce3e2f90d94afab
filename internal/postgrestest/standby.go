package postgrestest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Standby starts a streaming standby of the server: a copy that follows every change and refuses its own until [Server.Promote]. With
// synchronous, a commit at the server is answered only once the standby has it too. The standby ends with the test.
func (s *Server) Standby(t testing.TB, synchronous bool) *Server {
	t.Helper()
	standby, err := s.copied()
	if err != nil {
		t.Fatalf("postgrestest: making a standby: %v", err)
	}
	t.Cleanup(func() {
		if err := standby.close(); err != nil {
			t.Errorf("postgrestest: stopping the standby: %v", err)
		}
	})
	if synchronous {
		if err := s.set("synchronous_standby_names", "*"); err != nil {
			t.Fatalf("postgrestest: making the standby synchronous: %v", err)
		}
	}
	standby.CaughtUp(t, s)
	return standby
}

// copied returns a running copy of the server that follows it.
func (s *Server) copied() (*Server, error) {
	dir, err := makeDir()
	if err != nil {
		return nil, err
	}
	standby := &Server{binaries: s.binaries, dir: dir}
	if standby.leash, err = newLeash(dir); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	take, err := s.program("pg_basebackup", "-D", standby.data(), "-h", s.dir, "-p", port, "-U", superuser, "-R", "-X", "stream", "-c", "fast")
	if err == nil {
		var output []byte
		if output, err = take.CombinedOutput(); err != nil {
			err = fmt.Errorf("pg_basebackup: %w\n%s", err, output)
		}
	}
	if err == nil {
		err = standby.run(false)
	}
	if err != nil {
		return nil, errors.Join(err, standby.close())
	}
	return standby, nil
}

// CaughtUp waits until a standby holds everything that is committed at its primary now.
func (s *Server) CaughtUp(t testing.TB, primary *Server) {
	t.Helper()
	var position string
	if err := primary.with(func(ctx context.Context, c *pgx.Conn) error {
		return c.QueryRow(ctx, "SELECT pg_current_wal_flush_lsn()::text").Scan(&position)
	}); err != nil {
		t.Fatalf("postgrestest: asking the primary where it is: %v", err)
	}
	s.until(t, "SELECT pg_last_wal_replay_lsn() >= '"+position+"'::pg_lsn")
}

// Detach makes a standby receive nothing any more, as if the network to its primary were gone.
func (s *Server) Detach(t testing.TB) {
	t.Helper()
	if err := s.set("primary_conninfo", ""); err != nil {
		t.Fatalf("postgrestest: detaching the standby: %v", err)
	}
	s.until(t, "SELECT count(*) = 0 FROM pg_stat_wal_receiver")
}

// until waits until a query answers true.
func (s *Server) until(t testing.TB, query string) {
	t.Helper()
	err := s.with(func(ctx context.Context, c *pgx.Conn) error {
		for {
			var done bool
			if err := c.QueryRow(ctx, query).Scan(&done); err != nil || done {
				return err
			}
			<-time.After(5 * time.Millisecond)
		}
	})
	if err != nil {
		t.Fatalf("postgrestest: %s: %v", query, err)
	}
}

// set changes a setting of the running server.
func (s *Server) set(name, value string) error {
	return errors.Join(s.admin("ALTER SYSTEM SET "+name+" = '"+value+"'"), s.admin("SELECT pg_reload_conf()"))
}

// Either returns the address of a database on whichever of two servers takes changes: a node that is given it follows a failover.
func (s *Server) Either(other *Server, database string) string {
	u, err := url.Parse(database)
	if err != nil {
		return database
	}
	query := u.Query()
	query.Set("host", s.dir+","+other.dir)
	query.Set("port", port+","+port)
	query.Set("target_session_attrs", "read-write")
	u.RawQuery = query.Encode()
	return u.String()
}

// Copy copies the files of a stopped server and runs a second server on them, which knows nothing of the first.
func (s *Server) Copy(t testing.TB) *Server {
	t.Helper()
	dir, err := makeDir()
	if err != nil {
		t.Fatalf("postgrestest: copying: %v", err)
	}
	second := &Server{binaries: s.binaries, dir: dir}
	if second.leash, err = newLeash(dir); err == nil {
		copying, problem := s.program("cp", "-a", s.data(), filepath.Join(dir, "data"))
		if err = problem; err == nil {
			copying.Path = "/bin/cp"
			err = copying.Run()
		}
	}
	if err == nil {
		err = second.run(false)
	}
	t.Cleanup(func() { _ = second.close() })
	if err != nil {
		t.Fatalf("postgrestest: copying: %v", err)
	}
	return second
}
