package postgrestest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"fullsync/internal/leash"
)

const (
	superuser = "postgres"
	port      = "5432" // only part of the socket's name: the server has no network address
)

// The signals that tell PostgreSQL's main process how to stop.
const (
	stopFast      = syscall.SIGINT
	stopImmediate = syscall.SIGQUIT
)

// start makes a data directory and runs a server on it. It returns errNotInstalled if there are no binaries.
func start() (_ *Server, err error) {
	binaries, ok := findBinaries()
	if !ok || !supported {
		return nil, errNotInstalled
	}
	dir, err := makeDir()
	if err != nil {
		return nil, err
	}
	s := &Server{binaries: binaries, dir: dir}
	if s.leash, err = newLeash(dir); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if err = s.initialise(); err == nil {
		err = s.run(false)
	}
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// findBinaries returns the directory that holds initdb and postgres: the one in PATH, or else the newest version in the
// places where packages usually put them.
func findBinaries() (string, bool) {
	if initdb, err := exec.LookPath("initdb"); err == nil {
		// Some packages link only initdb into PATH; the other programs are where that link points.
		if target, err := filepath.EvalSymlinks(initdb); err == nil && hasServer(filepath.Dir(target)) {
			return filepath.Dir(target), true
		}
	}
	var found []string
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin", "/usr/local/opt/postgresql@*/bin",
	} {
		matches, _ := filepath.Glob(pattern) // the only error is a malformed pattern
		found = append(found, matches...)
	}
	found = slices.DeleteFunc(found, func(dir string) bool { return !hasServer(dir) })
	if len(found) == 0 {
		return "", false
	}
	return slices.MaxFunc(found, func(a, b string) int { return majorVersion(a) - majorVersion(b) }), true
}

// hasServer reports whether dir holds both programs.
func hasServer(dir string) bool {
	for _, name := range []string{"initdb", "postgres"} {
		if _, err := exec.LookPath(filepath.Join(dir, name)); err != nil {
			return false
		}
	}
	return true
}

// majorVersion returns the number in a path such as /usr/lib/postgresql/15/bin, or 0.
func majorVersion(dir string) int {
	name := filepath.Base(filepath.Dir(dir))
	name = name[strings.LastIndexAny(name, "-@")+1:]
	number, err := strconv.Atoi(name)
	if err != nil {
		return 0
	}
	return number
}

// makeDir makes the server's private directory, in memory if there is room, owned by the user the server runs as. Its path
// must be short, because a unix socket's path is limited to about a hundred bytes.
func makeDir() (string, error) {
	dir, err := os.MkdirTemp(parentDir(), "fspg-")
	if err != nil {
		return "", fmt.Errorf("making a directory for PostgreSQL: %w", err)
	}
	if err := giveToServer(dir); err != nil {
		return "", errors.Join(fmt.Errorf("giving PostgreSQL its directory: %w", err), os.RemoveAll(dir))
	}
	return dir, nil
}

// initialise runs initdb. If this PostgreSQL can, it makes a language's collation (en-US) the default: then a comparison
// that forgets COLLATE "C" sorts differently, as it would in a shop's database.
func (s *Server) initialise() error {
	common := []string{"-D", s.data(), "-U", superuser, "-A", "trust", "-N", "-E", "UTF8", "--locale=C.UTF-8"}
	icu := append(slices.Clone(common), "--locale-provider=icu", "--icu-locale=en-US")
	var output []byte
	var err error
	for _, arguments := range [][]string{icu, common} {
		var command *exec.Cmd
		if command, err = s.program("initdb", arguments...); err != nil {
			return err
		}
		if output, err = command.CombinedOutput(); err == nil {
			return nil
		}
	}
	return fmt.Errorf("initdb: %w\n%s", err, output)
}

// program returns a PostgreSQL command that runs in the server's directory as the server's user. The test's environment
// does not affect it.
func (s *Server) program(name string, arguments ...string) (*exec.Cmd, error) {
	attributes, err := serverProcess()
	if err != nil {
		return nil, err
	}
	command := exec.Command(filepath.Join(s.binaries, name), arguments...)
	command.Dir = s.dir
	command.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC"}
	command.SysProcAttr = attributes
	return command, nil
}

