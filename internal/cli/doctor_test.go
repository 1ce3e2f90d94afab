package cli_test

import "testing"

func TestDoctor(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, env environment) {
		env = env.with("FULLSYNC_LISTEN=127.0.0.1:0")
		run(t, env, "doctor").wants(t, 1, "fullsync: The node has 1 problem; see above.")
		run(t, env, "serve", "--check").wants(t, 0, "ok       database ")
		run(t, env, "migrate").must(t)
		run(t, env, "doctor").wants(t, 0, "ok       node         It has not started yet, and has no id.")
		run(t, env, "token", "--role", "viewer", "--subject", "a").must(t)
		r := run(t, env, "doctor", "--json").must(t)
		r.wants(t, 0, `"success": true`)
		r.wants(t, 0, `"subject": "secret"`)
	})
}
