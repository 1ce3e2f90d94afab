package cli_test

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// token makes a token with the command.
func token(t *testing.T, env environment, args ...string) string {
	t.Helper()
	r := run(t, env, append([]string{"token"}, args...)...).must(t)
	text, ok := strings.CutSuffix(r.out, "\n")
	if !ok || strings.ContainsAny(text, " \n") || strings.Count(text, ".") != 2 {
		t.Fatalf("standard output holds more than a token: %q", r.out)
	}
	return text
}

// claims reads what a token says without checking its signature.
func claims(t *testing.T, token string) object {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	var c object
	if err := json.Unmarshal(raw, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestToken(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, env environment) {
		first := run(t, env, "token", "--role", "admin", "--subject", "alice").must(t)
		secret := filepath.Join(strings.TrimPrefix(env[0], "FULLSYNC_DATA_DIR="), "secret")
		if info, err := os.Stat(secret); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the secret: %v, %v; want a file of mode 0600", info, err)
		}
		if !strings.Contains(first.err, "made a secret for this node in "+secret) {
			t.Errorf("the new secret is not announced: %q", first.err)
		}
		if again := run(t, env, "token", "--role", "admin", "--subject", "alice").must(t); again.err != "" {
			t.Errorf("with a secret there, it says %q", again.err)
		}
		c := claims(t, token(t, env, "--role", "viewer", "--subject", "bob"))
		node, _ := c["aud"].([]any)
		if c["sub"] != "bob" || c["role"] != "viewer" || c["exp"].(float64)-c["iat"].(float64) != 12*3600 || len(node) != 1 || c["jti"] == nil {
			t.Errorf("claims %v", c)
		}
		if again := claims(t, token(t, env, "--role", "viewer", "--subject", "bob")); again["aud"].([]any)[0] != node[0] {
			t.Errorf("the node was %v and is now %v", node, again["aud"])
		}
		c = claims(t, token(t, env, "--role", "node", "--subject", "main", "--ttl", "8760h"))
		if c["exp"].(float64)-c["iat"].(float64) != 8760*3600 {
			t.Errorf("claims %v", c)
		}
	})
}

func TestTokenWrongUsage(t *testing.T) {
	t.Parallel()
	env := onSQLite(t)
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "--role must be viewer, operator, admin or node"},
		{[]string{"--role", "root", "--subject", "a"}, "--role must be viewer, operator, admin or node"},
		{[]string{"--role", "admin"}, "--subject is missing"},
		{[]string{"--role", "node", "--subject", "main"}, "explicit --ttl"},
		{[]string{"--role", "admin", "--subject", "a", "--ttl", "-1h"}, "--ttl must be above zero"},
		{[]string{"--role", "admin", "--subject", "a", "--ttl", "soon"}, `invalid argument "soon"`},
		{[]string{"--role", "admin", "--subject", "a", "extra"}, `"extra"`},
	} {
		r := run(t, env, append([]string{"token"}, c.args...)...)
		r.wants(t, 2, c.want)
		if r.out != "" {
			t.Errorf("%v: standard output %q", c.args, r.out)
		}
	}
	if _, err := os.Stat(strings.TrimPrefix(env[0], "FULLSYNC_DATA_DIR=")); err == nil {
		t.Error("wrong usage made a data directory")
	}
}
