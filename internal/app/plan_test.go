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

// apply asks to apply a plan; more are further members of the request.
func apply(n *nodetest.Node, plan spec.SessionID, more string) nodetest.Answer {
	return n.Call("bob", http.MethodPost, nodetest.StartPath, fmt.Sprintf(`{"action":"pull","planId":%q%s}`, plan, more))
}

// planOf makes a dry run in which one product is updated and one deleted.
func planOf(t *testing.T, pair *nodetest.Pair) spec.Session {
	t.Helper()
	pair.Main.Sync(nodetest.Pull{})
	held := pair.Branch.Products("main")
	renamed := held[3].Product
	renamed.Name = "New name"
	pair.Branch.Import("main", rehashed(renamed))
	removeProducts(t, pair, held[5])
	return pair.Main.Sync(nodetest.Pull{Options: spec.StartOptions{DryRun: new(true), DeleteMissing: new(true)}})
}

// TestApplyPlan: a plan is applied as it is, once, and by nobody who means another one.
func TestApplyPlan(t *testing.T) {
	nodetest.OnBoth(t, func(t *testing.T, kind nodetest.Kind) {
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
	nodetest.OnBoth(t, func(t *testing.T, kind nodetest.Kind) {
		for moved, move := range map[string]func(pair *nodetest.Pair, id string){
			"branch": func(pair *nodetest.Pair, id string) { pair.Branch.Put("main", id, "Moved") },
			"main":   func(pair *nodetest.Pair, id string) { pair.Main.Put("main", id, "Moved") },
			"branch and at main": func(pair *nodetest.Pair, id string) {
				pair.Branch.Put("main", id, "Moved")
				pair.Main.Delete("main", id)
			},
			"main by its fields": func(pair *nodetest.Pair, _ string) {
				pair.Main.ChangePeer(nodetest.Branch, spec.PeerChange{KeepFields: &[]string{"name"}})
			},
		} {
			pair := nodetest.NewPair(t, kind, 30, nodetest.Config{})
			plan := planOf(t, pair)
			move(pair, pair.Branch.Products("main")[10].ID)
			before := pair.Main.Products("main")
			started, err := nodetest.Decode[spec.StartResponse](apply(pair.Main, plan.SessionId, ""))
			if err != nil {
				t.Fatal(err)
			}
			s := pair.Main.WaitEnd(started.Session.SessionId, spec.FAILED)
			moved, _, _ = strings.Cut(moved, " by")
			if value(s.ErrorCode) != "PLAN_STALE" || !strings.HasPrefix(value(s.ErrorMessage), "The products at "+moved+" are not") || !slices.Equal(before, pair.Main.Products("main")) {
				t.Errorf("%s: %s", moved, nodetest.Show(s))
			}
		}
	})
}

// TestExpiredPlan: a plan that nobody can look at any more is not applied.
func TestExpiredPlan(t *testing.T) {
	nodetest.OnBoth(t, func(t *testing.T, kind nodetest.Kind) {
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
