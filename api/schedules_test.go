package api_test

import (
	"context"
	"reflect"
	"strings"
	"testing"
	"time"

	"fullsync/internal/schedule"
	"fullsync/internal/session"
)

const scheduleA = "0d6f3b1e-3f0a-4d0c-9b57-3c1d3d8e2a11"

// schedules are one schedule, for which everything goes well.
type schedules struct{ *services }

func nightly() schedule.View {
	next, id := at(0), sessionA
	run := schedule.Shown{
		Run:     schedule.Run{PeerID: "branch-2", DueAt: at(0), StartAt: at(1), State: schedule.Started, SessionID: &id},
		Session: &schedule.Ended{Status: session.Failed, ErrorMessage: "No.", StartedAt: at(1), CompletedAt: &next},
	}
	return schedule.View{
		Schedule: schedule.Schedule{
			ID: scheduleA, Name: "nightly", Cron: "15 3 * * *", Timezone: "Europe/Berlin", Enabled: true, Action: session.Pull, TargetPeers: []string{"branch-2"},
			Catalog: "main", Options: session.Options{CompressionEnabled: true, MaxDeletes: 500, MaxDeletePercent: 10}, IfRunning: schedule.Queue, JitterSeconds: 5, NextAt: &next, CreatedBy: "alice", CreatedAt: at(0), UpdatedAt: at(1),
		},
		NextRuns: []time.Time{at(2).UTC()}, Last: &run, FailedInRow: 3, LastError: "The last 3 runs failed. No.",
	}
}

func (s schedules) List(context.Context) ([]schedule.View, error) {
	return []schedule.View{nightly()}, nil
}
func (s schedules) Get(_ context.Context, id string) (schedule.View, error) {
	if id != scheduleA {
		return schedule.View{}, schedule.Unknown()
	}
	return nightly(), nil
}
func (s schedules) Add(_ context.Context, n schedule.New) (schedule.View, error) {
	return s.addSchedule(n)
}
func (s schedules) Change(_ context.Context, _ string, c schedule.Change) (schedule.View, error) {
	return s.changeSchedule(c)
}
func (s schedules) Remove(context.Context, string) error { return nil }
func (s schedules) RunNow(_ context.Context, _, by string) ([]schedule.Shown, error) {
	return []schedule.Shown{{Run: schedule.Run{PeerID: "branch-2", DueAt: at(0), StartAt: at(0), By: by, State: schedule.Skipped, Problem: "Skipped."}}}, nil
}
func (s schedules) Runs(context.Context, string, int) ([]schedule.Shown, error) {
	return []schedule.Shown{*nightly().Last}, nil
}
func (s schedules) Preview(context.Context, string, string) ([]time.Time, error) {
	return []time.Time{at(2).UTC()}, nil
}
func (s schedules) Paused(context.Context) (*schedule.Pause, error) {
	return &schedule.Pause{By: "bob", At: at(4)}, nil
}
func (s schedules) PauseAll(_ context.Context, by string) (*schedule.Pause, error) {
	return &schedule.Pause{By: by, At: at(4)}, nil
}
func (s schedules) ResumeAll(context.Context) error { return nil }

