package cli_test

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestAudit: what the commands do is in the log, with who ran them, and is read without the API.
func TestAudit(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, env environment) {
		typed(t, env, goodPassword+"\n", "user", "add", "alice", "--role", "operator").wants(t, 0, "")
		run(t, env, "user", "role", "alice", "viewer").must(t)
		token(t, env, "--role", "viewer", "--subject", "robot")
		var log struct{ Entries []object }
		text := run(t, env, "audit", "--json").must(t).out
		if err := json.Unmarshal([]byte(text), &log); err != nil || len(log.Entries) != 3 {
			t.Fatalf("%s, %v", text, err)
		}
		for i, action := range []string{"token.created", "user.changed", "user.added"} {
			e := log.Entries[i]
			if e["action"] != action || e["kind"] != "cli" || !strings.HasPrefix(e["actor"].(string), "cli:") || e["address"] != nil || len(e) != 10 {
				t.Errorf("%v, want %s", e, action)
			}
		}
		if e := log.Entries[1]; e["before"].(map[string]any)["role"] != "operator" || e["after"].(map[string]any)["role"] != "viewer" || e["target"] != "alice" {
			t.Errorf("%v", e)
		}
		for args, want := range map[string]int{"--limit 1": 1, "--limit 0": 3, "--action user": 2, "--target alice --action user.added": 1, "--after 2100-01-01T00:00:00Z": 0, "--actor nobody": 0} {
			table := run(t, env, append([]string{"audit"}, strings.Fields(args)...)...).must(t).out
			if lines := strings.Count(table, "\n"); lines != want+1 || !strings.HasPrefix(table, "AT") {
				t.Errorf("%s: %d entries, want %d:\n%s", args, lines-1, want, table)
			}
		}
		run(t, env, "audit", "--after", "yesterday").wants(t, 2, "--after and --before take a time")
		run(t, env, "audit", "--limit", "-1").wants(t, 2, "--limit must be 0 or more")
	})
}
