package syncer_test

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fullsync/internal/postgrestest"
	"fullsync/internal/session"
	"fullsync/internal/store"
	"fullsync/internal/syncer"
)

// watched is a database with one session of a worker that gives no sign of life, and what watches it.
type watched struct {
	*store.Store
	cfg   syncer.Config
	queue *countingQueue
}

// countingQueue is a job engine that only counts; pending and begun are what it says of every job.
type countingQueue struct {
	enqueued, aborted int
	pending, begun    bool
}

func (q *countingQueue) Enqueue(context.Context, *sql.Tx, string, int64) (int64, error) {
	q.enqueued++
	return int64(q.enqueued), nil
}

func (q *countingQueue) EnqueuePush(ctx context.Context, tx *sql.Tx, id string, fence int64) (int64, error) {
	return q.Enqueue(ctx, tx, id, fence)
}

func (q *countingQueue) Abort(context.Context, int64) error { q.aborted++; return nil }

func (q *countingQueue) Pending(context.Context, int64) (waiting, begun bool, err error) {
	return q.pending, q.begun, nil
}

// onBoth runs a test on a fresh database of each kind that holds session s1, claimed by worker main-1.
func onBoth(t *testing.T, test func(t *testing.T, w *watched)) {
	for name, options := range map[string]func(t *testing.T) store.Options{
		"sqlite": func(t *testing.T) store.Options {
			return store.Options{SQLitePath: filepath.Join(t.TempDir(), "fullsync.db")}
		},
		"postgres": func(t *testing.T) store.Options {
			return store.Options{URL: postgrestest.NewDatabase(t), Workers: 2}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, _ := database(t, options(t))
			test(t, &watched{Store: db, queue: &countingQueue{pending: true}, cfg: syncer.Config{
				Logger: slog.New(slog.DiscardHandler), HeartbeatInterval: 20 * time.Millisecond, MaxFruitlessTakeovers: 2,
				Limits: session.Limits{StaleAfter: time.Minute},
			}})
		})
	}
}

func (w *watched) start(t *testing.T) session.Session {
	t.Helper()
	w.create(t)
	return w.claim(t, 0)
}

// create makes s1, which waits for a worker.
func (w *watched) create(t *testing.T) {
	t.Helper()
	c, err := w.CreateSession(t.Context(), session.Session{
		ID: "s1", Catalog: "main", PeerID: "branch", Status: session.Preparing, Phase: session.PhaseQueued,
	}, syncer.Creation{Enqueue: w.queue.Enqueue})
	if err != nil || !c.OK {
		t.Fatal(c, err)
	}
}

func (w *watched) claim(t *testing.T, fence int64) session.Session {
	t.Helper()
	row, ok, err := w.ClaimSession(t.Context(), "s1", fence, "main-1")
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	return row
}

// silence makes the last sign of life of the active session, or its start where there was none, an hour old.
func (w *watched) silence(t *testing.T) {
	t.Helper()
	w.shift(t, -1)
}

// shift moves the last sign of life and the start of the active session by whole hours, as if the clock had been wrong by as much then.
func (w *watched) shift(t *testing.T, hours int) {
	t.Helper()
	shifted := "%[1]s = %[1]s + interval '%[2]d hours'"
	if w.Listener() == nil {
		shifted = "%[1]s = strftime('%%Y-%%m-%%d %%H:%%M:%%f+00:00', %[1]s, '%+[2]d hours')"
	}
	update := "UPDATE sync_sessions SET " + fmt.Sprintf(shifted, "started_at", hours) + ", " + fmt.Sprintf(shifted, "last_heartbeat_at", hours)
	if _, err := w.SQL().ExecContext(t.Context(), update+" WHERE completed_at IS NULL"); err != nil {
		t.Fatal(err)
	}
}

func (w *watched) row(t *testing.T) session.Session {
	t.Helper()
	row, _, err := w.GetSession(t.Context(), "s1")
	if err != nil {
		t.Fatal(err)
	}
	return row
}

func (w *watched) watcher() *syncer.Watcher {
	return syncer.NewWatcher(w.cfg, w.Store, w.queue, w.queue)
}

func look(t *testing.T, w *syncer.Watcher) {
	t.Helper()
	if err := w.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// lookUntil looks again and again until the session is as wanted, or the test's time is up.
func (w *watched) lookUntil(t *testing.T, watcher *syncer.Watcher, wanted func(session.Session) bool) session.Session {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		look(t, watcher)
		if row := w.row(t); wanted(row) {
			return row
		}
	}
	t.Fatalf("the session stays %+v", w.row(t))
	return session.Session{}
}

func TestSilentWorkerLosesItsSessionAtTheSecondLook(t *testing.T) {
	onBoth(t, func(t *testing.T, w *watched) {
		held := w.start(t)
		w.silence(t)
		watcher := w.watcher()
		look(t, watcher)
		if row := w.row(t); row.Fence != held.Fence {
			t.Fatal("one look was enough: a machine that was paused would lose its sessions")
		}
		row := w.lookUntil(t, watcher, func(s session.Session) bool { return s.Fence > held.Fence })
		if row.Worker != "" || row.Phase != session.PhaseQueued || row.JobID == held.JobID || w.queue.aborted != 1 {
			t.Errorf("taken over as %+v, %d aborted", row, w.queue.aborted)
		}
		if w.queue.enqueued != 2 {
			t.Errorf("%d jobs, want the first and the successor's", w.queue.enqueued)
		}
	})
}

