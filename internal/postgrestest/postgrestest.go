// Package postgrestest gives tests a real PostgreSQL without any set-up. It starts a throwaway server from this machine's
// PostgreSQL binaries, as root or not, reachable only through a unix socket in a private directory, and gives each test its
// own database.
//
// Most tests want [NewDatabase] or, for a database that already has a schema, [NewDatabaseFrom]. Both share one server per
// test process, which [Main] stops. A test that stops and starts PostgreSQL itself gets its own server from [Start].
//
// If PostgreSQL is not installed, the test is skipped with a line that says what to install; with
// FULLSYNC_REQUIRE_POSTGRES=1 it fails instead. A server never outlives its test process, even if that is killed: a small
// shell at the other end of a pipe cleans up.
package postgrestest

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
)

// RequireVariable names an environment variable. If it is set to 1, a test that needs PostgreSQL fails instead of being
// skipped where there is none.
const RequireVariable = "FULLSYNC_REQUIRE_POSTGRES"

// errNotInstalled means that this machine has no PostgreSQL server binaries.
var errNotInstalled = errors.New("no PostgreSQL found (initdb and postgres, in PATH or in /usr/lib/postgresql/*/bin); " +
	"install it with: apt-get install postgresql")

// process is the server that all tests of this process share. It is package state because it belongs to the process.
var process shared

// shared starts a server at the first request and returns that server, or the same error, from then on.
type shared struct {
	mu        sync.Mutex
	server    *Server
	err       error
	templates map[string]*template
}

// template is a prepared database to clone others from.
type template struct {
	once sync.Once
	name string
	err  error
}

// Main runs a package's tests and then stops the server they shared, if any. Use it like this:
//
//	func TestMain(m *testing.M) { os.Exit(postgrestest.Main(m)) }
//
// Without it the server still stops with the process, but nothing waits for it.
func Main(m *testing.M) int {
	code := m.Run()
	if err := process.close(); err != nil {
		fmt.Fprintln(os.Stderr, "postgrestest: stopping PostgreSQL:", err)
		if code == 0 {
			code = 1
		}
	}
	return code
}

// NewDatabase returns the URL of a new, empty database for this test. It is dropped when the test ends, even if somebody is
// still connected. On a machine without PostgreSQL the test is skipped (see [RequireVariable]).
func NewDatabase(t testing.TB) (url string) {
	t.Helper()
	server, err := process.get()
	if err != nil {
		missing(t, err)
	}
	return server.NewDatabase(t)
}

// NewDatabaseFrom returns the URL of a new database for this test, a copy of the template called name. It is dropped when
// the test ends. prepare makes the template, once per process and name: it gets the URL of an empty database, usually
// migrates it, and must close its connections. If prepare fails, so does every test that asks for this template.
func NewDatabaseFrom(t testing.TB, name string, prepare func(url string) error) (url string) {
	t.Helper()
	server, err := process.get()
	if err != nil {
		missing(t, err)
	}
	source := process.template(name)
	source.once.Do(func() {
		source.name = server.nextName()
		if source.err = server.create(source.name, "template0"); source.err != nil {
			return
		}
		if source.err = prepare(server.URL(source.name)); source.err != nil {
			return
		}
		// Stop anybody from connecting, because PostgreSQL refuses to copy a database that is in use.
		source.err = server.admin("ALTER DATABASE " + source.name + " WITH ALLOW_CONNECTIONS false")
	})
	if source.err != nil {
		t.Fatalf("postgrestest: preparing the template %q: %v", name, source.err)
	}
	return server.newDatabase(t, source.name)
}

// get returns the shared server, starting it at the first call.
func (s *shared) get() (*Server, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.server == nil && s.err == nil {
		if s.server, s.err = start(); s.err == nil {
			s.server.keeps = true
		}
	}
	return s.server, s.err
}

// template returns the entry for the template with this name.
func (s *shared) template(name string) *template {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.templates == nil {
		s.templates = make(map[string]*template)
	}
	found, ok := s.templates[name]
	if !ok {
		found = new(template)
		s.templates[name] = found
	}
	return found
}

// close stops the shared server, if it was started.
func (s *shared) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.server == nil {
		return nil
	}
	return s.server.close()
}

// missing ends the test. It skips the test if PostgreSQL is neither installed nor required, and fails it otherwise.
func missing(t testing.TB, err error) {
	t.Helper()
	if errors.Is(err, errNotInstalled) && os.Getenv(RequireVariable) != "1" {
		t.Skipf("skipped: %v", err)
	}
	t.Fatalf("postgrestest: %v", err)
}
