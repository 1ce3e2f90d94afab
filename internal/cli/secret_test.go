package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSecretRotate: a secret in the data directory is replaced there; a configured one is printed, and somebody has to configure it.
func TestSecretRotate(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, env environment) {
		run(t, env, "secret", "rotate").wants(t, 1, "database")
		token(t, env, "--role", "admin", "--subject", "alice") // makes the database and the secret
		file := filepath.Join(strings.TrimPrefix(env[0], "FULLSYNC_DATA_DIR="), "secret")
		read := func() string {
			t.Helper()
			text, err := os.ReadFile(file)
			if info, statErr := os.Stat(file); err != nil || statErr != nil || info.Mode().Perm() != 0o600 {
				t.Fatalf("%v, %v", err, statErr)
			}
			return strings.TrimSpace(string(text))
		}
		first := read()
		r := run(t, env, "secret", "rotate", "--announce", "0")
		r.wants(t, 0, "The node has a new secret; it seals 0 peer tokens. What was signed with the old one is good for another 24h0m0s.")
		if r.out != "" || read() == first || strings.Contains(r.err, read()) {
			t.Errorf("the secret was %s and is %s; it says %q", first, read(), r.out)
		}
		typed(t, env, "not base64, but long enough for anybody", "secret", "rotate", "--announce", "0", "--new-secret-file", "-").wants(t, 1, "it must be base64 of at least 32 bytes")

		configured := env.with("FULLSYNC_JWT_SECRET=" + read())
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		r = run(t, configured, "secret", "rotate", "--announce", "0", "--keep", "0")
		r.wants(t, 0, "Put the new secret into FULLSYNC_JWT_SECRET on every replica before that time is over.")
		made := strings.TrimSuffix(r.out, "\n")
		if len(made) != 44 || strings.ContainsAny(made, " \n") {
			t.Errorf("standard output holds more than a secret: %q", r.out)
		}
		run(t, configured, "secret", "rotate", "--announce", "0").wants(t, 1, "The secret does not fit this database")
		given := strings.Repeat("given-", 6)
		r = typed(t, env.with("FULLSYNC_JWT_SECRET="+made), given+"\n", "secret", "rotate", "--announce", "0", "--new-secret-file", "-")
		if r.wants(t, 0, "The node has a new secret"); r.out != "" {
			t.Errorf("it repeats a secret that was given: %q", r.out)
		}
		run(t, env.with("FULLSYNC_JWT_SECRET="+given), "doctor").wants(t, 0, "It fits the database.")
		run(t, env.with("FULLSYNC_JWT_SECRET="+made), "doctor").wants(t, 0, "It was replaced by another one and retires soon.")
		if log := run(t, env, "audit", "--action", "secret").must(t).out; strings.Count(log, "secret.rotated") != 3 || strings.Contains(log, made) {
			t.Errorf("the audit log has\n%s", log)
		}
		run(t, env, "secret", "rotate", "--keep", "-1h").wants(t, 2, "--keep and --announce must be 0 or more")
	})
}
