package app_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"testing"

	"fullsync/api/spec"
	"fullsync/internal/nodetest"
)

// members returns the names of a JSON object's members in the order in which they came, and the object.
func members(t *testing.T, a nodetest.Answer) (names []string, object map[string]any) {
	t.Helper()
	object, err := nodetest.Decode[map[string]any](a)
	if err != nil {
		t.Fatal(err)
	}
	dec := json.NewDecoder(bytes.NewReader(a.Body))
	_, err = dec.Token()
	for err == nil && dec.More() {
		var name json.Token
		if name, err = dec.Token(); err == nil {
			names = append(names, fmt.Sprint(name))
			var skipped json.RawMessage
			err = dec.Decode(&skipped)
		}
	}
	if err != nil {
		t.Fatalf("%s: %v", a.Body, err)
	}
	return names, object
}

// TestTheAnswersOfTheContract checks a start, the refusal of a second one, and every way a cancel can end.
func TestTheAnswersOfTheContract(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, full, nodetest.Config{})
		size := 97
		gate := pair.Wire.HoldPage(t, nodetest.ProductsPath, 9)

		a := pair.Main.Call("alice", http.MethodPost, nodetest.StartPath, nodetest.Pull{Options: spec.StartOptions{BatchSize: &size}}.Body())
		names, body := members(t, a)
		id := fmt.Sprint(body["sessionId"])
		if a.Status != http.StatusAccepted || a.Header.Get("Location") != nodetest.StartPath+"/"+id ||
			!slices.Equal(names, []string{"success", "sessionId", "message", "session"}) ||
			body["success"] != true || body["message"] != "Full sync pull initiated successfully" {
			t.Errorf("start: %d %v %s", a.Status, a.Header, a.Body)
		}
		s, err := nodetest.Decode[spec.StartResponse](a)
		if err != nil {
			t.Fatal(err)
		}
		// Eight batches have been read when the ninth is requested, and the ninth is never committed.
		s.Session = pair.Main.WaitFor(s.SessionId, "eight batches", func(s spec.Session) bool { return s.TransferredRecords == int64(8*size) })
		refusal(t, pair, s.Session)
		cancels(t, pair, s.Session)
		gate.Open()
		pair.Wire.Reach(nil)
		done := pair.Main.Sync(nodetest.Pull{})

		a = pair.Main.Call("alice", http.MethodPost, nodetest.CancelPath, `{"sessionId":"`+done.SessionId.String()+`"}`)
		names, body = members(t, a)
		if a.Status != http.StatusConflict || body["error"] != "Cannot cancel sync" ||
			body["message"] != "Sync session is already COMPLETED" || body["code"] != "SESSION_FINISHED" ||
			body["sessionId"] != done.SessionId.String() || body["status"] != "COMPLETED" ||
			!slices.Equal(names, []string{"error", "message", "code", "sessionId", "status"}) {
			t.Errorf("cancel of a completed session: %d %s", a.Status, a.Body)
		}
		a = pair.Main.Call("alice", http.MethodPost, nodetest.CancelPath, `{"sessionId":"5245ddc7-7ac1-4b5a-8e0a-f50ea1e6d186"}`)
		if _, body = members(t, a); a.Status != http.StatusNotFound || body["error"] != "Sync session not found" {
			t.Errorf("cancel of an unknown session: %d %s", a.Status, a.Body)
		}
		for _, sent := range []string{`{"sessionId":"17"}`, `{"sessionId":17}`, `{"sessionId":""}`, `{}`, ``} {
			a = pair.Main.Call("alice", http.MethodPost, nodetest.CancelPath, sent)
			if _, body = members(t, a); a.Status != http.StatusBadRequest || body["error"] == "" {
				t.Errorf("cancel with %q: %d %s", sent, a.Status, a.Body)
			}
		}
		if s := pair.Main.Session(done.SessionId); s.Status != spec.COMPLETED {
			t.Errorf("the completed session is now %s", nodetest.Show(s))
		}
	})
}

// refusal checks the 409 to a second start, member by member.
func refusal(t *testing.T, pair *nodetest.Pair, running spec.Session) {
	t.Helper()
	a := pair.Main.Call("bob", http.MethodPost, nodetest.StartPath, nodetest.Pull{}.Body())
	names, body := members(t, a)
	want := []string{"error", "sessionId", "currentStep", "progress", "code", "message", "status", "startedAt", "startedBy", "health", "cancelUrl"}
	if a.Status != http.StatusConflict || !slices.Equal(names, want) {
		t.Errorf("second start: %d with members %v, want %v", a.Status, names, want)
	}
	for member, value := range map[string]any{
		"error": "Full sync already in progress", "sessionId": running.SessionId.String(),
		"currentStep": "Transferring 1067 products", "progress": float64(72), // 776 of 1067
		"code": "SYNC_IN_PROGRESS", "status": "TRANSFERRING", "startedBy": "alice",
		"startedAt": running.StartedAt.Format("2006-01-02T15:04:05.999999999Z07:00"), "cancelUrl": nodetest.CancelPath,
	} {
		if body[member] != value {
			t.Errorf("second start: %s is %v, want %v", member, body[member], value)
		}
	}
	if message, ok := body["message"].(string); !ok || len(message) < 20 {
		t.Errorf("second start: message %v", body["message"])
	}
	health, ok := body["health"].(map[string]any)
	if !ok || health["verdict"] != "healthy" || health["reason"] == "" {
		t.Errorf("second start: health %v", body["health"])
	}
}

// cancels checks the first and the repeated cancel of a running session.
func cancels(t *testing.T, pair *nodetest.Pair, running spec.Session) {
	t.Helper()
	request := `{"sessionId":"` + running.SessionId.String() + `","reason":"wrong peer"}`
	first := pair.Main.Call("alice", http.MethodPost, nodetest.CancelPath, request)
	names, body := members(t, first)
	if first.Status != http.StatusOK || !slices.Equal(names, []string{"success", "message", "alreadyCancelled", "session"}) ||
		body["success"] != true || body["alreadyCancelled"] != false || body["message"] != "Sync session cancelled successfully" {
		t.Errorf("cancel: %d %s", first.Status, first.Body)
	}
	answer, err := nodetest.Decode[spec.CancelResponse](first)
	if err != nil {
		t.Fatal(err)
	}
	if s := answer.Session; s.SessionId != running.SessionId || s.Status != spec.CANCELLED || s.CompletedAt == nil ||
		value(s.ErrorMessage) != "Cancelled by alice: wrong peer" || value(s.CancelledBy) != "alice" ||
		value(s.CancelReason) != "wrong peer" || s.CurrentStep != "Transferring 1067 products" || s.Progress != 72 {
		t.Errorf("cancelled: %s", nodetest.Show(s))
	}
	second := pair.Main.Call("bob", http.MethodPost, nodetest.CancelPath, `{"sessionId":"`+running.SessionId.String()+`","reason":"me too"}`)
	again, err := nodetest.Decode[spec.CancelResponse](second)
	if err != nil || second.Status != http.StatusOK || !again.AlreadyCancelled || nodetest.Show(again.Session) != nodetest.Show(answer.Session) {
		t.Errorf("repeated cancel: %d %s, %v", second.Status, second.Body, err)
	}
	status, err := nodetest.Decode[spec.StatusResponse](pair.Main.Call("bob", http.MethodGet, nodetest.StatusPath, ""))
	if err != nil || status.Active != nil || status.Last == nil || nodetest.Show(*status.Last) != nodetest.Show(answer.Session) {
		t.Errorf("status after the cancel: %+v, %v", status, err)
	}
}
