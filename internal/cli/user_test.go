package cli_test

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
)

const (
	goodPassword  = "correct horse battery"
	otherPassword = "another horse battery"
)

// typed runs a command with the given standard input.
func typed(t *testing.T, env environment, line string, args ...string) result {
	t.Helper()
	return runWith(t.Context(), env, strings.NewReader(line), args...)
}

// signIn sends a login and returns the status and the token.
func signIn(t *testing.T, url, name, password string) (int, string) {
	t.Helper()
	status, answer := caller{url: url}.call(t, http.MethodPost, "/api/auth/login", object{"name": name, "password": password})
	token, _ := answer["token"].(string)
	return status, token
}

func TestUserCommands(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, env environment) {
		// All this works before the node's first start.
		typed(t, env, goodPassword+"\n", "user", "add", "Alice", "--role", "operator").wants(t, 0, "user Alice may sign in as operator")
		typed(t, env, goodPassword+"\r\nmore\n", "user", "add", "bob", "--role", "admin").wants(t, 0, "user bob may sign in as admin")
		typed(t, env, goodPassword, "user", "add", "aLiCe", "--role", "viewer").wants(t, 1, "There is a user aLiCe already")
		list := run(t, env, "user", "list").must(t)
		if want := "NAME   ROLE      STATE    LAST LOGIN\nAlice  operator  enabled  never\nbob    admin     enabled  never\n"; list.out != want || list.err != "" {
			t.Errorf("the list is\n%s%s", list.out, list.err)
		}

		run(t, env, "user", "remove", "bob").wants(t, 1, "bob is the last administrator who may sign in. Make somebody else an administrator first.")
		run(t, env, "user", "end-logins", "Bob").wants(t, 0, "user bob must sign in again; every login has ended")
		run(t, env, "user", "disable", "ALICE").wants(t, 0, "user Alice is disabled; every login has ended")
		run(t, env, "user", "role", "alice", "viewer").wants(t, 0, "user Alice is viewer")
		typed(t, env, otherPassword+"\n", "user", "passwd", "alice").wants(t, 0, "user Alice has the new password; every login has ended")
		if list := run(t, env, "user", "list").must(t); !strings.Contains(list.out, "Alice  viewer  disabled  never\n") {
			t.Errorf("the list is\n%s", list.out)
		}
		run(t, env, "user", "enable", "alice").wants(t, 0, "user Alice may sign in")
		var all struct{ Users []object }
		if err := json.Unmarshal([]byte(run(t, env, "user", "list", "--json").must(t).out), &all); err != nil || len(all.Users) != 2 ||
			all.Users[0]["name"] != "Alice" || all.Users[0]["disabled"] != false || all.Users[0]["lastLoginAt"] != nil || len(all.Users[0]) != 5 {
			t.Errorf("%v, %v", all, err)
		}

		typed(t, env, goodPassword, "user", "add", "carl", "--role", "viewer").wants(t, 0, "")
		run(t, env, "user", "remove", "Carl").wants(t, 0, "user carl is removed; every login has ended")

		for name, c := range map[string]struct {
			line string
			args []string
			want string
		}{
			"unknown":      {goodPassword, []string{"passwd", "nobody"}, "There is no user nobody"},
			"nobody's":     {"", []string{"role", "nobody", "admin"}, "There is no user nobody"},
			"switched off": {"", []string{"disable", "nobody"}, "There is no user nobody"},
			"no password":  {"", []string{"passwd", "alice"}, "standard input is empty"},
			"empty line":   {"\n", []string{"passwd", "alice"}, "must have at least 8 characters"},
			"short":        {"1234567\n", []string{"add", "carol", "--role", "viewer"}, "must have at least 8 characters"},
			"long":         {strings.Repeat("p", 5000) + "\n", []string{"passwd", "alice"}, "must have at most 200 characters"},
			"the name":     {"bob@example.com\n", []string{"add", "Bob@example.com", "--role", "viewer"}, "must not be the name"},
			"bad name":     {goodPassword, []string{"add", "car ol", "--role", "viewer"}, "The name of a user must be"},
		} {
			r := typed(t, env, c.line, append([]string{"user"}, c.args...)...)
			r.wants(t, 1, c.want)
			if r.out != "" {
				t.Errorf("%s: standard output %q", name, r.out)
			}
		}
	})
}

