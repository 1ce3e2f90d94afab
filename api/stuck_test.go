package api_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"fullsync/internal/fault"
	"fullsync/internal/session"
	"fullsync/internal/syncer"
)

const stuckPath = startPath + "/cancel-stuck"

func TestCancelStuckRequests(t *testing.T) {
	t.Parallel()
	n := setup(t)
	var got syncer.StuckRequest
	n.stuck = func(r syncer.StuckRequest) ([]syncer.Stuck, error) { got = r; return nil, nil }
	for body, want := range map[string]syncer.StuckRequest{
		``:                             {By: "alice"},
		` `:                            {By: "alice"},
		`{}`:                           {By: "alice"},
		`{"all":false,"dryRun":false}`: {By: "alice"},
		`{"all":true}`:                 {By: "alice", All: true},
		`{"dryRun":true}`:              {By: "alice", DryRun: true},
		`{"sessionId":"` + sessionA + `","all":false}`: {By: "alice", SessionID: sessionA},
	} {
		got = syncer.StuckRequest{}
		a := n.call("POST", stuckPath, body)
		wrote := `{"success":true,"dryRun":false,"sessions":[]}`
		if want.DryRun {
			wrote = `{"success":true,"dryRun":true,"sessions":[]}`
		}
		if a.status != 200 || got != want || strings.TrimSpace(a.body) != wrote {
			t.Errorf("%q: %d %s, asked for %+v", body, a.status, a.body, got)
		}
	}
	n.stuck = func(syncer.StuckRequest) ([]syncer.Stuck, error) {
		t.Error("sessions were cancelled")
		return nil, nil
	}
	for body, field := range map[string]string{
		`{"sessionId":"` + sessionA + `","all":true}`: "all",
		`{"dryrun":true}`:    "dryrun",
		`{"dryRun":"true"}`:  "dryRun",
		`{"all":null}`:       "all",
		`{"sessionId":"5"}`:  "sessionId",
		`{"sessionId":null}`: "sessionId",
		`[]`:                 "body",
	} {
		if a := n.call("POST", stuckPath, body); a.status != http.StatusBadRequest || a.details()[field] == "" {
			t.Errorf("%s: %d %s", body, a.status, a.body)
		}
	}
	if a := n.call("POST", stuckPath, `{"dryRun":true}`, "Content-Type", "text/plain"); a.status != http.StatusUnsupportedMediaType {
		t.Errorf("text: %d %s", a.status, a.body)
	}
}

func TestCancelStuckShowsTheEvidence(t *testing.T) {
	t.Parallel()
	n := setup(t)
	dead := running()
	dead.Health = session.Health{Verdict: session.Dead, Reason: "no sign of life from worker w for 42 s"}
	heartbeat, commit := 42*time.Second+123456*time.Microsecond, 44*time.Second
	waiting := running()
	waiting.Worker, waiting.LastHeartbeatAt, waiting.LastCommitAt = "", nil, nil
	n.stuck = func(syncer.StuckRequest) ([]syncer.Stuck, error) {
		return []syncer.Stuck{
			{Session: dead, HeartbeatAge: &heartbeat, CommitAge: &commit, Takeovers: 2, Cancelled: true},
			{Session: dead, AlreadyEnded: true},
			{Session: waiting},
			{Session: cancelled(), AlreadyCancelled: true},
		}, nil
	}
	a := n.call("POST", stuckPath, "")
	found := strings.Split(a.body, `},{"session":{`)
	if a.status != 200 || len(found) != 4 || !strings.HasPrefix(a.body, `{"success":true,"dryRun":false,"sessions":[{"session":{"sessionId":"`+sessionA) {
		t.Fatalf("%d %s", a.status, a.body)
	}
	for i, want := range []string{
		`},"evidence":{"heartbeatAgeSeconds":42.123,"lastCommitAgeSeconds":44,"worker":"w","takeovers":2,"verdict":"dead",` +
			`"reason":"no sign of life from worker w for 42 s"},"done":"cancelled","problem":null`,
		`"done":"had ended by itself","problem":null`,
		`},"evidence":{"heartbeatAgeSeconds":null,"lastCommitAgeSeconds":null,"worker":null,"takeovers":0,"verdict":"healthy",` +
			`"reason":"working normally"},"done":"would be cancelled","problem":null`,
		`"reason":"Cancelled by alice: wrong peer"},"done":"was cancelled before","problem":null`,
	} {
		if !strings.Contains(found[i], want) {
			t.Errorf("session %d is %s, want %s", i, found[i], want)
		}
	}

	for problem, err := range map[string]error{
		"The database does not answer.":                                     fault.New(fault.Unavailable, "UNAVAILABLE", "Service unavailable", "The database does not answer."),
		"Something went wrong in this node; its log tells more. Try again.": errors.New("hunter2"),
	} {
		n.stuck = func(syncer.StuckRequest) ([]syncer.Stuck, error) {
			return []syncer.Stuck{{Session: dead, Err: err}, {Session: dead, Cancelled: true}}, nil
		}
		a = n.call("POST", stuckPath, "")
		if a.status != 200 || a.member("success") != false || !strings.Contains(a.body, `"done":"failed","problem":"`+problem+`"`) {
			t.Errorf("%d %s", a.status, a.body)
		}
	}
}

func TestCancelStuckOfANamedSession(t *testing.T) {
	t.Parallel()
	n := setup(t)
	done := cancelled()
	done.Status = session.Completed
	for code, c := range map[string]struct {
		err    error
		status int
	}{
		"SESSION_FINISHED":  {&syncer.FinishedError{Finished: done}, http.StatusConflict},
		"SESSION_NOT_FOUND": {fault.New(fault.NotFound, "SESSION_NOT_FOUND", "Sync session not found", "No."), http.StatusNotFound},
	} {
		n.stuck = func(syncer.StuckRequest) ([]syncer.Stuck, error) { return nil, c.err }
		a := n.call("POST", stuckPath, `{"sessionId":"`+sessionA+`"}`)
		if a.status != c.status || a.member("code") != code {
			t.Errorf("%s: %d %s", code, a.status, a.body)
		}
	}
}
