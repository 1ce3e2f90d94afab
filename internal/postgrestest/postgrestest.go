// Package postgrestest gives tests a real PostgreSQL without any set-up: it starts a throwaway server from the
// PostgreSQL binaries of this machine, as root or not, reachable only through a unix socket in a private
// directory, and hands out one database per test.
//
// Most tests want [NewDatabase] or, with their schema already in it, [NewDatabaseFrom]; both share one server per
// test process, which [Main] stops. A test that wants to stop and start PostgreSQL itself gets a server of its own
// from [Start].
//
// Where no PostgreSQL is installed the test is skipped with a line that says what to install; with
// FULLSYNC_REQUIRE_POSTGRES=1 it fails instead. A server never outlives its test process, not even one that was
// killed: a small shell waits at the other end of a pipe and tidies up.
package postgrestest

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
)

// RequireVariable names the environment variable that turns "skipped, no PostgreSQL here" into a failure when it
// is set to 1.
const RequireVariable = "FULLSYNC_REQUIRE_POSTGRES"

// errNotInstalled is returned when this machine has no PostgreSQL server binaries.
var errNotInstalled = errors.New("no PostgreSQL found (initdb and postgres, in PATH or in /usr/lib/postgresql/*/bin); " +
	"install it with: apt-get install postgresql")

// process is the one server that the tests of this process share. It is package state because the process is what
// it belongs to.
var process shared

// shared starts a server at the first request and hands out the same one, or the same error, ever after.
type shared struct {
	mu        sync.Mutex
	server    *Server
	err       error
	templates map[string]*template
}

// template is a prepared database that others are cloned from.
type template struct {
	once sync.Once
	name string
	err  error
}

// Main runs the tests of a package and then stops the server they shared, if any. Use it as
//
//	func TestMain(m *testing.M) { os.Exit(postgrestest.Main(m)) }
//
// Without it the server still ends with the process, only less tidily: nobody waits for it.
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

// NewDatabase returns the URL of a new, empty database that belongs to this test and is dropped at its end,
// whoever is still connected. Without PostgreSQL on this machine the test is skipped (see [RequireVariable]).
func NewDatabase(t testing.TB) (url string) {
	t.Helper()
	server, err := process.get()
	if err != nil {
		missing(t, err)
	}
	return server.NewDatabase(t)
}

// NewDatabaseFrom returns the URL of a new database that is a copy of the template called name, dropped at the
// test's end. The template is made by prepare, once per process and name: prepare gets the URL of an empty
// database, typically brings it to the current schema, and must close its connections. An error of prepare fails
// every test that asks for this template.
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
		// Nobody may connect any more: PostgreSQL refuses to copy a database that is in use.
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
		s.server, s.err = start()
	}
	return s.server, s.err
}

// template returns the entry of the template with this name.
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

// missing ends the test: skipped where PostgreSQL is not installed and not required, failed otherwise.
func missing(t testing.TB, err error) {
	t.Helper()
	if errors.Is(err, errNotInstalled) && os.Getenv(RequireVariable) != "1" {
		t.Skipf("skipped: %v", err)
	}
	t.Fatalf("postgrestest: %v", err)
}
