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
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"fullsync/internal/leash"
)

// RequireBouncerVariable names an environment variable. If it is set to 1, a test that needs PgBouncer fails instead of
// being skipped where there is none.
const RequireBouncerVariable = "FULLSYNC_REQUIRE_PGBOUNCER"

// errNoBouncer means that this machine has no PgBouncer.
var errNoBouncer = errors.New("no PgBouncer found (pgbouncer, in PATH or in /usr/sbin); install it with: apt-get install pgbouncer")

// Bounce starts a PgBouncer in front of a server and returns the URL through it of the database at databaseURL, which
// [NewDatabase] returned. settings are lines for its configuration, such as "pool_mode = session". PgBouncer stops when the
// test ends. On a machine without PgBouncer the test is skipped (see [RequireBouncerVariable]).
func Bounce(t testing.TB, databaseURL string, settings ...string) (bouncedURL string) {
	t.Helper()
	program, err := findBouncer()
	if err != nil {
		if os.Getenv(RequireBouncerVariable) != "1" {
			t.Skipf("skipped: %v", err)
		}
		t.Fatalf("postgrestest: %v", err)
	}
	dir, err := makeDir()
	if err != nil {
		t.Fatalf("postgrestest: %v", err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("postgrestest: removing PgBouncer's directory: %v", err)
		}
	})
	direct, err := url.Parse(databaseURL)
	if err == nil {
		err = configureBouncer(dir, direct.Query().Get("host"), settings)
	}
	if err == nil {
		err = runBouncer(t, program, dir)
	}
	if err != nil {
		t.Fatalf("postgrestest: starting PgBouncer: %v", err)
	}
	query := direct.Query()
	query.Set("host", dir)
	direct.RawQuery = query.Encode()
	if err := waitForBouncer(direct.String()); err != nil {
		text, _ := os.ReadFile(filepath.Join(dir, "log"))
		t.Fatalf("postgrestest: PgBouncer did not start: %v\n%s", err, text)
	}
	return direct.String()
}

func findBouncer() (string, error) {
	for _, name := range []string{"pgbouncer", "/usr/sbin/pgbouncer"} {
		if path, err := exec.LookPath(name); err == nil && supported {
			return path, nil
		}
	}
	return "", errNoBouncer
}

// configureBouncer writes a configuration that lets anybody in as the superuser, on a socket in dir.
func configureBouncer(dir, serverDir string, settings []string) error {
	lines := append([]string{
		"[databases]", "* = host=" + serverDir + " port=" + port + " user=" + superuser,
		"[pgbouncer]", "listen_addr =", "listen_port = " + port, "unix_socket_dir = " + dir, "auth_type = any",
		"logfile = " + filepath.Join(dir, "log"), "pidfile = " + filepath.Join(dir, "pid"),
	}, settings...)
	path := filepath.Join(dir, "pgbouncer.ini")
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		return err
	}
	return giveToServer(path)
}

// runBouncer starts PgBouncer, and a leash that ends it if this process is killed.
func runBouncer(t testing.TB, program, dir string) error {
	attributes, err := serverProcess()
	if err != nil {
		return err
	}
	command := exec.Command(program, "-q", filepath.Join(dir, "pgbouncer.ini"))
	command.Dir, command.Env, command.SysProcAttr = dir, []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C"}, attributes
	if err := command.Start(); err != nil {
		return err
	}
	tether, err := leash.New(attributes, `read -r _; kill -TERM "$1" 2>/dev/null; rm -rf "$2"`, fmt.Sprint(command.Process.Pid), dir)
	if err != nil {
		return errors.Join(err, command.Process.Kill(), command.Wait())
	}
	t.Cleanup(func() {
		_ = tether.Release()
		_ = command.Wait() // it was told to end
	})
	return nil
}

// waitForBouncer waits until PgBouncer accepts connections.
func waitForBouncer(address string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	retry := time.NewTicker(10 * time.Millisecond)
	defer retry.Stop()
	for {
		connection, err := pgx.Connect(ctx, address)
		if err == nil {
			return connection.Close(ctx)
		}
		select {
		case <-ctx.Done():
			return err
		case <-retry.C:
		}
	}
}
