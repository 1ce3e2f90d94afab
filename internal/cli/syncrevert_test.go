package cli_test

import (
	"strings"
	"testing"

	"fullsync/internal/auth"
	"fullsync/internal/nodetest"
)

func TestSyncRevert(t *testing.T) {
	t.Parallel()
	pair, env := newPusher(t, 100)
	there := callerOf(pair.Branch, auth.RoleOperator)
	id := sessionIn(t, run(t, env, "sync", "push", "branch", "--follow", "--json")).SessionId.String()
	run(t, env, "sync", "revert", id).wants(t, 1, "Cannot revert sync: It changed products at branch, and only that node can put them back. Revert session "+id+" there.")
	run(t, env, "sync", "revert", "last").wants(t, 2, "is not a session id")
	pair.Branch.Put("main", "P-0000001", "changed since")
	r := run(t, there, "sync", "revert", id, "--follow")
	r.wants(t, 5, "sync      revert of "+id+", catalog main")
	r.wants(t, 5, "1 of 100 products was left alone")
	run(t, there, "sync", "revert", id).wants(t, 0, "revert of "+id+", catalog main, has started")
	run(t, there, "sync", "status", "--follow").wants(t, 5, "0 deleted, 1 refused")
	list := strings.Join(strings.Fields(run(t, there, "sync", "list").must(t).out), " ")
	if strings.Count(list, "revert of "+id+" main 99 ") != 2 {
		t.Errorf("the list does not say that one revert took 99 products away, and that the other found it done: %s", list)
	}

	pair.Branch.Delete("main", "P-0000001")
	gate := pair.Wire.HoldPage(t, nodetest.BatchesPath, 2)
	s := strings.TrimSpace(run(t, env, "sync", "push", "branch", "--batch-size", "10").must(t).out)
	nodetest.Await(t, "the second batch", gate.Reached)
	run(t, env, "sync", "cancel", s, "--revert").wants(t, 0, "At branch, session ")
	gate.Open()
	run(t, there, "sync", "status", "--follow").wants(t, 0, "10 deleted, 0 refused")
	if n := pair.Branch.Count("main"); n != 0 {
		t.Errorf("%d products are left", n)
	}
}
