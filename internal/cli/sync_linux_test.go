package cli_test

import (
	"context"
	"regexp"
	"strings"
	"testing"

	"fullsync/api/spec"
	"fullsync/internal/auth"
	"fullsync/internal/nodetest"
)

// TestCtrlCAsks: a person who follows a sync decides what Ctrl-C does.
func TestCtrlCAsks(t *testing.T) {
	t.Parallel()
	const question = "Cancel the sync (c), only stop watching it (w), or go on watching (Enter)? "
	for _, c := range []struct {
		typed, says string
		code        int
		status      spec.SessionStatus
	}{
		{"w", "the sync goes on unwatched; see fullsync sync status ", 130, spec.TRANSFERRING},
		{"", "COMPLETED, 100 %", 0, spec.COMPLETED},
		{"c", "Cancelled by olga", 3, spec.CANCELLED},
	} {
		pair := nodetest.NewPair(t, nodetest.SQLite, 300, nodetest.Config{})
		env := callerOf(pair.Main, auth.RoleOperator)
		gate := pair.Wire.HoldPage(t, nodetest.ProductsPath, 2)
		ctx, interrupt := context.WithCancel(t.Context())
		p := onTerminal(t, ctx, env, "sync", "pull", "branch", "--follow", "--batch-size", "100")
		nodetest.Await(t, "the second page", gate.Reached)
		p.screen.await(t, regexp.QuoteMeta("[#######.................]  33 %  Transferring 300 products  100 of 300"))
		interrupt()
		p.screen.await(t, regexp.QuoteMeta(question))
		if _, err := p.person.WriteString(c.typed + "\n"); err != nil {
			t.Fatal(err)
		}
		if c.typed == "" {
			gate.Open()
		}
		p.screen.await(t, c.says)
		if code := <-p.code; code != c.code {
			t.Errorf("%q: exit code %d, want %d\n%s", c.typed, code, c.code, p.screen)
		}
		sessions := strings.Fields(run(t, env, "sync", "status").must(t).out)
		if status := strings.TrimSuffix(sessions[1], ","); status != string(c.status) {
			t.Errorf("%q: the sync is %s, want %s", c.typed, status, c.status)
		}
	}
}