func TestLivingWorkerKeepsItsSession(t *testing.T) {
	onBoth(t, func(t *testing.T, w *watched) {
		held := w.start(t)
		watcher := w.watcher()
		for i := range 20 {
			// Each time the heartbeat is old, and each time it is another one: slow, but alive.
			w.shift(t, -1-i)
			look(t, watcher)
			if err := w.Heartbeat(t.Context(), session.Claim{SessionID: "s1", Fence: held.Fence}, session.Pulse{}); err != nil {
				t.Fatal(err)
			}
		}
		if row := w.row(t); row.Fence != held.Fence {
			t.Errorf("taken from a living worker: %+v", row)
		}
	})
}

func TestTakeoversWithoutProgressEndInFailed(t *testing.T) {
	onBoth(t, func(t *testing.T, w *watched) {
		held := w.start(t)
		watcher := w.watcher()
		for range w.cfg.MaxFruitlessTakeovers {
			w.silence(t)
			row := w.lookUntil(t, watcher, func(s session.Session) bool { return s.Fence > held.Fence })
			held = w.claim(t, row.Fence)
		}
		w.silence(t)
		row := w.lookUntil(t, watcher, func(s session.Session) bool { return !s.Status.Active() })
		if row.Status != session.Failed || !strings.Contains(row.ErrorMessage, "3 workers in a row") {
			t.Errorf("ended as %s: %q", row.Status, row.ErrorMessage)
		}
	})
}

// Where sessions are never taken over, the first worker that is lost was the last one, and the sentence does not count.
func TestLostWorkerWithoutTakeoversEndsInFailed(t *testing.T) {
	onBoth(t, func(t *testing.T, w *watched) {
		w.cfg.MaxFruitlessTakeovers = 0
		w.start(t)
		w.silence(t)
		row := w.lookUntil(t, w.watcher(), func(s session.Session) bool { return !s.Status.Active() })
		const want = "The worker of this sync, main-1, was lost, and syncs are not taken over here (FULLSYNC_MAX_TAKEOVERS is 0). " +
			"Look into its log for what ended it, then start the sync again."
		if row.Status != session.Failed || row.ErrorMessage != want || w.queue.enqueued != 1 {
			t.Errorf("ended as %s after %d jobs: %q", row.Status, w.queue.enqueued, row.ErrorMessage)
		}
	})
}

func TestWaitingSessionWhoseJobIsGoneGetsAnother(t *testing.T) {
	onBoth(t, func(t *testing.T, w *watched) {
		held := w.start(t)
		if err := w.ReleaseSession(t.Context(), session.Claim{SessionID: "s1", Fence: held.Fence}, w.queue.Enqueue); err != nil {
			t.Fatal(err)
		}
		w.silence(t)
		waiting := w.row(t)
		look(t, w.watcher())
		if row := w.row(t); row.JobID != waiting.JobID {
			t.Error("a job that waits was doubled")
		}
		w.queue.pending = false
		look(t, w.watcher())
		if row := w.row(t); row.JobID == waiting.JobID || row.Fence != waiting.Fence {
			t.Errorf("not enqueued again: %+v", row)
		}
	})
}

func TestJobThatBeganAndDiedBeforeTheClaimIsReplaced(t *testing.T) {
	onBoth(t, func(t *testing.T, w *watched) {
		held := w.start(t)
		if err := w.ReleaseSession(t.Context(), session.Claim{SessionID: "s1", Fence: held.Fence}, w.queue.Enqueue); err != nil {
			t.Fatal(err)
		}
		w.silence(t)
		waiting := w.row(t)
		w.queue.pending, w.queue.begun = false, true
		watcher := w.watcher()
		look(t, watcher)
		if row := w.row(t); row.JobID != waiting.JobID {
			t.Error("one look was enough: a job that just begins was doubled")
		}
		row := w.lookUntil(t, watcher, func(s session.Session) bool { return s.JobID != waiting.JobID })
		if row.Fence != waiting.Fence || row.Worker != "" || w.queue.aborted != 0 {
			t.Errorf("not enqueued again: %+v, %d aborted", row, w.queue.aborted)
		}
	})
}

// TestClockPutBackHidesNoLostWorker: the clock was an hour ahead when the worker was lost. Its last sign of life is still to come, and it is noticed all the same.
func TestClockPutBackHidesNoLostWorker(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *watched) {
		w.start(t)
		w.shift(t, 1)
		patient := w.watcher()
		for range 3 {
			look(t, patient)
		}
		w.cfg.Limits.StaleAfter = 100 * time.Millisecond
		hasty := w.watcher()
		look(t, hasty)
		if row := w.row(t); row.Worker == "" {
			t.Fatal("taken over before the worker had its time to give another sign of life")
		}
		if err := w.Heartbeat(t.Context(), session.Claim{SessionID: "s1", Fence: 1}, session.Pulse{}); err != nil {
			t.Fatal(err)
		}
		w.cfg.Limits.StaleAfter = time.Minute
		if stale, err := w.StaleSessions(t.Context(), time.Minute); len(stale.Sessions) != 0 || err != nil {
			t.Fatalf("a worker that lives after the clock was put back counts as lost: %v", err)
		}
		w.shift(t, 1)
		w.lookUntil(t, hasty, func(s session.Session) bool { return s.Fence == 2 && s.Worker == "" })
		enqueued := w.queue.enqueued
		w.queue.pending = false
		look(t, hasty)
		if w.queue.enqueued != enqueued+1 {
			t.Errorf("a session whose job is gone waits until the clock has caught up")
		}
	})
}