// data returns the data directory.
func (s *Server) data() string { return filepath.Join(s.dir, "data") }

// run launches the server and waits until it accepts connections. With again, it keeps launching a server that ends at
// once, until patience runs out: after Kill, processes of the old server may still be around.
func (s *Server) run(again bool) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	retry := time.NewTicker(20 * time.Millisecond)
	defer retry.Stop()
	for {
		exited, err := s.launch()
		if err != nil {
			return err
		}
		if s.waitReady(ctx, exited, retry) {
			return nil
		}
		if !again || ctx.Err() != nil {
			return fmt.Errorf("PostgreSQL did not start:\n%s", s.log())
		}
		select {
		case <-ctx.Done():
		case <-retry.C:
		}
	}
}

// launch starts the server's main process. It returns an error if that is running already.
func (s *Server) launch() (exited <-chan struct{}, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.command != nil {
		return nil, errors.New("PostgreSQL is running already")
	}
	// fsync is off, because nothing here has to survive a power cut. synchronous_commit stays on: without it a killed
	// server forgets commits, and tests kill servers. 300 connections are enough for a few nodes with fifty callers each.
	command, err := s.program("postgres", "-D", s.data(), "-k", s.dir, "-p", port,
		"-c", "listen_addresses=", "-c", "max_connections=300",
		"-c", "fsync=off", "-c", "full_page_writes=off")
	if err != nil {
		return nil, err
	}
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening PostgreSQL's log: %w", err)
	}
	command.Stdout, command.Stderr = log, log
	err = command.Start()
	if closing := log.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return nil, fmt.Errorf("starting PostgreSQL: %w", err)
	}
	done := make(chan struct{})
	s.command, s.exited = command, done
	go func() {
		_ = command.Wait() // how it ended is in its log
		// A killed server leaves this file behind, and by the time the leash reads it the number in it may be another
		// process's.
		_ = os.Remove(filepath.Join(s.data(), "postmaster.pid"))
		s.mu.Lock()
		s.command = nil
		s.mu.Unlock()
		close(done)
	}()
	return done, nil
}

// waitReady returns true once the server accepts connections, and false if the server or ctx ends first.
func (s *Server) waitReady(ctx context.Context, exited <-chan struct{}, retry *time.Ticker) bool {
	for {
		if connection, err := pgx.Connect(ctx, s.URL("postgres")); err == nil {
			return connection.Close(ctx) == nil
		}
		select {
		case <-exited:
			return false
		case <-ctx.Done():
			return false
		case <-retry.C:
		}
	}
}

// signal tells the server's main process to end in a certain way and waits until it has. The server need not be running.
func (s *Server) signal(how os.Signal) error {
	s.mu.Lock()
	command, exited := s.command, s.exited
	s.mu.Unlock()
	if command == nil {
		return nil
	}
	if err := command.Process.Signal(how); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-exited:
		return nil
	case <-time.After(patience):
		return fmt.Errorf("PostgreSQL is still running a minute after it was told to stop:\n%s", s.log())
	}
}

// running reports whether the server's main process is running.
func (s *Server) running() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.command != nil
}

// afterwards is the leash's script. Its read ends with the tests. Its wait is bounded, because on a machine whose init
// reaps no orphans the process number never goes away.
const afterwards = `
read -r _
pid=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null)
if [ -n "$pid" ]; then
	kill -QUIT "$pid" 2>/dev/null
	tries=0
	while kill -0 "$pid" 2>/dev/null && [ "$tries" -lt 50 ]; do
		sleep 0.1
		tries=$((tries + 1))
	done
fi
rm -rf "$1"
`

// newLeash returns a leash that stops the server in dir and removes the directory when the tests have ended.
func newLeash(dir string) (*leash.Leash, error) {
	attributes, err := serverProcess()
	if err != nil {
		return nil, err
	}
	return leash.New(attributes, afterwards, dir)
}
