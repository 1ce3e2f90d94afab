package app_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"fullsync/api/spec"
	"fullsync/internal/catalog"
	"fullsync/internal/nodetest"
)

// apply asks to apply a plan; more are further members of the request.
func apply(n *nodetest.Node, plan spec.SessionID, more string) nodetest.Answer {
	return n.Call("bob", http.MethodPost, nodetest.StartPath, fmt.Sprintf(`{"action":"pull","planId":%q%s}`, plan, more))
}

// planOf makes a dry run in which one product is updated, one deleted, and more are created.
func planOf(t *testing.T, pair *nodetest.Pair, more ...catalog.Product) spec.Session {
	t.Helper()
	pair.Main.Sync(nodetest.Pull{})
	held := pair.Branch.Products("main")
	renamed := held[3].Product
	renamed.Name = "New name"
	pair.Branch.Import("main", append(more, rehashed(renamed))...)
	removeProducts(t, pair, held[5])
	return pair.Main.Sync(nodetest.Pull{Options: spec.StartOptions{DryRun: new(true), DeleteMissing: new(true)}})
}

// TestApplyPlan: a plan is applied as it is, once, and by nobody who means another one.
func TestApplyPlan(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, 30, nodetest.Config{})
		other := pair.Main.Sync(nodetest.Pull{})
		plan := planOf(t, pair)
		for code, request := range map[string]nodetest.Answer{
			"PLAN_DIFFERS of peer":      apply(pair.Main, plan.SessionId, `,"targetPeer":"harbour"`),
			"PLAN_DIFFERS of catalog":   apply(pair.Main, plan.SessionId, `,"catalog":"garden"`),
			"PLAN_DIFFERS of direction": pair.Main.Call("bob", http.MethodPost, nodetest.StartPath, fmt.Sprintf(`{"action":"push","planId":%q}`, plan.SessionId)),
			"NOT_A_PLAN":                apply(pair.Main, other.SessionId, ""),
			"PLAN_NOT_FOUND":            apply(pair.Main, spec.SessionID{1}, ""),
		} {
			said, err := nodetest.Decode[spec.Error](request)
			if want, _, _ := strings.Cut(code, " "); request.Status != http.StatusConflict || err != nil || said.Code != want {
				t.Errorf("%s: %d %s", code, request.Status, request.Body)
			}
		}
		if a := apply(pair.Main, plan.SessionId, `,"options":{"batchSize":7}`); a.Status != http.StatusBadRequest {
			t.Errorf("with options: %d %s", a.Status, a.Body)
		}
		started, err := nodetest.Decode[spec.StartResponse](apply(pair.Main, plan.SessionId, `,"targetPeer":"branch","catalog":"main"`))
		if err != nil {
			t.Fatal(err)
		}
		s := pair.Main.WaitEnd(started.Session.SessionId, spec.COMPLETED)
		if s.Updated != 1 || s.Deleted != 1 || value(s.PlanId) != plan.SessionId || s.Options.DryRun || !s.Options.DeleteMissing || value(s.Outcome) != spec.OutcomeClean {
			t.Errorf("applied: %s", nodetest.Show(s))
		}
		if planned, did := withoutBatches(changesOf(t, pair.Main, plan.SessionId)), withoutBatches(changesOf(t, pair.Main, s.SessionId)); !slices.Equal(planned, did) {
			t.Errorf("planned: %v\ndone: %v", planned, did)
		}
		if a := apply(pair.Main, plan.SessionId, ""); a.Status != http.StatusConflict || !strings.Contains(string(a.Body), "PLAN_APPLIED") {
			t.Errorf("again: %d %s", a.Status, a.Body)
		}
	})
}

// TestStalePlan: where a side has moved since, nothing is written, and the session says which.
func TestStalePlan(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, 30, nodetest.Config{})
		for _, c := range []struct {
			moved string
			move  func(id string)
		}{
			{"branch", func(id string) { pair.Branch.Put("main", id, "Moved") }},
			{"main", func(id string) { pair.Main.Put("main", id, "Moved here") }},
			{"branch and at main", func(id string) {
				pair.Branch.Put("main", id, "Moved again")
				pair.Main.Delete("main", id)
			}},
			{"main", func(string) { // by the fields that it keeps
				pair.Main.ChangePeer(nodetest.Branch, spec.PeerChange{KeepFields: &[]string{"name"}})
			}},
		} {
			plan := planOf(t, pair)
			c.move(pair.Branch.Products("main")[10].ID)
			before := pair.Main.Products("main")
			started, err := nodetest.Decode[spec.StartResponse](apply(pair.Main, plan.SessionId, ""))
			if err != nil {
				t.Fatal(err)
			}
			s := pair.Main.WaitEnd(started.Session.SessionId, spec.FAILED)
			if value(s.ErrorCode) != "PLAN_STALE" || !strings.HasPrefix(value(s.ErrorMessage), "The products at "+c.moved+" are not") || !slices.Equal(before, pair.Main.Products("main")) {
				t.Errorf("%s: %s", c.moved, nodetest.Show(s))
			}
		}
	})
}

// TestExpiredPlan: a plan that nobody can look at any more is not applied.
func TestExpiredPlan(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, 30, nodetest.Config{})
		plan := planOf(t, pair)
		if _, err := pair.Main.Store.SQL().ExecContext(t.Context(), "UPDATE sync_sessions SET changes_through = -1"); err != nil {
			t.Fatal(err)
		}
		if a := apply(pair.Main, plan.SessionId, ""); a.Status != http.StatusConflict || !strings.Contains(string(a.Body), "PLAN_EXPIRED") {
			t.Errorf("%d %s", a.Status, a.Body)
		}
	})
}

