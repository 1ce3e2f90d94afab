package app_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"fullsync/api/spec"
	"fullsync/internal/nodetest"
)

// applyPush asks to apply the plan of a push.
func applyPush(t *testing.T, n *nodetest.Node, plan spec.SessionID, end spec.SessionStatus) spec.Session {
	t.Helper()
	started, err := nodetest.Decode[spec.StartResponse](n.Call("bob", http.MethodPost, nodetest.StartPath, fmt.Sprintf(`{"action":"push","planId":%q}`, plan)))
	if err != nil {
		t.Fatal(err)
	}
	return n.WaitEnd(started.Session.SessionId, end)
}

// TestPushDryRun says what a push would do at its target and writes nothing there; the plan is applied as it is, or not at all.
func TestPushDryRun(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := newPusher(t, kind, kind, 200, nodetest.Config{})
		pair.Main.Sync(push(50, spec.StartOptions{}))
		pair.Branch.Put("main", "Z-own", "the branch's own")
		pair.Branch.Put("main", "P-0000007", "Theirs")
		pair.Main.Put("main", "P-0000009", "Ours")
		pair.Main.Put("main", "P-new", "Brand new")
		pair.Main.Delete("main", "P-0000003", "P-0000100", "P-0000199")
		before := pair.Branch.Products("main")

		options := spec.StartOptions{DryRun: new(true), DeleteMissing: new(true), VerifyAfterSync: new(true)}
		plan := pair.Main.Sync(push(50, options))
		there := pair.Branch.Session(plan.SessionId)
		for name, s := range map[string]spec.Session{"main": plan, "branch": there} {
			if s.Created != 1 || s.Updated != 2 || s.Deleted != 3 || s.Unchanged != 195 || value(s.Outcome) != spec.OutcomePlanned || !s.Options.DryRun ||
				s.CurrentStep != "Dry run: would create 1 product, update 2 products and delete 3 products" {
				t.Errorf("at %s: %s", name, nodetest.Show(s))
			}
		}
		if !slices.Equal(pair.Branch.Products("main"), before) {
			t.Error("the dry run has changed products")
		}
		planned := withoutBatches(changesOf(t, pair.Branch, plan.SessionId))
		if here := withoutBatches(changesOf(t, pair.Main, plan.SessionId)); len(here) != 6 || !slices.Equal(here, planned) {
			t.Errorf("the pusher lists %v, and the target %v", here, planned)
		}
		if a := pair.Branch.Call("bob", http.MethodPost, nodetest.StartPath, fmt.Sprintf(`{"action":"push","planId":%q}`, plan.SessionId)); !strings.Contains(string(a.Body), "Apply its plan there.") {
			t.Errorf("applied at the target: %d %s", a.Status, a.Body)
		}

		pair.Branch.Put("main", "P-0000011", "Moved")
		if s := applyPush(t, pair.Main, plan.SessionId, spec.FAILED); value(s.ErrorCode) != "PLAN_STALE" || !strings.HasPrefix(value(s.ErrorMessage), "The products at branch are not") {
			t.Errorf("stale: %s", nodetest.Show(s))
		}
		pair.Main.Put("main", "P-0000011", "Moved")

		stale := pair.Main.Sync(push(50, options))
		sqlOn(t, pair.Branch, stale.SessionId, "UPDATE sync_changes SET hash_after = hash_before WHERE session_id = @id AND product_id = 'P-0000009'")
		before = pair.Branch.Products("main")
		for range 2 { // it can be tried again
			s := applyPush(t, pair.Main, stale.SessionId, spec.FAILED)
			if value(s.ErrorCode) != "PLAN_STALE" || !strings.HasPrefix(value(s.ErrorMessage), "Product P-0000007") && !strings.HasPrefix(value(s.ErrorMessage), "Product P-0000009 has changed at main since") {
				t.Errorf("stale: %s", nodetest.Show(s))
			}
		}
		if !slices.Equal(pair.Branch.Products("main"), before) {
			t.Error("the stale plan has changed products")
		}

		plan = pair.Main.Sync(push(50, options))
		s := applyPush(t, pair.Main, plan.SessionId, spec.COMPLETED)
		did := withoutBatches(changesOf(t, pair.Branch, s.SessionId))
		for i, line := range planned {
			if strings.Contains(line, "P-new") {
				planned[i] = `{"productId":"P-new","kind":"created","fields":[]}` // only the id is kept
			}
		}
		if s.Created != 1 || s.Updated != 2 || s.Deleted != 3 || !slices.Equal(did, planned) || value(pair.Branch.Session(s.SessionId).PlanId) != plan.SessionId {
			t.Errorf("planned: %v\ndone: %v\n%s", planned, did, nodetest.Show(s))
		}
	})
}

// TestPushDryRunWithholds what the push would withhold; its plan withholds it again, and the list can be approved.
func TestPushDryRunWithholds(t *testing.T) {
	pair := newPusher(t, nodetest.SQLite, nodetest.SQLite, 100, nodetest.Config{})
	pair.Main.Sync(push(50, spec.StartOptions{}))
	for i := range 20 {
		pair.Main.Delete("main", fmt.Sprintf("P-%07d", i+1))
	}
	plan := pair.Main.Sync(push(50, spec.StartOptions{DryRun: new(true), DeleteMissing: new(true)}))
	applied := applyPush(t, pair.Main, plan.SessionId, spec.COMPLETED)
	for _, s := range []spec.Session{plan, applied, pair.Branch.Session(plan.SessionId)} {
		if s.Deleted != 0 || s.DeletesWithheld != 20 || !strings.Contains(value(s.ErrorMessage), "20 deletes were withheld") {
			t.Errorf("%s", nodetest.Show(s))
		}
	}
	started, err := nodetest.Decode[spec.StartResponse](approve(t, pair.Main, plan.SessionId, 20))
	if err != nil {
		t.Fatal(err)
	}
	if s := pair.Main.WaitEnd(started.Session.SessionId, spec.COMPLETED); s.Deleted != 20 || pair.Branch.Count("main") != 80 {
		t.Errorf("approved: %s", nodetest.Show(s))
	}
}
