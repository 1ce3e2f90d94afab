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

// TestNamedTokens: a token is listed, and revoked without the API. One that is made offline is on no list.
func TestNamedTokens(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, env environment) {
		made := claims(t, token(t, env, "--role", "node", "--subject", "branch reads here", "--ttl", "8760h"))
		token(t, env, "--role", "admin", "--subject", "robot", "--offline")
		var all struct{ Tokens []object }
		list := run(t, env, "token", "list", "--json").must(t).out
		if err := json.Unmarshal([]byte(list), &all); err != nil || len(all.Tokens) != 1 || all.Tokens[0]["id"] != made["jti"] ||
			all.Tokens[0]["name"] != "branch reads here" || all.Tokens[0]["role"] != "node" || all.Tokens[0]["state"] != "active" || all.Tokens[0]["lastUsedAt"] != nil ||
			!strings.HasPrefix(all.Tokens[0]["createdBy"].(string), "cli:") {
			t.Fatalf("%s, %v", list, err)
		}
		id := all.Tokens[0]["id"].(string)
		run(t, env, "token", "revoke", id).wants(t, 0, "token "+id+" (branch reads here) works no longer")
		if table := run(t, env, "token", "list").must(t).out; !strings.Contains(table, id+"  branch reads here  node  revoked") {
			t.Errorf("the list is\n%s", table)
		}
		run(t, env, "token", "revoke", "nothing").wants(t, 1, "There is no token with this id")
	})
}

// TestOfflineTokenNeedsNoDatabase: with the node's id, the secret is enough.
func TestOfflineTokenNeedsNoDatabase(t *testing.T) {
	t.Parallel()
	env := append(onSQLite(t), "FULLSYNC_NODE_ID=main", "FULLSYNC_DATABASE_URL=postgres://nobody@127.0.0.1:1/nothing?connect_timeout=1")
	run(t, env, "token", "--role", "admin", "--subject", "alice").wants(t, 1, "With --offline, and FULLSYNC_NODE_ID set, a token can be made without it.")
	if c := claims(t, token(t, env, "--role", "admin", "--subject", "alice", "--offline")); c["sub"] != "alice" || c["aud"].([]any)[0] != "main" {
		t.Errorf("%v", c)
	}
}

func TestTokenWrongUsage(t *testing.T) {
	t.Parallel()
	env := onSQLite(t)
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "--role must be viewer, operator, admin, node or node-push"},
		{[]string{"--role", "root", "--subject", "a"}, "--role must be viewer, operator, admin, node or node-push"},
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