// TestPlanExpiresMeanwhile: what a session that applies a plan needs is kept until it ends. Where it is gone all the same, no product is blamed for it,
// and nothing more is written.
func TestPlanExpiresMeanwhile(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, 40, nodetest.Config{Settings: map[string]string{"BATCH_SIZE": "10"}})
		plan := pair.Main.Sync(nodetest.Pull{Options: spec.StartOptions{DryRun: new(true)}})
		longAgo(t, pair.Main, plan.SessionId)
		prune := func(found bool) {
			t.Helper()
			if got, err := pair.Main.Store.PruneChanges(t.Context(), time.Hour); got != found || err != nil {
				t.Errorf("found %t (%v), want %t", got, err, found)
			}
		}
		gate := pair.Wire.HoldPage(t, nodetest.ProductsPath, 3)
		started, err := nodetest.Decode[spec.StartResponse](apply(pair.Main, plan.SessionId, ""))
		if err != nil {
			t.Fatal(err)
		}
		s := pair.Main.WaitFor(started.Session.SessionId, "some of it", func(s spec.Session) bool { return s.Created > 0 })
		prune(false)
		sqlOn(t, pair.Main, plan.SessionId, "UPDATE sync_sessions SET changes_through = -1 WHERE id = @id")
		gate.Open()
		s = pair.Main.WaitEnd(s.SessionId, spec.FAILED)
		if n := pair.Main.Count("main"); value(s.ErrorCode) != "PLAN_EXPIRED" || !strings.Contains(value(s.ErrorMessage), "revert the sync to undo it") || n != s.Created || n == 0 || n == 40 {
			t.Errorf("%d products are here: %s", n, nodetest.Show(s))
		}
		prune(true)
		if reverted(t, pair.Main, s.SessionId); pair.Main.Count("main") != 0 {
			t.Errorf("%d products are left", pair.Main.Count("main"))
		}
	})
}

// sqlOn runs statements on the database of a node, each with the id of a session as its argument.
func sqlOn(t *testing.T, n *nodetest.Node, id spec.SessionID, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		if _, err := n.Store.SQL().ExecContext(t.Context(), strings.ReplaceAll(statement, "@id", "'"+id.String()+"'")); err != nil {
			t.Fatal(err)
		}
	}
}

// TestAppliedDeletesAreApproved: the guard does not ask twice about deletes that a person has seen in a plan, and what the plan withheld is withheld again.
func TestAppliedDeletesAreApproved(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, 200, nodetest.Config{})
		pair.Main.Sync(nodetest.Pull{})
		for i, gone := range []int{12, 30} {
			want := int64(12 * (1 - i))
			removeProducts(t, pair, pair.Branch.Products("main")[:gone]...)
			plan := pair.Main.Sync(nodetest.Pull{Options: spec.StartOptions{DryRun: new(true), DeleteMissing: new(true)}})
			sqlOn(t, pair.Main, plan.SessionId, `UPDATE sync_sessions SET options = replace(options, '"maxDeletes":500', '"maxDeletes":11') WHERE id = @id`)
			started, err := nodetest.Decode[spec.StartResponse](apply(pair.Main, plan.SessionId, ""))
			if err != nil {
				t.Fatal(err)
			}
			s := pair.Main.WaitEnd(started.Session.SessionId, spec.COMPLETED)
			if plan.Deleted != want || s.Deleted != want || s.DeletesWithheld != int64(gone)-want || s.Options.MaxDeletes != 11 {
				t.Errorf("%d gone: planned: %s\napplied: %s", gone, nodetest.Show(plan), nodetest.Show(s))
			}
		}
	})
}

// TestNothingButThePlan: what does not fit the plan once both sides have been looked at is not written either, and what is missing of it is said.
func TestNothingButThePlan(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		const other = "'1:00000000000000000000000000000000'"
		pair := nodetest.NewPair(t, kind, 30, nodetest.Config{})
		planOf(t, pair, nodetest.Product(t, `{"id":"~new","name":"Brand new","price":"1"}`))
		for _, c := range []struct{ statement, said string }{
			{"UPDATE sync_changes SET hash_after = " + other + " WHERE session_id = @id AND kind = 'updated'", "has changed at branch since the dry run"},
			{"UPDATE sync_changes SET hash_before = " + other + " WHERE session_id = @id AND kind = 'updated'", "has changed at main since the dry run"},
			{"UPDATE sync_changes SET kind = 'updated' WHERE session_id = @id AND kind = 'created'", "has changed at main since the dry run"},
			{"DELETE FROM sync_changes WHERE session_id = @id AND kind = 'created'", "has changed at branch since the dry run"},
			{"DELETE FROM sync_changes WHERE session_id = @id AND kind = 'deleted'", "has changed at branch since the dry run"},
			{"UPDATE sync_sessions SET created_records = 2 WHERE id = @id", "The plan has 3 changes, and this sync has made 1 of them"},
		} {
			plan := pair.Main.Sync(nodetest.Pull{Options: spec.StartOptions{DryRun: new(true), DeleteMissing: new(true)}})
			sqlOn(t, pair.Main, plan.SessionId, c.statement)
			before := pair.Main.Products("main")
			started, err := nodetest.Decode[spec.StartResponse](apply(pair.Main, plan.SessionId, ""))
			if err != nil {
				t.Fatal(err)
			}
			s := pair.Main.WaitEnd(started.Session.SessionId, spec.FAILED)
			if value(s.ErrorCode) != "PLAN_STALE" || !strings.Contains(value(s.ErrorMessage), c.said) {
				t.Errorf("%s: %s", c.statement, nodetest.Show(s))
			}
			if done := s.Created + s.Updated + s.Deleted; done == 0 && !slices.Equal(before, pair.Main.Products("main")) {
				t.Errorf("%s: products were written", c.statement)
			}
		}
	})
}
