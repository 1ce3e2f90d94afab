package app_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"fullsync/api/spec"
	"fullsync/internal/nodetest"
)

const schedulesPath = "/api/admin/sync/schedules"

// addSchedule adds a schedule that runs at midnight, unless the test says otherwise with more members.
func addSchedule(t *testing.T, n *nodetest.Node, name, more string) spec.Schedule {
	t.Helper()
	a := n.Call("alice", http.MethodPost, schedulesPath, `{"name":"`+name+`","cron":"@daily","timezone":"Europe/Berlin","action":"pull","targetPeers":["branch"]`+more+`}`)
	added, err := nodetest.Decode[spec.ScheduleResponse](a)
	if a.Status != http.StatusCreated || err != nil {
		t.Fatalf("add: %d %s %v", a.Status, a.Body, err)
	}
	return added.Schedule
}

// fallDue makes a schedule due now, as if midnight had been some hours ago.
func fallDue(t *testing.T, n *nodetest.Node, s spec.Schedule) {
	t.Helper()
	if _, err := n.Store.SQL().ExecContext(t.Context(), "UPDATE schedules SET next_at = $1 WHERE id = $2", time.Now().UTC().Add(-30*time.Hour).Truncate(time.Second), s.Id.String()); err != nil {
		t.Fatal(err)
	}
}

func showSchedule(t *testing.T, n *nodetest.Node, s spec.Schedule) spec.Schedule {
	t.Helper()
	shown, err := nodetest.Decode[spec.ScheduleResponse](n.Call("alice", http.MethodGet, schedulesPath+"/"+s.Id.String(), ""))
	if err != nil {
		t.Fatal(err)
	}
	return shown.Schedule
}

func runsOf(t *testing.T, n *nodetest.Node, s spec.Schedule) []spec.ScheduleRun {
	t.Helper()
	runs, err := nodetest.Decode[spec.ScheduleRunsResponse](n.Call("alice", http.MethodGet, schedulesPath+"/"+s.Id.String()+"/runs", ""))
	if err != nil {
		t.Fatal(err)
	}
	return runs.Runs
}

// states waits until the schedule has runs in these states, the newest first, and returns them.
func states(t *testing.T, n *nodetest.Node, s spec.Schedule, want ...spec.ScheduleRunState) (runs []spec.ScheduleRun) {
	t.Helper()
	nodetest.Eventually(t, fmt.Sprint("runs ", want), func() bool {
		runs = runsOf(t, n, s)
		return slices.EqualFunc(runs, want, func(r spec.ScheduleRun, state spec.ScheduleRunState) bool { return r.State == state })
	}, func() string { return fmt.Sprintf("%+v", runs) })
	return runs
}

// TestScheduleRunsOnceOnOneOfItsReplicas: what was missed happens once, late, although two replicas look for it and both are asked.
func TestScheduleRunsOnceOnOneOfItsReplicas(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, 10, nodetest.Config{})
		if kind == nodetest.Postgres {
			nodetest.Start(t, nodetest.Config{ID: pair.Main.NodeID(), Database: pair.Main.Database()})
		}
		s := addSchedule(t, pair.Main, "nightly", `,"options":{"verifyAfterSync":true}`)
		if len(s.NextRuns) != 3 || s.LastSession != nil || s.CreatedBy != "alice" {
			t.Errorf("%+v", s)
		}
		fallDue(t, pair.Main, s)
		run := states(t, pair.Main, s, spec.RunStarted)[0]
		if run.Session == nil || run.By != nil || !run.DueAt.Before(run.StartAt) {
			t.Fatalf("%+v", run)
		}
		done := pair.Main.WaitEnd(run.Session.SessionId, spec.COMPLETED)
		if done.StartedBy != "schedule nightly" || !done.Options.VerifyAfterSync || done.Created != 10 {
			t.Errorf("%+v", done)
		}
		if s = showSchedule(t, pair.Main, s); s.LastSession == nil || s.LastSession.Status != spec.COMPLETED || s.LastError != nil || !s.NextRuns[0].After(time.Now()) {
			t.Errorf("%+v", s)
		}
		fallDue(t, pair.Main, s)
		states(t, pair.Main, s, spec.RunStarted, spec.RunStarted)
		// A name is taken once, and a schedule that is gone takes its runs along but no session.
		a := pair.Main.Call("alice", http.MethodPost, schedulesPath, `{"name":"nightly","cron":"@daily","timezone":"UTC","action":"pull","targetPeers":["branch"]}`)
		if a.Status != http.StatusConflict {
			t.Errorf("%d %s", a.Status, a.Body)
		}
		if a := pair.Main.Call("alice", http.MethodDelete, schedulesPath+"/"+s.Id.String(), ""); a.Status != http.StatusOK {
			t.Errorf("%d %s", a.Status, a.Body)
		}
		if a := pair.Main.Call("alice", http.MethodDelete, schedulesPath+"/"+s.Id.String(), ""); a.Status != http.StatusNotFound {
			t.Errorf("%d %s", a.Status, a.Body)
		}
		pair.Main.Session(run.Session.SessionId)
	})
}

