package postgrestest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"fullsync/internal/leash"
)

// patience is the longest to wait for PostgreSQL. A healthy server answers within a second, but a test machine may be busy.
const patience = time.Minute

// Server is one throwaway PostgreSQL. Only one goroutine at a time may start or stop it; any may call URL.
type Server struct {
	binaries string
	dir      string
	leash    *leash.Leash
	names    atomic.Int64

	mu      sync.Mutex
	command *exec.Cmd
	// exited is closed once command has ended and has been waited for.
	exited chan struct{}
	// spare are the connections that [Server.with] may use again, if keeps is set.
	spare []*pgx.Conn
	// keeps is set for a server that no test stops. Making and dropping a database takes half the time without new connections.
	keeps bool
}

// Start starts a separate server for a test that stops, kills or restarts PostgreSQL. When the test ends, the server is
// stopped and its files are removed. On a machine without PostgreSQL the test is skipped (see [RequireVariable]).
func Start(t testing.TB) *Server {
	t.Helper()
	server, err := start()
	if err != nil {
		missing(t, err)
	}
	t.Cleanup(func() {
		if err := server.close(); err != nil {
			t.Errorf("postgrestest: stopping PostgreSQL: %v", err)
		}
	})
	return server
}

// URL returns the address of the named database, for pgx and anything built on it. It stays the same across restarts.
func (s *Server) URL(database string) string {
	// Set port and sslmode so that PGPORT and PGSSLMODE in the test's environment have no effect.
	query := url.Values{"host": {s.dir}, "port": {port}, "sslmode": {"disable"}}
	return "postgres://" + superuser + "@/" + url.PathEscape(database) + "?" + query.Encode()
}

// NewDatabase returns the URL of a new, empty database on this server. It is dropped when the test ends, if the server is
// running then.
func (s *Server) NewDatabase(t testing.TB) (url string) {
	t.Helper()
	return s.newDatabase(t, "template0")
}

// Stop shuts the server down cleanly ("fast": it disconnects clients and rolls back their transactions) and returns when it
// is down.
func (s *Server) Stop(t testing.TB) {
	t.Helper()
	if err := s.signal(stopFast); err != nil {
		t.Fatalf("postgrestest: stopping PostgreSQL: %v", err)
	}
}

// Kill ends the server's main process at once, as a crash would; its other processes then end by themselves. It returns
// when the main process is gone.
func (s *Server) Kill(t testing.TB) {
	t.Helper()
	if err := s.signal(os.Kill); err != nil {
		t.Fatalf("postgrestest: killing PostgreSQL: %v", err)
	}
}

// Run starts the server again after Stop or Kill, with the data it had, and returns when it accepts connections.
func (s *Server) Run(t testing.TB) {
	t.Helper()
	if err := s.run(true); err != nil {
		t.Fatalf("postgrestest: starting PostgreSQL again: %v", err)
	}
}

// RunReadOnly starts the server again after Stop or Kill as a standby without a primary: until [Server.Promote] it answers
// queries and refuses changes. It needs PostgreSQL 12 or newer.
func (s *Server) RunReadOnly(t testing.TB) {
	t.Helper()
	signal := filepath.Join(s.data(), "standby.signal")
	err := os.WriteFile(signal, nil, 0o600)
	if err == nil {
		err = giveToServer(signal)
	}
	if err != nil {
		t.Fatalf("postgrestest: making PostgreSQL a standby: %v", err)
	}
	s.Run(t)
}

// Promote makes the server accept changes again without breaking connections, and returns when it does.
func (s *Server) Promote(t testing.TB) {
	t.Helper()
	if err := s.admin("SELECT pg_promote()"); err != nil {
		t.Fatalf("postgrestest: promoting PostgreSQL: %v", err)
	}
}

// Restart stops the server abruptly ("immediate": clients are not told, and the next start has to recover), starts it
// again, and returns when it accepts connections.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	if err := s.signal(stopImmediate); err != nil {
		t.Fatalf("postgrestest: restarting PostgreSQL: %v", err)
	}
	s.Run(t)
}

// newDatabase creates a database as a copy of the given one; it is dropped when the test ends.
func (s *Server) newDatabase(t testing.TB, from string) string {
	t.Helper()
	name := s.nextName()
	if err := s.create(name, from); err != nil {
		t.Fatalf("postgrestest: creating a database: %v", err)
	}
	t.Cleanup(func() {
		if !s.running() {
			return // the test stopped its own server; the files go with it
		}
		if err := s.admin("DROP DATABASE IF EXISTS " + name + " WITH (FORCE)"); err != nil {
			t.Errorf("postgrestest: dropping a database: %v", err)
		}
	})
	return s.URL(name)
}

// nextName returns a database name that is new to this server.
func (s *Server) nextName() string {
	return fmt.Sprintf("test_%d", s.names.Add(1))
}

// create creates the database name as a copy of from.
func (s *Server) create(name, from string) error {
	return s.with(func(ctx context.Context, connection *pgx.Conn) error {
		statement := "CREATE DATABASE " + name + " TEMPLATE " + from
		// Without fsync, copying files is several times faster. Before version 15 it is the only strategy, and the option
		// does not exist.
		if version, _, _ := strings.Cut(connection.PgConn().ParameterStatus("server_version"), "."); version >= "15" {
			statement += " STRATEGY FILE_COPY"
		}
		_, err := connection.Exec(ctx, statement)
		return err
	})
}

// admin runs one statement on its own connection.
func (s *Server) admin(statement string) error {
	return s.with(func(ctx context.Context, connection *pgx.Conn) error {
		_, err := connection.Exec(ctx, statement)
		return err
	})
}

// with calls do with a superuser's connection to the server's maintenance database.
func (s *Server) with(do func(ctx context.Context, connection *pgx.Conn) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	connection := s.takeSpare()
	if connection == nil {
		var err error
		if connection, err = pgx.Connect(ctx, s.URL(superuser)); err != nil {
			return fmt.Errorf("connecting: %w", err)
		}
	}
	err := do(ctx, connection)
	if err == nil && s.giveSpare(connection) {
		return nil
	}
	return errors.Join(err, connection.Close(ctx))
}

// takeSpare returns a connection that nobody uses, nil if there is none.
func (s *Server) takeSpare() *pgx.Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.spare) == 0 {
		return nil
	}
	last := len(s.spare) - 1
	connection := s.spare[last]
	s.spare = s.spare[:last]
	return connection
}

// giveSpare keeps the connection for later, or reports false.
func (s *Server) giveSpare(connection *pgx.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.keeps {
		s.spare = append(s.spare, connection)
	}
	return s.keeps
}

// close stops the server and removes its files. It is safe to call twice.
func (s *Server) close() error {
	for connection := s.takeSpare(); connection != nil; connection = s.takeSpare() {
		_ = connection.Close(context.Background()) // the server ends anyway
	}
	err := s.signal(stopImmediate)
	return errors.Join(err, os.RemoveAll(s.dir), s.leash.Release())
}

// log returns the last lines of the server's log, for a failure message.
func (s *Server) log() string {
	text, err := os.ReadFile(filepath.Join(s.dir, "log"))
	if err != nil {
		return err.Error()
	}
	const enough = 4000
	if len(text) > enough {
		text = text[len(text)-enough:]
	}
	return string(text)
}
