package jobs_test

import (
	"context"
	"database/sql"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"fullsync/internal/jobs"
	"fullsync/internal/postgrestest"
	"fullsync/internal/store"
)

func TestMain(m *testing.M) { os.Exit(postgrestest.Main(m)) }

// patience is how long to wait for something that must happen, on a busy machine.
const patience = 20 * time.Second

// onBoth runs a test on a fresh, migrated database of each kind.
func onBoth(t *testing.T, test func(t *testing.T, d jobs.Database)) {
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, database(t, store.Options{SQLitePath: filepath.Join(t.TempDir(), "fullsync.db")}))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, database(t, store.Options{URL: postgrestest.NewDatabase(t)}))
	})
}

func database(t *testing.T, opt store.Options) jobs.Database {
	t.Helper()
	s, err := store.Open(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	d := jobs.In(s)
	if err := d.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return d
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// run is one call of a runner.
type run struct {
	ctx       context.Context
	sessionID string
	fence     int64
	// end makes the call return.
	end chan error
}

// runner passes every call to the test and returns what the test tells it to.
type runner chan run

func (r runner) Run(ctx context.Context, sessionID string, fence int64) error {
	call := run{ctx: ctx, sessionID: sessionID, fence: fence, end: make(chan error)}
	r <- call
	return <-call.end
}

// next waits for the next call.
func (r runner) next(t *testing.T) run {
	t.Helper()
	select {
	case call := <-r:
		return call
	case <-time.After(patience):
		t.Fatal("no job ran")
		return run{}
	}
}

// cause waits until the call's context is cancelled, and returns why.
func (c run) cause(t *testing.T) error {
	t.Helper()
	select {
	case <-c.ctx.Done():
		return context.Cause(c.ctx)
	case <-time.After(patience):
		t.Fatal("the run was never told to stop")
		return nil
	}
}

// engine returns an engine. If it has workers, it is started now and stopped at the end of the test.
func engine(t *testing.T, d jobs.Database, workers int) (*jobs.Engine, runner) {
	t.Helper()
	e, err := jobs.New(d, workers, quiet())
	if err != nil {
		t.Fatal(err)
	}
	calls := make(runner)
	if workers > 0 {
		if err := e.Start(context.WithoutCancel(t.Context()), calls, func(context.Context) error { return nil }); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { stop(t, e) })
	}
	return e, calls
}

func stop(t *testing.T, e *jobs.Engine) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := e.Stop(ctx); err != nil {
		t.Error("stop:", err)
	}
}

// enqueue inserts a job in a transaction of its own and returns the job's id.
func enqueue(t *testing.T, d jobs.Database, e *jobs.Engine, sessionID string, fence int64) int64 {
	t.Helper()
	tx := begin(t, d)
	id, err := e.Enqueue(t.Context(), tx, sessionID, fence)
	if err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	return id
}

func begin(t *testing.T, d jobs.Database) *sql.Tx {
	t.Helper()
	tx, err := d.SQL.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return tx
}

func countJobs(t *testing.T, d jobs.Database) int {
	t.Helper()
	var n int
	if err := d.SQL.QueryRowContext(t.Context(), "SELECT count(*) FROM river_job WHERE kind = 'full_sync'").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