// TestScheduleMeetsAnActiveSession: one is skipped and says so, the other waits for its turn.
func TestScheduleMeetsAnActiveSession(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, 10, nodetest.Config{})
		gate := pair.Wire.HoldPage(t, nodetest.ProductsPath, 1)
		active := pair.Main.Pull(nodetest.Pull{})
		skips, waits := addSchedule(t, pair.Main, "skips", ""), addSchedule(t, pair.Main, "waits", `,"ifRunning":"queue"`)
		fallDue(t, pair.Main, skips)
		run := states(t, pair.Main, skips, spec.RunSkipped)[0]
		if want := "Skipped: sync " + active.SessionId.String() + " is still running."; run.Session != nil || run.Problem == nil || *run.Problem != want {
			t.Errorf("%+v", run)
		}
		if s := showSchedule(t, pair.Main, skips); s.LastError == nil || s.FailedInRow != 0 {
			t.Errorf("%+v", s)
		}
		fallDue(t, pair.Main, waits)
		nodetest.Eventually(t, "the run to wait", func() bool {
			runs := runsOf(t, pair.Main, waits)
			return len(runs) == 1 && runs[0].State == spec.RunWaiting && runs[0].Problem != nil && strings.Contains(*runs[0].Problem, active.SessionId.String())
		})
		if m := scrape(t, pair.Main); m.value("fullsync_schedule_runs_waiting") != 1 || m.value("fullsync_schedule_overdue_seconds") <= 0 {
			t.Errorf("a run that waits is %v and late by %v", m["fullsync_schedule_runs_waiting"], m["fullsync_schedule_overdue_seconds"])
		}
		// What falls due while one waits is skipped: there is never a queue of the same.
		fallDue(t, pair.Main, waits)
		nodetest.Eventually(t, "the second run to be skipped", func() bool { return len(runsOf(t, pair.Main, waits)) == 2 })
		gate.Open()
		pair.Main.WaitEnd(active.SessionId, spec.COMPLETED)
		nodetest.Eventually(t, "one run to start and one to be skipped", func() bool {
			runs := runsOf(t, pair.Main, waits)
			slices.SortFunc(runs, func(a, b spec.ScheduleRun) int { return strings.Compare(string(a.State), string(b.State)) })
			return runs[0].State == spec.RunSkipped && runs[1].State == spec.RunStarted
		})
		var m families
		nodetest.Eventually(t, "the runs to be counted", func() bool {
			m = scrape(t, pair.Main)
			return m.value("fullsync_schedule_runs_total") == 3
		}, func() string { return m["fullsync_schedule_runs_total"].String() })
		m.wants(t, 1, "fullsync_schedule_runs_total", "result", "started")
		m.wants(t, 2, "fullsync_schedule_runs_total", "result", "skipped")
		m.wants(t, 1, "fullsync_schedule_delay_seconds")
		m.wants(t, 0, "fullsync_schedule_runs_waiting")
		m.wants(t, 0, "fullsync_schedule_overdue_seconds")
		if a := pair.Main.Call("alice", http.MethodPatch, schedulesPath+"/"+waits.Id.String(), `{"enabled":false}`); a.Status != http.StatusOK {
			t.Errorf("%d %s", a.Status, a.Body)
		}
		log := string(pair.Main.Call("alice", http.MethodGet, "/api/admin/audit?action=schedule", "").Body)
		if strings.Count(log, `"schedule.added"`) != 2 || !strings.Contains(log, `"action":"schedule.changed","target":"`+waits.Id.String()+`","before":{"enabled":true},"after":{"enabled":false}`) {
			t.Error(log)
		}
		if s := showSchedule(t, pair.Main, waits); len(s.NextRuns) != 0 || s.Enabled {
			t.Errorf("%+v", s)
		}
	})
}

