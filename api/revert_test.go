package api_test

import (
	"net/http"
	"testing"

	"fullsync/internal/fault"
	"fullsync/internal/syncer"
)

func TestRevert(t *testing.T) {
	t.Parallel()
	n := setup(t)
	const path = startPath + "/" + sessionA + "/revert"
	const reverts = "7b0c7e6a-9b1d-4c52-8a51-3d1f7f8f2f11"
	var asked syncer.RevertRequest
	n.revert = func(r syncer.RevertRequest) (syncer.Started, error) {
		asked = r
		v := running()
		v.ID, v.RevertOf = reverts, sessionA
		return syncer.Started{Session: v}, nil
	}
	for body, ifRunning := range map[string]syncer.IfRunning{"": syncer.Fail, "{}": syncer.Fail, `{"ifRunning":"replace"}`: syncer.Replace} {
		a := n.call("POST", path, body)
		shown, _ := a.member("session").(map[string]any)
		if want := (syncer.RevertRequest{SessionID: sessionA, IfRunning: ifRunning, By: "alice"}); a.status != http.StatusAccepted || asked != want ||
			a.header.Get("Location") != startPath+"/"+reverts || a.member("sessionId") != reverts || shown["revertOf"] != sessionA {
			t.Errorf("%q: %d %v %s, asked %+v", body, a.status, a.header, a.body, asked)
		}
	}

	// The same key stands for the same request.
	key := func(body string) syncer.StartKey {
		n.call("POST", path, body, "Idempotency-Key", "k-1")
		if asked.Key == nil {
			t.Fatal("the key was lost")
		}
		return *asked.Key
	}
	first, again, other := key("{}"), key(`{"ifRunning":"fail"}`), key(`{"ifRunning":"replace"}`)
	if first != again || first.RequestHash == other.RequestHash || first.Key != "k-1" {
		t.Errorf("keys are %+v, %+v and %+v", first, again, other)
	}

	for name, c := range map[string]struct {
		err         error
		status      int
		title, code string
	}{
		"unknown":     {fault.New(fault.NotFound, "SESSION_NOT_FOUND", "Sync session not found", "No."), 404, "Sync session not found", "SESSION_NOT_FOUND"},
		"impossible":  {fault.New(fault.Conflict, "NOTHING_CHANGED", "Cannot revert sync", "No."), 409, "Cannot revert sync", "NOTHING_CHANGED"},
		"in progress": {&syncer.RunningError{Running: running()}, 409, "Full sync already in progress", "SYNC_IN_PROGRESS"},
		"a used key":  {fault.New(fault.Impossible, "IDEMPOTENCY_KEY_REUSED", "Idempotency-Key reused", "No."), 422, "Idempotency-Key reused", "IDEMPOTENCY_KEY_REUSED"},
	} {
		n.revert = func(syncer.RevertRequest) (syncer.Started, error) { return syncer.Started{}, c.err }
		a := n.call("POST", path, "")
		if a.status != c.status || a.member("error") != c.title || a.member("code") != c.code {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
}
