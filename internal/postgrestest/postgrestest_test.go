package postgrestest

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"fullsync/internal/effort"
)

// childVariable tells a copy of this test binary to start a server, print its directory and wait to be killed.
const childVariable = "POSTGRESTEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		os.Exit(child())
	}
	os.Exit(Main(m))
}

func TestEveryTestHasItsOwnEmptyDatabase(t *testing.T) {
	t.Parallel()
	first, second := NewDatabase(t), NewDatabase(t)
	if first == second {
		t.Fatalf("two databases have one URL: %s", first)
	}
	run(t, first, "CREATE TABLE products (id text)")
	if n := query[int](t, second, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"); n != 0 {
		t.Errorf("a new database has %d tables, want none", n)
	}
}

func TestADatabaseIsDroppedAfterItsTest(t *testing.T) {
	t.Parallel()
	var url string
	t.Run("leaves its connection open", func(t *testing.T) {
		url = NewDatabase(t)
		connect(t, url)
	})
	if url == "" {
		t.Skip("no PostgreSQL")
	}
	if connection, err := pgx.Connect(t.Context(), url); err == nil {
		_ = connection.Close(t.Context())
		t.Error("the database is still there after its test")
	}
}

func TestATemplateIsPreparedOnceAndCloned(t *testing.T) {
	t.Parallel()
	NewDatabase(t) // skips where there is no PostgreSQL
	var prepared atomic.Int32
	prepare := func(url string) error {
		prepared.Add(1)
		connection, err := pgx.Connect(t.Context(), url)
		if err != nil {
			return err
		}
		_, err = connection.Exec(t.Context(), "CREATE TABLE products (id text); INSERT INTO products VALUES ('p-1')")
		return errors.Join(err, connection.Close(t.Context()))
	}
	name := rand.Text() // with -count=2 the process is the same and the template must be another
	urls := make([]string, 8)
	var all sync.WaitGroup
	for i := range urls {
		all.Go(func() { urls[i] = NewDatabaseFrom(t, name, prepare) })
	}
	all.Wait()
	run(t, urls[0], "DELETE FROM products")
	for _, url := range urls[1:] {
		if n := query[int](t, url, "SELECT count(*) FROM products"); n != 1 {
			t.Errorf("a clone holds %d products, want 1", n)
		}
	}
	if n := prepared.Load(); n != 1 {
		t.Errorf("the template was prepared %d times, want once", n)
	}
}

func TestTheDefaultCollationIsNotByteOrder(t *testing.T) {
	t.Parallel()
	url := NewDatabase(t)
	if !query[bool](t, url, "SELECT current_setting('server_version_num')::int >= 150000 AND EXISTS (SELECT FROM pg_collation WHERE collprovider = 'i')") {
		t.Skip("this PostgreSQL cannot have a language's collation as its default: older than 15 or without ICU")
	}
	if !query[bool](t, url, "SELECT 'a' < 'B' AND 'B' COLLATE \"C\" < 'a'") {
		t.Error("text sorts by bytes without COLLATE \"C\", which hides a forgotten one")
	}
}

func TestOneServerTakesManyConnections(t *testing.T) {
	t.Parallel()
	if n := query[int](t, NewDatabase(t), "SELECT setting::int FROM pg_settings WHERE name = 'max_connections'"); n < 200 {
		t.Errorf("max_connections is %d, want at least 200", n)
	}
}

func TestCommittedRowsOutliveRestartStopAndKill(t *testing.T) {
	t.Parallel()
	effort.SkipUnlessHeavy(t)
	server := Start(t)
	url := server.NewDatabase(t)
	run(t, url, "CREATE TABLE products (id text)")
	steps := []struct {
		name string
		do   func()
	}{
		{"restart", func() { server.Restart(t) }},
		{"stop and run", func() { server.Stop(t); refused(t, url); server.Run(t) }},
		{"kill and run", func() { server.Kill(t); refused(t, url); server.Run(t) }},
	}
	for i, step := range steps {
		open := connect(t, url)
		if _, err := open.Exec(t.Context(), "INSERT INTO products VALUES ($1)", step.name); err != nil {
			t.Fatal(err)
		}
		step.do()
		if err := open.Ping(t.Context()); err == nil {
			t.Errorf("%s: a connection from before still works", step.name)
		}
		if n := query[int](t, url, "SELECT count(*) FROM products"); n != i+1 {
			t.Errorf("%s: %d products are left, want %d", step.name, n, i+1)
		}
	}
}

