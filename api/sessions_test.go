package api_test

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"fullsync/internal/fault"
	"fullsync/internal/session"
	"fullsync/internal/syncer"
)

// TestACancelGoesFirst: the news of thousands of streams waits while one is answered, and no longer.
func TestACancelGoesFirst(t *testing.T) {
	t.Parallel()
	n := setup(t)
	n.cancel = func(context.Context, string, syncer.Cancellation) (session.View, bool, error) {
		if n.first.Load() != 1 {
			t.Error("a cancel does not go first")
		}
		return cancelled(), false, nil
	}
	const body = `{"sessionId":"` + sessionA + `"}`
	n.call("POST", startPath+"/cancel", body)
	if a := n.call("POST", startPath+"/cancel", body, "Authorization", ""); a.status != http.StatusUnauthorized || n.wentFirst.Load() != 1 {
		t.Errorf("%d of somebody unknown, and %d went first", a.status, n.wentFirst.Load())
	}
	listed := false
	n.list = func(syncer.Query) ([]session.View, error) {
		listed = true
		if n.first.Load() != 0 {
			t.Error("a list goes first")
		}
		return nil, nil
	}
	if n.call("GET", startPath, ""); !listed {
		t.Error("nothing was listed")
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	n := setup(t)
	var id string
	var by syncer.Cancellation
	already := false
	n.cancel = func(_ context.Context, i string, b syncer.Cancellation) (session.View, bool, error) {
		id, by = i, b
		return cancelled(), already, nil
	}
	for _, already = range []bool{false, true} {
		a := n.call("POST", startPath+"/cancel", `{"sessionId":"`+strings.ToUpper(sessionA)+`","reason":" wrong peer ","more":1}`)
		if a.status != 200 || id != sessionA || by != (syncer.Cancellation{By: "alice", Reason: "wrong peer"}) {
			t.Errorf("%d %s: cancelled %q by %+v", a.status, a.body, id, by)
		}
		want := fmt.Sprintf(`{"success":true,"message":"Sync session cancelled successfully","alreadyCancelled":%t,"session":{"sessionId":%q,`, already, sessionA)
		if !strings.HasPrefix(a.body, want) {
			t.Errorf("the answer is %s", a.body)
		}
		shown, _ := a.member("session").(map[string]any)
		if shown["status"] != "CANCELLED" || shown["completedAt"] != "2026-01-31T10:00:04Z" || shown["errorMessage"] != "Cancelled by alice: wrong peer" {
			t.Errorf("the session is %v", shown)
		}
	}
	a := n.call("POST", startPath+"/cancel", `{"sessionId":"`+sessionA+`","reason":null,"revert":true}`)
	if a.status != 200 || by != (syncer.Cancellation{By: "alice", Revert: true}) {
		t.Errorf("reason null, and a revert: %d %s by %+v", a.status, a.body, by)
	}

	n.cancel = func(context.Context, string, syncer.Cancellation) (session.View, bool, error) {
		v := running()
		v.Status = session.Completed
		return v, false, &syncer.FinishedError{Finished: v}
	}
	a = n.call("POST", startPath+"/cancel", `{"sessionId":"`+sessionA+`"}`)
	const want = `{"error":"Cannot cancel sync","message":"Sync session is already COMPLETED","code":"SESSION_FINISHED",` +
		`"sessionId":"5245ddc7-7ac1-4b5a-8e0a-f50ea1e6d186","status":"COMPLETED"}`
	if a.status != http.StatusConflict || strings.TrimSpace(a.body) != want {
		t.Errorf("%d\n got %s\nwant %s", a.status, a.body, want)
	}

	n.cancel = func(context.Context, string, syncer.Cancellation) (session.View, bool, error) {
		return session.View{}, false, fault.New(fault.NotFound, "SESSION_NOT_FOUND", "Sync session not found", "There is none.")
	}
	if a = n.call("POST", startPath+"/cancel", `{"sessionId":"`+sessionA+`"}`); a.status != 404 || a.member("error") != "Sync session not found" {
		t.Errorf("unknown: %d %s", a.status, a.body)
	}
}

func TestSessionShowsEveryMember(t *testing.T) {
	t.Parallel()
	n := setup(t)
	a := n.call("GET", startPath+"/"+sessionA, "")
	const want = `{"success":true,"session":{"sessionId":"5245ddc7-7ac1-4b5a-8e0a-f50ea1e6d186","catalog":"main","direction":"pull",` +
		`"sourceNodeId":"branch-2","targetNodeId":"main-1","method":"http","status":"TRANSFERRING","phase":"transferring",` +
		`"currentStep":"Transferring 1067 products","progress":71,"totalRecords":1067,"transferredRecords":758,"created":758,` +
		`"updated":0,"unchanged":0,"deleted":0,"rejected":0,"transferredBytes":0,"transferSpeed":0,"recordsPerSecond":252.7,` +
		`"estimatedTimeRemaining":2,"startedAt":"2026-01-31T10:00:00Z","startedBy":"alice","lastHeartbeatAt":"2026-01-31T10:00:03Z",` +
		`"lastCommitAt":"2026-01-31T10:00:03Z","lastSourceAt":"2026-01-31T10:00:03Z","completedAt":null,"errorMessage":null,"errorCode":null,"cancelledBy":null,"cancelReason":null,` +
		`"attempts":1,"worker":"w","resumedFrom":null,"resumedRecords":0,"options":{"batchSize":100,"maxProductsPerSecond":0,` +
		`"verifyAfterSync":false,"compressionEnabled":true,"timeoutSeconds":3600,"readEverything":false,"deleteMissing":false,` +
		`"maxDeletes":0,"maxDeletePercent":0,"dryRun":false},"outcome":null,"deletesWithheld":0,"repaired":0,"readWhole":null,"health":{"verdict":"healthy","reason":"working normally"},"incoming":false,"targetConfirmed":null,"changesKept":false,"changesKeptUntil":null,"revertOf":null,"revertedBy":null,"planId":null},"receipt":null}`
	if a.status != 200 || strings.TrimSpace(a.body) != want {
		t.Errorf("%d\n got %s\nwant %s", a.status, a.body, want)
	}
}

func TestStatus(t *testing.T) {
	t.Parallel()
	n := setup(t)
	asked := ""
	n.status = func(name string) (syncer.Status, error) {
		asked = name
		v := cancelled()
		return syncer.Status{Last: &v}, nil
	}
	a := n.call("GET", startPath+"/status", "")
	last, _ := a.member("last").(map[string]any)
	if a.status != 200 || asked != "main" || !strings.HasPrefix(a.body, `{"success":true,"active":null,"last":{`) || last["status"] != "CANCELLED" ||
		!strings.HasSuffix(strings.TrimSpace(a.body), `},"alsoActive":[]}`) {
		t.Errorf("%d %s, asked for %q", a.status, a.body, asked)
	}
	if n.call("GET", startPath+"/status?catalog=garden", ""); asked != "garden" {
		t.Errorf("asked for %q", asked)
	}
}

func TestListSessions(t *testing.T) {
	t.Parallel()
	n := setup(t)
	var got syncer.Query
	n.list = func(q syncer.Query) ([]session.View, error) {
		got = q
		views := make([]session.View, 0, q.Limit)
		for i := range q.Limit {
			v := running()
			v.ID = fmt.Sprintf("00000000-0000-4000-8000-%012d", i)
			v.StartedAt = v.StartedAt.Add(-time.Duration(i) * 1234567 * time.Nanosecond)
			views = append(views, v)
		}
		return views, nil
	}
	const filters = "?status=FAILED&status=CANCELLED&catalog=main&peer=branch-2&startedAfter=2026-01-01T00:00:00Z&startedBefore=2026-02-01T01:00:00%2B01:00" +
		"&direction=push&outcome=rejects&person=alice"
	a := n.call("GET", startPath+filters+"&pageSize=2", "")
	want := syncer.Query{
		Statuses: []session.Status{session.Cancelled, session.Failed}, Catalog: "main", PeerID: "branch-2", Limit: 3,
		StartedAfter: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), StartedBefore: time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC),
		Direction: session.Push, Outcome: session.Rejects, Person: "alice",
	}
	got.StartedAfter, got.StartedBefore = got.StartedAfter.UTC(), got.StartedBefore.UTC()
	if a.status != 200 || !reflect.DeepEqual(got, want) {
		t.Errorf("%d: asked for\n%+v, want\n%+v", a.status, got, want)
	}
	sessions, _ := a.member("sessions").([]any)
	token, _ := a.member("nextPageToken").(string)
	if len(sessions) != 2 || token == "" {
		t.Fatalf("%d sessions, token %q: %s", len(sessions), token, a.body)
	}
	n.call("GET", startPath+filters+"&pageSize=2&pageToken="+token, "")
	if got.BeforeID != "00000000-0000-4000-8000-000000000001" || !got.BeforeStartedAt.Equal(at(0).Add(-1234567*time.Nanosecond)) {
		t.Errorf("the next page goes on after %s at %s", got.BeforeID, got.BeforeStartedAt)
	}
	if a := n.call("GET", startPath+"?pageToken="+token, ""); a.status != 400 || !strings.Contains(a.details()["pageToken"], "other filters") {
		t.Errorf("a token with other filters: %d %s", a.status, a.body)
	}
	if a := n.call("GET", "/api/catalogs/main/products?pageToken="+token, ""); a.status != 400 {
		t.Errorf("a token of another listing: %d %s", a.status, a.body)
	}
	for query, limit := range map[string]int{"": 21, "?pageSize=100": 101, "?pageSize=5000": 101, "?pageToken=": 21} {
		if a := n.call("GET", startPath+query, ""); a.status != 200 || got.Limit != limit {
			t.Errorf("%s: %d, limit %d, want %d", query, a.status, got.Limit, limit)
		}
	}
	n.list = func(syncer.Query) ([]session.View, error) { return nil, nil }
	if a := n.call("GET", startPath, ""); strings.TrimSpace(a.body) != `{"success":true,"sessions":[],"nextPageToken":null}` {
		t.Errorf("an empty list is %s", a.body)
	}
}
