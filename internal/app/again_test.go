package app_test

import (
	"net/http"
	"strings"
	"testing"

	"fullsync/api/spec"
	"fullsync/internal/auth"
	"fullsync/internal/nodetest"
)

// cancelledHalfWay returns a session of 100 products that was cancelled after 30 of them were committed.
func cancelledHalfWay(t *testing.T, pair *nodetest.Pair, verify bool) spec.Session {
	t.Helper()
	size := 10
	gate := pair.Wire.HoldPage(t, nodetest.ProductsPath, 4)
	s := pair.Main.Pull(nodetest.Pull{Options: spec.StartOptions{BatchSize: &size, VerifyAfterSync: &verify}})
	nodetest.Await(t, "the fourth page", gate.Reached)
	pair.Main.WaitFor(s.SessionId, "three batches", func(s spec.Session) bool { return s.TransferredRecords == 30 })
	ended := pair.Main.Cancel(s, "").Session
	pair.Wire.Reach(nil)
	return ended
}

func TestResumeGoesOnFromTheCursor(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, 100, nodetest.Config{})
		old := cancelledHalfWay(t, pair, true)
		a := pair.Main.Call("bob", http.MethodPost, nodetest.StartPath+"/"+old.SessionId.String()+"/resume", "")
		resumed, err := nodetest.Decode[spec.StartResponse](a)
		if err != nil || a.Status != http.StatusAccepted {
			t.Fatalf("resume: %d %s", a.Status, a.Body)
		}
		s := pair.Main.WaitEnd(resumed.SessionId, spec.COMPLETED)
		auditedAs(t, pair.Main, s.SessionId, "sync.resumed", "bob")
		if s.ResumedFrom == nil || *s.ResumedFrom != old.SessionId || s.ResumedRecords != 30 || s.Created != 70 || s.Unchanged != 0 {
			t.Errorf("resumed as %s", nodetest.Show(s))
		}
		nodetest.SameCatalog(t, pair.Branch, pair.Main, "main")
		a = pair.Main.Call("bob", http.MethodPost, nodetest.StartPath+"/"+s.SessionId.String()+"/resume", "")
		if refused, err := nodetest.Decode[spec.Error](a); err != nil || a.Status != http.StatusConflict || refused.Code != "CANNOT_RESUME" {
			t.Errorf("resume of a completed session: %d %s", a.Status, a.Body)
		}

		// The receipt of the cancelled session has not changed, whatever came later.
		a = pair.Main.Call("bob", http.MethodGet, nodetest.StartPath+"/"+old.SessionId.String()+"/receipt", "")
		if a.Status != http.StatusOK || !strings.Contains(string(a.Body), `"batches":3`) || !strings.Contains(string(a.Body), "Batch 3, up to product ") ||
			!strings.Contains(string(a.Body), `"cancelledBy":"alice"`) {
			t.Errorf("receipt: %d %s", a.Status, a.Body)
		}
	})
}

// started is the answer to a start, and what a 202 holds.
type started struct {
	*spec.StartFullSyncResponse
	accepted spec.StartResponse
}

// TestResumeOfAReadSourceReadsAgain: reading nothing would not fix a session whose verification failed.
func TestResumeOfAReadSourceReadsAgain(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, 100, nodetest.Config{})
		verify := true
		// The first request asks whether the two can be compared at all.
		pair.Wire.OnPage(nodetest.DigestsPath, 2, func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
			w.WriteHeader(http.StatusForbidden)
		})
		s := pair.Main.Pull(nodetest.Pull{Options: spec.StartOptions{VerifyAfterSync: &verify}})
		if failed := pair.Main.WaitEnd(s.SessionId, spec.FAILED); failed.Phase != spec.PhaseFinished || failed.TransferredRecords != 100 {
			t.Fatalf("failed as %s", nodetest.Show(failed))
		}
		pair.Branch.Import("main", nodetest.Product(t, `{"id":"zzz-new","name":"Came later"}`))
		pair.Wire.Reach(nil)
		a := pair.Main.Call("bob", http.MethodPost, nodetest.StartPath+"/"+s.SessionId.String()+"/resume", "")
		resumed, err := nodetest.Decode[spec.StartResponse](a)
		if err != nil || a.Status != http.StatusAccepted {
			t.Fatalf("resume: %d %s", a.Status, a.Body)
		}
		if done := pair.Main.WaitEnd(resumed.SessionId, spec.COMPLETED); done.Created != 1 || done.Unchanged != 100 {
			t.Errorf("resumed as %s", nodetest.Show(done))
		}
	})
}

