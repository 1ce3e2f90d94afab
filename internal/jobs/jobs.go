// Package jobs is the job engine: River, on the same database as everything else, so that a session and the job that
// works on it are written in one transaction. Liveness and fencing are not its business: they are in the session row.
package jobs

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverdatabasesql"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/riverqueue/river/rivertype"

	"fullsync/internal/syncer"
)

// Database is where the engine keeps its jobs.
type Database struct {
	SQL *sql.DB
	// Listener is a pool of the same PostgreSQL that can LISTEN; nil on SQLite.
	Listener *pgxpool.Pool
}

func (d Database) driver() riverdriver.Driver[*sql.Tx] {
	if d.Listener == nil {
		return riversqlite.New(d.SQL)
	}
	return riverdatabasesql.NewWithPgxListener(d.SQL, d.Listener)
}

// Migrate creates or updates the engine's tables. It does not lock: call it inside the lock of the migrations.
func (d Database) Migrate(ctx context.Context) error {
	migrator, err := rivermigrate.New(d.driver(), &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	_, err = migrator.Migrate(ctx, rivermigrate.DirectionUp, nil)
	return err
}

// args is a job: work on a session while its fence is the given one.
type args struct {
	SessionID string `json:"sessionId"`
	Fence     int64  `json:"fence"`
}

// Kind names the job for River.
func (args) Kind() string { return "full_sync" }

// Runner works on a session until it has ended.
type Runner interface {
	// Run returns syncer.ErrShutdown when it did not begin because this process stops.
	Run(ctx context.Context, sessionID string, fence int64) error
}

// Engine inserts jobs and, once started, works on them.
type Engine struct {
	client *river.Client[*sql.Tx]
	runner *lateRunner
	upkeep *upkeep
}

// lateRunner is the runner that [Engine.Start] is given: the runner itself needs the engine to exist.
type lateRunner struct {
	river.WorkerDefaults[args]
	Runner
}

// New returns an engine that works on up to workers sessions at once; 0 makes one that only inserts and aborts.
func New(d Database, workers int, log *slog.Logger) (*Engine, error) {
	e := &Engine{runner: &lateRunner{}, upkeep: &upkeep{}}
	cfg := &river.Config{Logger: slog.New(errorsOnly{log.Handler()}), SoftStopTimeout: softStop}
	if workers > 0 {
		cfg.Workers = river.NewWorkers()
		river.AddWorker(cfg.Workers, e.runner)
		river.AddWorker(cfg.Workers, e.upkeep)
		cfg.Queues = map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: workers}, upkeepQueue: {MaxWorkers: 1}}
		cfg.PeriodicJobs = []*river.PeriodicJob{everyHour()}
		cfg.FetchCooldown, cfg.FetchPollInterval = fetchCooldown, fetchPoll
		cfg.JobTimeout = -1 // a session may take hours; its liveness is in its row
		// Without a timeout the rescuer only tidies up jobs that were cancelled after their process had died.
		cfg.RescueStuckJobsAfter = rescueAfter
	}
	client, err := river.NewClient(d.driver(), cfg)
	e.client = client
	return e, err
}

// errorsOnly lets the engine's errors through; its everyday doings are no news to an operator, and what becomes of
// sessions is logged by those who know them.
type errorsOnly struct{ slog.Handler }

// Enabled is a [slog.Handler]'s.
func (w errorsOnly) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelError && w.Handler.Enabled(ctx, level)
}

const (
	// softStop is how long a stopping engine waits for its workers before it ends their contexts.
	softStop    = 5 * time.Second
	rescueAfter = 5 * time.Minute
	// A person waits for the start: jobs are few, and a look for new ones costs little. The poll finds those whose
	// notification came while the last look was under way.
	fetchCooldown = 20 * time.Millisecond
	fetchPoll     = 200 * time.Millisecond
)

// Start begins to work on jobs with runner, in the background. clean is called at the start and every hour, on one
// replica.
func (e *Engine) Start(ctx context.Context, runner Runner, clean func(context.Context) error) error {
	e.runner.Runner = runner
	e.upkeep.clean = clean
	return e.client.Start(ctx)
}

// Stop fetches no more jobs and waits for those at work, at most until ctx ends.
func (e *Engine) Stop(ctx context.Context) error { return e.client.Stop(ctx) }

// Ready returns an error when the engine is not at work.
func (e *Engine) Ready() error {
	select {
	case <-e.client.Stopped():
		return errors.New("the job engine has stopped")
	default:
		return nil
	}
}

// Enqueue is a [syncer.Queue]'s.
func (e *Engine) Enqueue(ctx context.Context, tx *sql.Tx, sessionID string, fence int64) (int64, error) {
	inserted, err := e.client.InsertTx(ctx, tx, args{SessionID: sessionID, Fence: fence}, &river.InsertOpts{MaxAttempts: maxAttempts})
	if err != nil {
		return 0, err
	}
	return inserted.Job.ID, nil
}

// maxAttempts lets a job survive a database that is away while the session is being claimed.
const maxAttempts = 10

// Abort is a [syncer.Queue]'s. A job that is gone already is no error.
func (e *Engine) Abort(ctx context.Context, jobID int64) error {
	_, err := e.client.JobCancel(ctx, jobID)
	if errors.Is(err, rivertype.ErrNotFound) {
		return nil
	}
	return err
}

// Pending is a [syncer.JobState]'s.
func (e *Engine) Pending(ctx context.Context, jobID int64) (waiting, begun bool, err error) {
	job, err := e.client.JobGet(ctx, jobID)
	if errors.Is(err, rivertype.ErrNotFound) {
		return false, false, nil
	}
	if err != nil {
		return false, false, err
	}
	begun = job.State == rivertype.JobStateRunning
	return job.FinalizedAt == nil && !begun, begun, nil
}

// retryAfter is when a job that met a stopping process, or could not claim its session, is offered again.
const retryAfter = time.Second

// NextRetry replaces River's growing pauses, which reach hours: a session must not wait longer for its worker than the
// database was away. A job that was given up is replaced by the watchers.
func (r *lateRunner) NextRetry(*river.Job[args]) time.Time { return time.Now().Add(retryAfter) }

// Work runs one job, as River calls it. The causes with which River ends a context become those of the service.
func (r *lateRunner) Work(ctx context.Context, job *river.Job[args]) error {
	run, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	defer context.AfterFunc(ctx, func() {
		if errors.Is(context.Cause(ctx), rivertype.ErrJobCancelledRemotely) {
			cancel(syncer.ErrAborted)
			return
		}
		cancel(syncer.ErrShutdown)
	})()
	err := r.Run(run, job.Args.SessionID, job.Args.Fence)
	if errors.Is(err, syncer.ErrShutdown) {
		return river.JobSnooze(retryAfter)
	}
	return err
}
