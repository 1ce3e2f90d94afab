package cli_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestWrongUsage(t *testing.T) {
	t.Parallel()
	const id = "5245ddc7-7ac1-4b5a-8e0a-f50ea1e6d186"
	for _, c := range []struct {
		args []string
		want string
		hint string
	}{
		{[]string{"nonsense"}, `unknown command "nonsense" for "fullsync"`, "Run fullsync --help"},
		{[]string{"--nonsense"}, "unknown flag: --nonsense", "Run fullsync --help"},
		{[]string{"catalog"}, "fullsync catalog needs one of its subcommands", "Run fullsync catalog --help"},
		{[]string{"catalog", "nonsense"}, `unknown command "nonsense" for "fullsync catalog"`, "Run fullsync catalog --help"},
		{[]string{"catalog", "import"}, "accepts 1 arg(s), received 0", "Run fullsync catalog import --help"},
		{[]string{"catalog", "import", "a", "b"}, "accepts 1 arg(s), received 2", "Run fullsync catalog import --help"},
		{[]string{"catalog", "import", "--catalog", "a/b", "-"}, "atalog", "Run fullsync catalog import --help"},
		{[]string{"catalog", "export", "a", "b"}, "accepts at most 1 arg(s)", "Run fullsync catalog export --help"},
		{[]string{"catalog", "digest", "main"}, `unknown command "main" for "fullsync catalog digest"`, "Run fullsync catalog digest --help"},
		{[]string{"catalog", "check", "--repair=7"}, `invalid argument "7"`, "Run fullsync catalog check --help"},
		{[]string{"catalog", "check", "--catalog", "a/b"}, "atalog", "Run fullsync catalog check --help"},
		{[]string{"serve", "extra"}, `unknown command "extra" for "fullsync serve"`, "Run fullsync serve --help"},
		{[]string{"serve", "--listen"}, "flag needs an argument: --listen", "Run fullsync serve --help"},
		{[]string{"migrate", "up"}, `unknown command "up" for "fullsync migrate"`, "Run fullsync migrate --help"},
		{[]string{"demo", "--products", "-1"}, "must not be negative", "Run fullsync demo --help"},
		{[]string{"demo", "--rate", "-1"}, "must not be negative", "Run fullsync demo --help"},
		{[]string{"demo", "--rate", "fast"}, `invalid argument "fast"`, "Run fullsync demo --help"},
		{[]string{"demo", "--listen", "8080"}, "--listen must be an address and port such as 127.0.0.1:8080", "Run fullsync demo --help"},
		{[]string{"demo", "--listen", "127.0.0.1:65535"}, "--listen must be", "Run fullsync demo --help"},
		{[]string{"sync"}, "fullsync sync needs one of its subcommands", "Run fullsync sync --help"},
		{[]string{"sync", "pull"}, "accepts 1 arg(s), received 0", "Run fullsync sync pull --help"},
		{[]string{"sync", "push"}, "requires at least 1 arg(s), only received 0", "Run fullsync sync push --help"},
		{[]string{"sync", "push", "branch", "other", "--timeout", "1ms"}, "--timeout must be at least 1s", "Run fullsync sync push --help"},
		{[]string{"sync", "pull", "branch", "--timeout", "1ms"}, "--timeout must be at least 1s", "Run fullsync sync pull --help"},
		{[]string{"sync", "status", "abc"}, `"abc" is not a session id`, "Run fullsync sync status --help"},
		{[]string{"sync", "list", "--count", "101"}, "--count must be from 1 to 100", "Run fullsync sync list --help"},
		{[]string{"sync", "approve-deletes", id, "none"}, `"none" is not a number of withheld deletes`, "Run fullsync sync approve-deletes --help"},
		{[]string{"cancel-stuck", "abc"}, `"abc" is not a session id`, "Run fullsync cancel-stuck --help"},
		{[]string{"cancel-stuck", id, id}, "accepts at most 1 arg(s)", "Run fullsync cancel-stuck --help"},
		{[]string{"cancel-stuck", "--all", id}, "not both", "Run fullsync cancel-stuck --help"},
	} {
		r := run(t, onSQLite(t), c.args...)
		if r.code != 2 || !strings.Contains(r.err, c.want) || !strings.Contains(r.err, c.hint+" to see how it is used.") {
			t.Errorf("%v: exit code %d, want 2, %q and %q in\n%s", c.args, r.code, c.want, c.hint, r.err)
		}
		if r.out != "" {
			t.Errorf("%v: wrong usage wrote to standard output: %s", c.args, r.out)
		}
	}
}

