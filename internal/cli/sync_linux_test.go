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

// TestCtrlCCancelsAllThatAreFollowed: one question for all of them, and lines even on a terminal.
func TestCtrlCCancelsAllThatAreFollowed(t *testing.T) {
	t.Parallel()
	pair, env := newPusher(t, 100)
	other := alsoTo(t, pair, "other")
	gate := pair.Wire.HoldPage(t, nodetest.BatchesPath, 2)
	ctx, interrupt := context.WithCancel(t.Context())
	p := onTerminal(t, ctx, env, "sync", "push", "other", "branch", "--follow", "--batch-size", "30")
	nodetest.Await(t, "the second batch", gate.Reached)
	p.screen.await(t, regexp.QuoteMeta("push to branch:  30 %  Transferring 100 products  30 of 100"))
	p.screen.await(t, "COMPLETED, 100 %")
	interrupt()
	p.screen.await(t, regexp.QuoteMeta("Cancel the sync (c), only stop watching it (w), or go on watching (Enter)? "))
	if _, err := p.person.WriteString("c\n"); err != nil {
		t.Fatal(err)
	}
	p.screen.await(t, "Cancelled by olga")
	if code := <-p.code; code != 3 {
		t.Errorf("exit code %d, want 3\n%s", code, p.screen)
	}
	gate.Open()
	nodetest.SameCatalog(t, pair.Main, other, "main")

	// Two that run.
	held := nodetest.NewWire(t, other.URL())
	token := other.TokenFor("main", auth.RoleNodePush)
	pair.Main.ChangePeer("other", spec.PeerChange{Url: &held.URL, Token: &token})
	pair.Main.Put("main", "P-0000001", "another name")
	gates := []*nodetest.Gate{pair.Wire.HoldPage(t, nodetest.BatchesPath, 1), held.HoldPage(t, nodetest.BatchesPath, 1)}
	ctx, interrupt = context.WithCancel(t.Context())
	p = onTerminal(t, ctx, env, "sync", "push", "other", "branch", "--follow")
	for _, g := range gates {
		nodetest.Await(t, "a batch", g.Reached)
	}
	interrupt()
	p.screen.await(t, regexp.QuoteMeta("Cancel the syncs (c), only stop watching them (w), or go on watching (Enter)? "))
	if _, err := p.person.WriteString("c\n"); err != nil {
		t.Fatal(err)
	}
	p.screen.await(t, "(?s)Cancelled by olga.*Cancelled by olga")
	if code := <-p.code; code != 3 {
		t.Errorf("exit code %d, want 3\n%s", code, p.screen)
	}
	for _, g := range gates {
		g.Open()
	}
}
