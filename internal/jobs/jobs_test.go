package jobs_test

import (
	"errors"
	"testing"

	"fullsync/internal/jobs"
	"fullsync/internal/syncer"
)

// A transaction writes both a session and its job, or neither.
func TestAJobLivesAndDiesWithItsTransaction(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, d jobs.Database) {
		e, calls := engine(t, d, 2)
		tx := begin(t, d)
		if _, err := e.Enqueue(t.Context(), tx, "rolled-back", 3); err != nil {
			t.Fatal(err)
		}
		if err := tx.Rollback(); err != nil {
			t.Fatal(err)
		}
		if n := countJobs(t, d); n != 0 {
			t.Errorf("%d jobs are left of a transaction that was rolled back", n)
		}

		id := enqueue(t, d, e, "committed", 7)
		call := calls.next(t)
		if call.sessionID != "committed" || call.fence != 7 || id == 0 {
			t.Errorf("job %d runs session %q with fence %d, want committed and 7", id, call.sessionID, call.fence)
		}
		if err := call.ctx.Err(); err != nil {
			t.Errorf("the run starts with a cancelled context: %v", err)
		}
		call.end <- nil
		if n := countJobs(t, d); n != 1 {
			t.Errorf("there are %d jobs, want one", n)
		}
	})
}

// The command line uses an engine without workers: it can insert jobs, and abort one that runs in another process.
func TestAbortReachesTheWorkerOfAnotherEngine(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, d jobs.Database) {
		_, calls := engine(t, d, 2)
		commandLine, _ := engine(t, d, 0)
		id := enqueue(t, d, commandLine, "aborted", 1)
		other := enqueue(t, d, commandLine, "untouched", 1)
		first, second := calls.next(t), calls.next(t)
		if first.sessionID != "aborted" {
			first, second = second, first
		}
		if err := commandLine.Abort(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		if cause := first.cause(t); !errors.Is(cause, syncer.ErrAborted) {
			t.Errorf("the run ended with %v, want ErrAborted", cause)
		}
		if err := second.ctx.Err(); err != nil {
			t.Errorf("job %d should have gone on, and ended with %v", other, err)
		}
		first.end <- nil
		second.end <- nil

		if err := commandLine.Abort(t.Context(), id); err != nil {
			t.Errorf("aborting it again: %v", err)
		}
		if err := commandLine.Abort(t.Context(), 987654321); err != nil {
			t.Errorf("aborting a job that is gone: %v", err)
		}
	})
}

// A job that is aborted before a worker takes it never runs.
func TestAbortOfAWaitingJob(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, d jobs.Database) {
		commandLine, _ := engine(t, d, 0)
		if err := commandLine.Abort(t.Context(), enqueue(t, d, commandLine, "never", 1)); err != nil {
			t.Fatal(err)
		}
		enqueue(t, d, commandLine, "next", 2)
		_, calls := engine(t, d, 1)
		call := calls.next(t)
		if call.sessionID != "next" {
			t.Errorf("session %q is running", call.sessionID)
		}
		call.end <- nil
	})
}

// If a run cannot even claim its session, because the database is away or its process is about to stop, the job comes back
// later.
func TestAJobThatCouldNotStartComesBack(t *testing.T) {
	t.Parallel()
	for name, failure := range map[string]error{"shutdown": syncer.ErrShutdown, "failure": errors.New("the database does not answer")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onBoth(t, func(t *testing.T, d jobs.Database) {
				e, calls := engine(t, d, 1)
				enqueue(t, d, e, "again", 4)
				calls.next(t).end <- failure
				call := calls.next(t)
				if call.sessionID != "again" || call.fence != 4 {
					t.Errorf("the next run was of session %q with fence %d", call.sessionID, call.fence)
				}
				call.end <- nil
				if n := countJobs(t, d); n != 1 {
					t.Errorf("there are %d jobs, want the same one again", n)
				}
			})
		})
	}
}

// Stop waits for running jobs, cancels those that do not end by themselves, and leaves them to the next engine.
func TestStopWaitsForRuns(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("a stopping engine waits five seconds for its workers")
	}
	onBoth(t, func(t *testing.T, d jobs.Database) {
		e, calls := engine(t, d, 2)
		enqueue(t, d, e, "handed-over", 1)
		call := calls.next(t)
		if err := e.Ready(); err != nil {
			t.Errorf("a running engine is not ready: %v", err)
		}
		stopped := make(chan struct{})
		go func() { defer close(stopped); stop(t, e) }()
		if cause := call.cause(t); !errors.Is(cause, syncer.ErrShutdown) {
			t.Errorf("the run ended with %v, want ErrShutdown", cause)
		}
		select {
		case <-stopped:
			t.Error("Stop returned before the run had ended")
		default:
		}
		call.end <- syncer.ErrShutdown
		<-stopped
		if err := e.Ready(); err == nil {
			t.Error("a stopped engine says it is ready")
		}

		_, next := engine(t, d, 1)
		again := next.next(t)
		if again.sessionID != "handed-over" || again.fence != 1 {
			t.Errorf("the next engine runs %q with fence %d", again.sessionID, again.fence)
		}
		again.end <- nil
	})
}

func TestMigrateTwice(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, d jobs.Database) {
		if err := d.Migrate(t.Context()); err != nil { // the second time: see database
			t.Error(err)
		}
	})
}