func TestAReadOnlyServerTakesChangesOncePromoted(t *testing.T) {
	t.Parallel()
	effort.SkipUnlessHeavy(t)
	server := Start(t)
	url := server.NewDatabase(t)
	run(t, url, "CREATE TABLE products (id text)")
	server.Stop(t)
	server.RunReadOnly(t)
	open := connect(t, url)
	if _, err := open.Exec(t.Context(), "INSERT INTO products VALUES ('p-1')"); err == nil {
		t.Error("a read-only server took a change")
	}
	server.Promote(t)
	if _, err := open.Exec(t.Context(), "INSERT INTO products VALUES ('p-1')"); err != nil {
		t.Error(err)
	}
}

func TestAFrozenServerAnswersOnceThawed(t *testing.T) {
	t.Parallel()
	server := Start(t)
	open := connect(t, server.NewDatabase(t))
	thaw := server.Freeze(t)
	answered := make(chan error, 1)
	go func() { answered <- open.Ping(context.Background()) }()
	select {
	case err := <-answered:
		t.Errorf("a frozen server answered: %v", err)
	case <-time.After(50 * time.Millisecond):
		thaw()
		if err := <-answered; err != nil {
			t.Error(err)
		}
	}
	thaw()
}

func TestAStoppedServerLeavesNothing(t *testing.T) {
	t.Parallel()
	var server *Server
	t.Run("uses one", func(t *testing.T) {
		server = Start(t)
		server.NewDatabase(t)
	})
	if server == nil {
		t.Skip("no PostgreSQL")
	}
	if _, err := os.Stat(server.dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the server's directory is still there: %v", err)
	}
	if err := server.close(); err != nil {
		t.Errorf("closing twice: %v", err)
	}
}

// A killed test process cannot clean up, so the leash has to.
func TestAKilledTestProcessLeavesNothing(t *testing.T) {
	t.Parallel()
	effort.SkipUnlessHeavy(t)
	NewDatabase(t) // skips where there is no PostgreSQL
	self := exec.Command(os.Args[0])
	self.Env = append(os.Environ(), childVariable+"=1")
	output, err := self.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := self.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		t.Fatalf("reading the server's directory: %v", err)
	}
	if err := self.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = self.Wait() // it was killed
	dir := strings.TrimSpace(line)
	deadline, tick := time.After(patience), time.NewTicker(10*time.Millisecond)
	defer tick.Stop()
	for {
		if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("the server's directory is still there a minute after its tests were killed")
		}
	}
}

func TestMissingPostgreSQLSkipsUnlessRequired(t *testing.T) {
	for _, c := range []struct {
		required string
		err      error
		want     string
	}{
		{"", errNotInstalled, "skip"},
		{"1", errNotInstalled, "fatal"},
		{"", errors.New("initdb: no space left"), "fatal"},
	} {
		t.Setenv(RequireVariable, c.required)
		fake := &recorder{TB: t}
		missing(fake, c.err)
		if fake.did != c.want {
			t.Errorf("required=%q, %v: the test's end is %q, want %q", c.required, c.err, fake.did, c.want)
		}
		if !strings.Contains(fake.said, c.err.Error()) {
			t.Errorf("the reason is missing in %q", fake.said)
		}
	}
	if !strings.Contains(errNotInstalled.Error(), "apt-get install postgresql") {
		t.Error("the reason does not say what to install")
	}
}

func TestTheNewestVersionIsTaken(t *testing.T) {
	t.Parallel()
	for dir, want := range map[string]int{
		"/usr/lib/postgresql/9.6/bin":             0,
		"/usr/lib/postgresql/15/bin":              15,
		"/usr/pgsql-17/bin":                       17,
		"/opt/homebrew/opt/postgresql@16/bin":     16,
		"/opt/homebrew/opt/postgresql@latest/bin": 0,
	} {
		if got := majorVersion(dir); got != want {
			t.Errorf("majorVersion(%q) = %d, want %d", dir, got, want)
		}
	}
}

// recorder records how a test would have ended, without ending it.
type recorder struct {
	testing.TB
	did, said string
}

func (r *recorder) Helper() {}

func (r *recorder) Skipf(format string, args ...any) { r.note("skip", format, args) }

func (r *recorder) Fatalf(format string, args ...any) { r.note("fatal", format, args) }

func (r *recorder) note(did, format string, args []any) {
	if r.did == "" { // a real test would have ended at the first
		r.did, r.said = did, fmt.Sprintf(format, args...)
	}
}