func TestSchedules(t *testing.T) {
	t.Parallel()
	n := setup(t)
	const path = "/api/admin/sync/schedules"
	const last = `{"sessionId":"` + sessionA + `","status":"FAILED","outcome":null,"startedAt":"2026-01-31T10:00:01Z","completedAt":"2026-01-31T10:00:00Z","errorMessage":"No."}`
	const shown = `{"id":"` + scheduleA + `","name":"nightly","cron":"15 3 * * *","timezone":"Europe/Berlin","enabled":true,"action":"pull","targetPeers":["branch-2"],"catalog":"main",` +
		`"options":{"compressionEnabled":true,"deleteMissing":false,"dryRun":false,"maxDeletePercent":10,"maxDeletes":500,"maxProductsPerSecond":0,"readEverything":false,"verifyAfterSync":false},` +
		`"ifRunning":"queue","jitterSeconds":5,"nextRuns":["2026-01-31T10:00:02Z"],"lastSession":` + last + `,"lastError":"The last 3 runs failed. No.","failedInRow":3,"failing":true,` +
		`"createdBy":"alice","createdAt":"2026-01-31T10:00:00Z","updatedAt":"2026-01-31T10:00:01Z"}`
	for _, c := range []struct{ method, path, want string }{
		{"GET", path, `{"success":true,"paused":{"by":"bob","at":"2026-01-31T10:00:04Z"},"schedules":[` + shown + `]}`},
		{"GET", path + "/" + scheduleA, `{"success":true,"schedule":` + shown + `}`},
		{"GET", path + "/" + scheduleA + "/runs", `{"success":true,"runs":[{"peer":"branch-2","dueAt":"2026-01-31T10:00:00Z","startAt":"2026-01-31T10:00:01Z","by":null,"state":"started","session":` + last + `,"problem":null}]}`},
		{"POST", path + "/" + scheduleA + "/run", `{"success":true,"runs":[{"peer":"branch-2","dueAt":"2026-01-31T10:00:00Z","startAt":"2026-01-31T10:00:00Z","by":"alice","state":"skipped","session":null,"problem":"Skipped."}]}`},
		{"POST", path + "/pause", `{"success":true,"paused":{"by":"alice","at":"2026-01-31T10:00:04Z"}}`},
		{"POST", path + "/resume", `{"success":true,"paused":null}`},
	} {
		if a := n.call(c.method, c.path, ""); strings.TrimSpace(a.body) != c.want {
			t.Errorf("%s %s: got  %s\nwant %s", c.method, c.path, a.body, c.want)
		}
	}
	for _, bad := range []string{"/nightly", "/pause"} {
		if a := n.call("GET", path+bad, ""); a.status != 400 {
			t.Errorf("%s: %d %s", bad, a.status, a.body)
		}
	}
	if a := n.call("GET", path+"/"+sessionA, ""); a.status != 404 || a.member("code") != "SCHEDULE_NOT_FOUND" {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestAddAndChangeSchedules(t *testing.T) {
	t.Parallel()
	n := setup(t)
	const path = "/api/admin/sync/schedules"
	var added schedule.New
	n.addSchedule = func(s schedule.New) (schedule.View, error) { added = s; return nightly(), nil }
	a := n.call("POST", path, `{"name":"n","cron":"@daily","timezone":"UTC","action":"push","targetPeers":["a","b"],"options":{"deleteMissing":true}}`)
	if a.status != 201 || a.header.Get("Location") != path+"/"+scheduleA || !reflect.DeepEqual(added, schedule.New{
		Name: "n", Cron: "@daily", Timezone: "UTC", Enabled: true, Action: session.Push, TargetPeers: []string{"a", "b"}, Catalog: "main", IfRunning: schedule.Skip, By: "alice",
		Options: session.Options{CompressionEnabled: true, DeleteMissing: true, MaxDeletes: 500, MaxDeletePercent: 10},
	}) {
		t.Errorf("%d %s: %+v", a.status, a.body, added)
	}
	for _, body := range []string{
		`{"name":"n","cron":"@daily","timezone":"UTC","action":"revert","targetPeers":["a"]}`, `{"name":"n","cron":"@daily","timezone":"UTC","action":"pull","targetPeers":[]}`,
		`{"name":"n","cron":"@daily","timezone":"UTC","action":"pull"}`, `{"cron":"@daily","timezone":"UTC","action":"pull","targetPeers":["a"]}`,
		`{"name":"n","cron":"@daily","timezone":"UTC","action":"pull","targetPeers":["a"],"jitterSeconds":3601}`, `{"name":"n","cron":"@daily","timezone":"UTC","action":"pull","targetPeers":["a"],"url":"http://x"}`,
	} {
		if a := n.call("POST", path, body); a.status != 400 || a.member("details") == nil {
			t.Errorf("%s: %d %s", body, a.status, a.body)
		}
	}
	if a := n.call("POST", path, `{"name":"n","cron":"@daily","timezone":"UTC","action":"pull","targetPeers":["a"],"options":{"teleport":true}}`); a.status != 422 || a.details()["options.teleport"] == "" {
		t.Errorf("%d %s", a.status, a.body)
	}
	n.addSchedule = func(s schedule.New) (schedule.View, error) { return schedule.View{}, schedule.Exists(s.Name) }
	if a := n.call("POST", path, `{"name":"n","cron":"@daily","timezone":"UTC","action":"pull","targetPeers":["a"]}`); a.status != 409 || a.member("code") != "SCHEDULE_EXISTS" {
		t.Errorf("%d %s", a.status, a.body)
	}
	var changed schedule.Change
	n.changeSchedule = func(c schedule.Change) (schedule.View, error) { changed = c; return nightly(), nil }
	off, peers := false, []string{"c"}
	if a := n.call("PATCH", path+"/"+scheduleA, `{"enabled":false,"targetPeers":["c"]}`); a.status != 200 || !reflect.DeepEqual(changed, schedule.Change{Enabled: &off, TargetPeers: &peers}) {
		t.Errorf("%d %s: %+v", a.status, a.body, changed)
	}
	if a := n.call("PATCH", path+"/"+scheduleA, `{}`); a.status != 400 {
		t.Errorf("nothing to change: %d %s", a.status, a.body)
	}
}