// TestPausedSchedules: while all are paused the clock starts nothing, people do.
func TestPausedSchedules(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, 10, nodetest.Config{})
		s := addSchedule(t, pair.Main, "nightly", "")
		paused, err := nodetest.Decode[spec.SchedulePauseResponse](pair.Main.Call("bob", http.MethodPost, schedulesPath+"/pause", ""))
		if err != nil || paused.Paused == nil || paused.Paused.By != "bob" {
			t.Fatalf("%+v %v", paused, err)
		}
		if again, err := nodetest.Decode[spec.SchedulePauseResponse](pair.Main.Call("alice", http.MethodPost, schedulesPath+"/pause", "")); err != nil || again.Paused.By != "bob" {
			t.Errorf("%+v %v", again, err)
		}
		fallDue(t, pair.Main, s)
		// Whoever looks after this request has seen the schedule due and paused, if the clock runs at all.
		ran, err := nodetest.Decode[spec.ScheduleRunsResponse](pair.Main.Call("alice", http.MethodPost, schedulesPath+"/"+s.Id.String()+"/run", ""))
		if err != nil || len(ran.Runs) != 1 || ran.Runs[0].State != spec.RunStarted || ran.Runs[0].By == nil || *ran.Runs[0].By != "alice" {
			t.Fatalf("%+v %v", ran, err)
		}
		m := scrape(t, pair.Main)
		m.wants(t, 1, "fullsync_schedules_paused")
		m.wants(t, 0, "fullsync_schedule_overdue_seconds")
		m.wants(t, 0, "fullsync_schedule_delay_seconds") // nobody waited for it
		done := pair.Main.WaitEnd(ran.Runs[0].Session.SessionId, spec.COMPLETED)
		if done.StartedBy != "alice" {
			t.Errorf("started by %s", done.StartedBy)
		}
		list, err := nodetest.Decode[spec.ScheduleListResponse](pair.Main.Call("alice", http.MethodGet, schedulesPath, ""))
		if err != nil || list.Paused == nil || len(list.Schedules) != 1 {
			t.Errorf("%+v %v", list, err)
		}
		if a := pair.Main.Call("alice", http.MethodPost, schedulesPath+"/resume", ""); a.Status != http.StatusOK {
			t.Errorf("%d %s", a.Status, a.Body)
		}
		if s = showSchedule(t, pair.Main, s); !s.NextRuns[0].After(time.Now()) {
			t.Errorf("%+v", s)
		}
		states(t, pair.Main, s, spec.RunStarted) // the one out of turn, and none for the time of the pause
	})
}

// TestScheduleThatKeepsFailing says so, in the log too, until it goes well again.
func TestScheduleThatKeepsFailing(t *testing.T) {
	t.Parallel()
	pair := nodetest.NewPair(t, nodetest.SQLite, 10, nodetest.Config{})
	s := addSchedule(t, pair.Main, "nightly", "")
	off, on := false, true
	pair.Main.ChangePeer(nodetest.Branch, spec.PeerChange{IsActive: &off})
	failed := []spec.ScheduleRunState{}
	for n := 1; n <= 3; n++ {
		fallDue(t, pair.Main, s)
		failed = append(failed, spec.RunFailed)
		states(t, pair.Main, s, failed...)
		shown := showSchedule(t, pair.Main, s)
		if shown.FailedInRow != n || shown.Failing != (n == 3) || shown.LastError == nil || !strings.Contains(*shown.LastError, "switched off") {
			t.Errorf("after %d: %+v", n, shown)
		}
	}
	if shown := showSchedule(t, pair.Main, s); !strings.HasPrefix(*shown.LastError, "The last 3 runs failed. ") {
		t.Errorf("%s", *shown.LastError)
	}
	var m families
	nodetest.Eventually(t, "the runs to be counted", func() bool {
		m = scrape(t, pair.Main)
		return m.value("fullsync_schedule_runs_total", "result", "failed") == 3
	}, func() string { return m["fullsync_schedule_runs_total"].String() })
	m.wants(t, 3, "fullsync_schedule_failures_in_row")
	m.wants(t, 1, "fullsync_schedules", "state", "failing")
	m.wants(t, 1, "fullsync_schedules")
	pair.Main.ChangePeer(nodetest.Branch, spec.PeerChange{IsActive: &on})
	fallDue(t, pair.Main, s)
	runs := states(t, pair.Main, s, append([]spec.ScheduleRunState{spec.RunStarted}, failed...)...)
	pair.Main.WaitEnd(runs[0].Session.SessionId, spec.COMPLETED)
	if shown := showSchedule(t, pair.Main, s); shown.FailedInRow != 0 || shown.Failing || shown.LastError != nil {
		t.Errorf("%+v", shown)
	}
	if a := pair.Main.Call("alice", http.MethodPost, schedulesPath, `{"name":"x","cron":"@daily","timezone":"UTC","action":"pull","targetPeers":["nobody"]}`); a.Status != http.StatusUnprocessableEntity {
		t.Errorf("%d %s", a.Status, a.Body)
	}
}

// TestManyRunNowsStartOneSession: people and clocks press at the same moment.
func TestManyRunNowsStartOneSession(t *testing.T) {
	t.Parallel()
	pair := nodetest.NewPair(t, nodetest.Postgres, 10, nodetest.Config{})
	gate := pair.Wire.HoldPage(t, nodetest.ProductsPath, 1)
	s := addSchedule(t, pair.Main, "nightly", "")
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() { pair.Main.Call("alice", http.MethodPost, schedulesPath+"/"+s.Id.String()+"/run", "") })
	}
	all.Wait()
	started := 0
	for _, r := range runsOf(t, pair.Main, s) {
		if r.State == spec.RunStarted {
			started++
		} else if r.State != spec.RunSkipped {
			t.Errorf("%+v", r)
		}
	}
	if started != 1 {
		t.Errorf("%d sessions", started)
	}
	gate.Open()
}