func TestHelpAndVersion(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{nil, {"--help"}, {"help"}} {
		r := run(t, nil, args...).must(t)
		for _, command := range []string{"serve", "demo", "migrate", "token", "user", "catalog", "sync", "cancel-stuck", "adopt-secret", "doctor", "sbom"} {
			if !strings.Contains(r.out, "\n  "+command+" ") {
				t.Errorf("the help of fullsync %v does not mention %s:\n%s", args, command, r.out)
			}
		}
	}
	if r := run(t, nil, "cancel-stuck", "--help").must(t); !strings.Contains(r.out, "--dry-run") || !strings.Contains(r.out, "FULLSYNC_STALE_AFTER") {
		t.Errorf("help of cancel-stuck:\n%s", r.out)
	}
	run(t, nil, "--version").wants(t, 0, runtime.Version()+", "+runtime.GOOS+"/"+runtime.GOARCH+")")
}

// A wrong setting stops every command with a sentence that names the variable and never shows a secret.
func TestAWrongVariableIsNamed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ set, name string }{
		{"FULLSYNC_LISTEN=here", "FULLSYNC_LISTEN must be an address and port"},
		{"FULLSYNC_STALE_AFTER=1s", "FULLSYNC_STALE_AFTER must be"},
		{"FULLSYNC_JWT_SECRET=tooshort", "FULLSYNC_JWT_SECRET must be at least 32 bytes"},
		{"FULLSYNC_DATABASE_URL=mysql://u:tooshort@h/db", "FULLSYNC_DATABASE_URL must be"},
	} {
		for _, args := range [][]string{
			{"serve"}, {"migrate"}, {"token", "--role", "admin", "--subject", "alice"},
			{"catalog", "export"}, {"catalog", "import", "-"}, {"cancel-stuck"},
		} {
			r := run(t, onSQLite(t).with(c.set), args...)
			r.wants(t, 1, c.name)
			if strings.Contains(r.err, "tooshort") || r.out != "" {
				t.Errorf("%s, %v: standard output %q, errors\n%s", c.set, args, r.out, r.err)
			}
		}
	}
	run(t, onSQLite(t), "serve", "--batch-size", "0").wants(t, 1, "FULLSYNC_BATCH_SIZE must be a whole number from 1 to 5000")
	run(t, onSQLite(t).with("FULLSYNC_BATCHSIZE=5"), "migrate").wants(t, 0, "FULLSYNC_BATCHSIZE is set but is not a variable")
}

// Commands that only look or clean up never change a schema.
func TestAnEmptyDatabaseIsLeftAlone(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, env environment) {
		for _, args := range [][]string{{"cancel-stuck"}, {"catalog", "export"}, {"catalog", "digest"}, {"catalog", "check", "--repair"}} {
			r := run(t, env, args...)
			if text := r.err; r.code != 1 || !strings.Contains(text, "Run fullsync migrate") && !strings.Contains(text, "There is no database fullsync.db") {
				t.Errorf("%v: exit code %d\n%s", args, r.code, text)
			}
		}
		if _, err := os.Stat(filepath.Join(strings.TrimPrefix(env[0], "FULLSYNC_DATA_DIR="), "fullsync.db")); err == nil {
			t.Error("looking made a database")
		}
		run(t, env, "migrate").wants(t, 0, "applied migration 1 (") // so nothing was there before
	})
}

func TestMigrate(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, env environment) {
		first := run(t, env, "migrate").must(t)
		if !strings.Contains(first.err, "applied migration 1 (") || !strings.Contains(first.err, "the database is up to date (") {
			t.Errorf("the first time:\n%s", first.err)
		}
		if again := run(t, env, "migrate").must(t); again.err != "the database is up to date already\n" {
			t.Errorf("the second time:\n%s", again.err)
		}
		run(t, env, "cancel-stuck").wants(t, 0, "No stuck session found; nothing to do.")
	})
}

// A command whose database does not answer says so, and does not show the password in the database's address.
func TestADatabaseThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	env := onSQLite(t).with("FULLSYNC_DATABASE_URL=postgres://u:verysecret@127.0.0.1:1/none")
	for _, args := range [][]string{{"serve"}, {"migrate"}, {"catalog", "import", "-"}, {"cancel-stuck"}} {
		r := run(t, env, args...)
		if r.code != 1 || strings.Contains(r.err, "verysecret") || !strings.Contains(strings.ToLower(r.err), "database") {
			t.Errorf("%v: exit code %d\n%s", args, r.code, r.err)
		}
	}
}