func TestIfRunningAndIdempotencyKey(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, 100, nodetest.Config{})
		gate := pair.Wire.HoldPage(t, nodetest.ProductsPath, 1)
		client := pair.Main.API("alice", auth.RoleOperator)
		start := func(key string, ifRunning spec.StartRequestIfRunning) started {
			t.Helper()
			body := spec.StartRequest{Action: "pull", IfRunning: &ifRunning, TargetPeer: &spec.TargetPeer{}}
			if err := body.TargetPeer.FromNodeID(nodetest.Branch); err != nil {
				t.Fatal(err)
			}
			params := &spec.StartFullSyncParams{}
			if key != "" {
				params.IdempotencyKey = &key
			}
			r, err := client.StartFullSyncWithResponse(t.Context(), params, body)
			if err != nil {
				t.Fatal(err)
			}
			out := started{StartFullSyncResponse: r}
			if r.JSON202 != nil {
				if out.accepted, err = r.JSON202.AsStartResponse(); err != nil {
					t.Fatal(err)
				}
			}
			return out
		}
		first := start("k1", spec.Fail)
		if first.StatusCode() != http.StatusAccepted {
			t.Fatalf("start: %d %s", first.StatusCode(), first.Body)
		}
		id := first.accepted.SessionId
		nodetest.Await(t, "the first page", gate.Reached)
		if again := start("k1", spec.Fail); again.JSON202 == nil || again.accepted.SessionId != id {
			t.Errorf("the same key again: %d %s", again.StatusCode(), again.Body)
		}
		if other := start("k1", spec.Replace); other.StatusCode() != http.StatusUnprocessableEntity {
			t.Errorf("the same key for another request: %d %s", other.StatusCode(), other.Body)
		}
		if attached := start("", spec.Attach); attached.JSON200 == nil || attached.JSON200.SessionId != id {
			t.Errorf("attach: %d %s", attached.StatusCode(), attached.Body)
		}
		if refused := start("", spec.Fail); refused.StatusCode() != http.StatusConflict {
			t.Errorf("fail: %d %s", refused.StatusCode(), refused.Body)
		}
		pair.Wire.Reach(nil)
		replaced := start("k2", spec.Replace)
		if replaced.JSON202 == nil || replaced.accepted.SessionId == id {
			t.Fatalf("replace: %d %s", replaced.StatusCode(), replaced.Body)
		}
		if _, gone := nodetest.Await(t, "the end of the first session's request", gate.Left); gone {
			t.Error("the gate was not left")
		}
		old, next := pair.Main.Session(id), pair.Main.WaitEnd(replaced.accepted.SessionId, spec.COMPLETED)
		if old.Status != spec.CANCELLED || !strings.Contains(*old.CancelReason, next.SessionId.String()) || old.CompletedAt.After(next.StartedAt) {
			t.Errorf("replaced %s by %s", nodetest.Show(old), nodetest.Show(next))
		}
		// The key replaces nothing a second time, and now stands for the session that has completed.
		if again := start("k2", spec.Replace); again.JSON202 == nil || again.accepted.SessionId != next.SessionId {
			t.Errorf("the key of the replacement again: %d %s", again.StatusCode(), again.Body)
		}
	})
}

func TestSessionTimeoutEndsTheSession(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, 100, nodetest.Config{})
		gate := pair.Wire.HoldPage(t, nodetest.ProductsPath, 1)
		limit := 1
		s := pair.Main.Pull(nodetest.Pull{Options: spec.StartOptions{TimeoutSeconds: &limit}})
		ended := pair.Main.WaitEnd(s.SessionId, spec.FAILED)
		if ended.ErrorMessage == nil || !strings.Contains(*ended.ErrorMessage, "did not end within its 1 seconds") {
			t.Errorf("ended as %s", nodetest.Show(ended))
		}
		select {
		case <-gate.Reached:
			nodetest.Await(t, "the end of the request", gate.Left)
		default: // the time was up before the first page was requested
		}
	})
}

func TestCancelStuckOverHTTP(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, 100, nodetest.Config{})
		gate := pair.Wire.HoldPage(t, nodetest.ProductsPath, 1)
		s := pair.Main.Pull(nodetest.Pull{})
		nodetest.Await(t, "the first page", gate.Reached)
		client := pair.Main.API("root", auth.RoleAdmin)
		none, err := client.CancelStuckFullSyncsWithResponse(t.Context(), spec.CancelStuckRequest{})
		if err != nil || none.JSON200 == nil || len(none.JSON200.Sessions) != 0 {
			t.Fatalf("a healthy session counts as stuck: %v %s", err, none.Body)
		}
		all := true
		found, err := client.CancelStuckFullSyncsWithResponse(t.Context(), spec.CancelStuckRequest{All: &all})
		if err != nil || found.JSON200 == nil || len(found.JSON200.Sessions) != 1 || found.JSON200.Sessions[0].Evidence.Worker == nil ||
			found.JSON200.Sessions[0].Evidence.HeartbeatAgeSeconds == nil {
			t.Fatalf("all: %v %s", err, found.Body)
		}
		ended := pair.Main.Session(s.SessionId)
		if ended.Status != spec.CANCELLED || *ended.CancelledBy != "root" {
			t.Errorf("cancelled as %s", nodetest.Show(ended))
		}
		namedAgain(t, pair, ended)
		pair.Wire.Reach(nil)
		completed := pair.Main.Sync(nodetest.Pull{}).SessionId
		refused, err := client.CancelStuckFullSyncsWithResponse(t.Context(), spec.CancelStuckRequest{SessionId: &completed})
		if err != nil || refused.JSON409 == nil || refused.JSON409.Code != "SESSION_FINISHED" || refused.JSON409.Status != spec.COMPLETED {
			t.Errorf("a completed session: %v %s", err, refused.Body)
		}
	})
}

// namedAgain: another admin names a cancelled session to cancel-stuck, which is a success that changes nothing, like a repeated
// cancel.
func namedAgain(t *testing.T, pair *nodetest.Pair, ended spec.Session) {
	t.Helper()
	client := pair.Main.API("other", auth.RoleAdmin)
	for _, dry := range []bool{true, false} {
		r, err := client.CancelStuckFullSyncsWithResponse(t.Context(), spec.CancelStuckRequest{SessionId: &ended.SessionId, DryRun: &dry})
		if err != nil || r.JSON200 == nil || !r.JSON200.Success || len(r.JSON200.Sessions) != 1 {
			t.Fatalf("dry run %v: %v %s", dry, err, r.Body)
		}
		if s := r.JSON200.Sessions[0]; s.Done != spec.WasCancelledBefore || s.Problem != nil || nodetest.Show(s.Session) != nodetest.Show(ended) {
			t.Errorf("dry run %v: %s", dry, r.Body)
		}
	}
	if now := pair.Main.Session(ended.SessionId); nodetest.Show(now) != nodetest.Show(ended) {
		t.Errorf("changed to %s", nodetest.Show(now))
	}
}