func TestUserWrongUsage(t *testing.T) {
	t.Parallel()
	env := onSQLite(t)
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "fullsync user needs one of its subcommands"},
		{[]string{"delete"}, `unknown command "delete" for "fullsync user"`},
		{[]string{"add"}, "accepts 1 arg(s), received 0"},
		{[]string{"add", "alice"}, "--role must be viewer, operator or admin"},
		{[]string{"add", "alice", "--role", "node"}, "--role must be viewer, operator or admin"},
		{[]string{"add", "alice", "--role", "viewer", "--password", "hunter2 hunter2"}, "unknown flag: --password"},
		{[]string{"passwd", "alice", "hunter2 hunter2"}, "accepts 1 arg(s), received 2"},
		{[]string{"role", "alice"}, "accepts 2 arg(s), received 1"},
		{[]string{"role", "alice", "root"}, "the role must be viewer, operator or admin"},
	} {
		r := run(t, env, append([]string{"user"}, c.args...)...)
		r.wants(t, 2, c.want)
		if strings.Contains(r.err+r.out, "hunter2") {
			t.Errorf("%v repeats the password:\n%s", c.args, r.err)
		}
	}
	for _, args := range [][]string{{"list"}, {"passwd", "a"}, {"disable", "a"}, {"role", "a", "viewer"}} {
		run(t, env, append([]string{"user"}, args...)...).wants(t, 1, "There is no database fullsync.db")
	}
	if _, err := os.Stat(strings.TrimPrefix(env[0], "FULLSYNC_DATA_DIR=")); err == nil {
		t.Error("looking made a data directory")
	}
}

// TestServeMakesTheFirstUser: the first password is shown once and works. Neither it nor any other password appears in the
// log.
func TestServeMakesTheFirstUser(t *testing.T) {
	t.Parallel()
	program(t)
	onBoth(t, func(t *testing.T, env environment) {
		first := serve(t, env)
		password := first.err.await(t, `(?m)^      password  (\S+)$`)
		if !strings.Contains(first.err.String(), "\n      name      admin\n") {
			t.Errorf("the name is not shown:\n%s", first.err)
		}
		status, token := signIn(t, first.url, "admin", password)
		if status != http.StatusOK {
			t.Fatalf("with the password that was shown: %d", status)
		}
		if status, answer := (caller{url: first.url, token: token}).call(t, http.MethodGet, "/api/auth/me", nil); status != http.StatusOK || answer.at("user", "role") != "admin" {
			t.Errorf("me: %d %v", status, answer)
		}
		if status, _ := signIn(t, first.url, "admin", "a wrong password"); status != http.StatusUnauthorized {
			t.Errorf("a wrong password: %d", status)
		}
		if status, _ := signIn(t, first.url, "a-password-in-the-wrong-field", "x"); status != http.StatusUnauthorized {
			t.Errorf("a wrong name: %d", status)
		}

		// Use a real pipe on standard input while the node is running.
		change := exec.Command(program(t), "user", "passwd", "admin")
		change.Env, change.Stdin = env.with("PATH="+os.Getenv("PATH")), strings.NewReader(otherPassword+"\n")
		if out, err := change.CombinedOutput(); err != nil || strings.Contains(string(out), otherPassword) {
			t.Fatalf("%v\n%s", err, out)
		}
		if status, _ := signIn(t, first.url, "admin", password); status != http.StatusUnauthorized {
			t.Errorf("the old password: %d", status)
		}
		if status, _ := (caller{url: first.url, token: token}).call(t, http.MethodGet, "/api/auth/me", nil); status != http.StatusUnauthorized {
			t.Errorf("the token from before: %d", status)
		}
		status, second := signIn(t, first.url, "admin", otherPassword)
		if status != http.StatusOK {
			t.Errorf("the new password: %d", status)
		}
		if code := first.signal(t, os.Interrupt); code != 0 {
			t.Errorf("Ctrl-C: exit code %d", code)
		}
		log := first.err.String()
		if strings.Count(log, password) != 1 {
			t.Errorf("the first password is shown %d times", strings.Count(log, password))
		}
		for _, secret := range []string{"a wrong password", "wrong-field", otherPassword, token, second, strings.Split(token, ".")[2], "argon2id"} {
			if strings.Contains(log, secret) {
				t.Errorf("%q is in the log:\n%s", secret, log)
			}
		}
		if !strings.Contains(log, `msg="login failed" name=admin`) || !strings.Contains(log, `msg="signed in" name=admin`) {
			t.Errorf("logins are not in the log:\n%s", log)
		}

		if again := serve(t, env); strings.Contains(again.err.String(), "password") {
			t.Errorf("a second start shows another password:\n%s", again.err)
		}
	})
}

// TestDemoShowsAPassword that works.
func TestDemoShowsAPassword(t *testing.T) {
	t.Parallel()
	program(t)
	demo := launch(t, environment{"TMPDIR=" + t.TempDir()}, "demo", "--listen", "127.0.0.1:0", "--products", "1")
	password := demo.out.await(t, `/console/ in a browser, and sign in as admin with the password (\S+)\n`)
	url := demo.out.await(t, `export FULLSYNC_URL=(\S+)\n`)
	if status, token := signIn(t, url, "admin", password); status != http.StatusOK || token == "" {
		t.Errorf("with the password that was shown: %d", status)
	}
	if code := demo.signal(t, os.Interrupt); code != 0 {
		t.Errorf("Ctrl-C: exit code %d", code)
	}
}
