// Package jobs runs the job engine, River, on the same database as everything else, so that one transaction writes a
// session and its job. Liveness and fencing are not its concern; the session row has them.
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
	"fullsync/internal/telemetry"
)

// Database is where the engine stores its jobs.
type Database struct {
	SQL *sql.DB
	// Listener is a pool on the same PostgreSQL database that can LISTEN; nil on SQLite.
	Listener *pgxpool.Pool
}

// In returns the Database of a store.
func In(store interface {
	JobsSQL() *sql.DB
	Listener() *pgxpool.Pool
}) Database {
	return Database{SQL: store.JobsSQL(), Listener: store.Listener()}
}

func (d Database) driver() riverdriver.Driver[*sql.Tx] {
	if d.Listener == nil {
		return sqliteDriver{Driver: riversqlite.New(d.SQL), db: d.SQL}
	}
	return riverdatabasesql.NewWithPgxListener(d.SQL, d.Listener)
}

// Migrate creates or updates the engine's tables. It takes no lock, so call it while holding the migration lock.
func (d Database) Migrate(ctx context.Context) error {
	migrator, err := rivermigrate.New(d.driver(), &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	_, err = migrator.Migrate(ctx, rivermigrate.DirectionUp, nil)
	return err
}

// args is a job: work on a session as long as its fence is this one.
type args struct {
	SessionID string `json:"sessionId"`
	Fence     int64  `json:"fence"`
	// Trace is where the run belongs, see [telemetry.Parent].
	Trace string `json:"trace,omitempty"`
}

// Kind names the job for River.
func (args) Kind() string { return "full_sync" }

// pushArgs is the same for a push out of this node. It has a kind and a queue of its own, which the previous version does not
// know: it would run a push as a pull.
type pushArgs args

// Kind names the job for River.
func (pushArgs) Kind() string { return "full_sync_push" }

// pushQueue is the queue of pushes. A push mostly waits for its target, so many run at once: one that hangs must not hold up
// the others. What they take of this node is bounded elsewhere (syncer.Config.PushReaders).
const (
	pushQueue    = "push"
	pushesAtOnce = 100
)

// Runner works on a session until the session ends.
type Runner interface {
	// Run returns syncer.ErrShutdown if it never started because this process is stopping.
	Run(ctx context.Context, sessionID string, fence int64) error
}

// Engine inserts jobs and, once started, runs them.
type Engine struct {
	client     *river.Client[*sql.Tx]
	runner     *lateRunner
	upkeep     *upkeep
	deliveries *deliveries
}

// lateRunner is filled in by [Engine.Start], because the runner needs an engine before it can be built.
type lateRunner struct{ Runner }

// syncWorker runs the jobs of sessions that write here, pushWorker those of pushes.
type (
	syncWorker struct {
		river.WorkerDefaults[args]
		*lateRunner
	}
	pushWorker struct {
		river.WorkerDefaults[pushArgs]
		*lateRunner
	}
)

// Work runs one job for River.
func (w *syncWorker) Work(ctx context.Context, job *river.Job[args]) error {
	return w.work(ctx, job.Args)
}

// Work runs one job for River.
func (w *pushWorker) Work(ctx context.Context, job *river.Job[pushArgs]) error {
	return w.work(ctx, args(job.Args))
}

// NextRetry replaces River's backoff, which grows to hours: a session must not wait for its worker longer than the database
// was away. The watchers replace a job that River gives up.
func (*syncWorker) NextRetry(*river.Job[args]) time.Time { return time.Now().Add(retryAfter) }

// NextRetry is that of [syncWorker].
func (*pushWorker) NextRetry(*river.Job[pushArgs]) time.Time { return time.Now().Add(retryAfter) }

// New returns an engine that works on up to workers sessions at once that write here, and on many pushes. With 0 workers it only inserts and aborts jobs.
func New(d Database, workers int, log *slog.Logger) (*Engine, error) {
	e := &Engine{runner: &lateRunner{}, upkeep: &upkeep{}, deliveries: &deliveries{}}
	cfg := &river.Config{Logger: slog.New(errorsOnly{log.Handler()}), SoftStopTimeout: softStop}
	if workers > 0 {
		cfg.Workers = river.NewWorkers()
		river.AddWorker(cfg.Workers, &syncWorker{lateRunner: e.runner})
		river.AddWorker(cfg.Workers, &pushWorker{lateRunner: e.runner})
		river.AddWorker(cfg.Workers, e.upkeep)
		river.AddWorker(cfg.Workers, e.deliveries)
		cfg.Queues = map[string]river.QueueConfig{
			river.QueueDefault: {MaxWorkers: workers},
			pushQueue:          {MaxWorkers: pushesAtOnce},
			upkeepQueue:        {MaxWorkers: 1, FetchPollInterval: seldom},
			deliveryQueue:      {MaxWorkers: deliveriesAtOnce, FetchPollInterval: seldom},
		}
		cfg.PeriodicJobs = []*river.PeriodicJob{everyHour()}
		cfg.FetchCooldown, cfg.FetchPollInterval = fetchCooldown, fetchPoll
		cfg.JobTimeout = -1 // a session may take hours; its row says whether it is alive
		// Without a timeout, the rescuer only tidies up jobs that were cancelled after their process died.
		cfg.RescueStuckJobsAfter = rescueAfter
	}
	client, err := river.NewClient(d.driver(), cfg)
	e.client = client
	return e, err
}

// errorsOnly passes on only the engine's errors: its routine messages mean nothing to an operator, and other packages log
// what happens to sessions.
type errorsOnly struct{ slog.Handler }

// Enabled implements [slog.Handler].
func (w errorsOnly) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelError && w.Handler.Enabled(ctx, level)
}

const (
	// softStop is how long a stopping engine waits for its workers before it cancels their contexts.
	softStop    = 5 * time.Second
	rescueAfter = 5 * time.Minute
	// People wait for a sync to start, and with so few jobs polling often is cheap. The poll finds jobs whose notification
	// arrived during the previous fetch.
	fetchCooldown = 20 * time.Millisecond
	fetchPoll     = 200 * time.Millisecond
	// Nobody waits for a delivery or for tidying up.
	seldom = time.Second
)

// Start begins to run jobs with runner, in the background. It calls clean at the start and then every hour, on one replica.
func (e *Engine) Start(ctx context.Context, runner Runner, clean func(context.Context) error) error {
	e.runner.Runner = runner
	e.upkeep.clean = clean
	return e.client.Start(ctx)
}

// Stop stops fetching jobs and waits for the running ones, until ctx ends at the latest.
func (e *Engine) Stop(ctx context.Context) error { return e.client.Stop(ctx) }

// Ready returns an error if the engine is not running.
func (e *Engine) Ready() error {
	select {
	case <-e.client.Stopped():
		return errors.New("the job engine has stopped")
	default:
		return nil
	}
}

// Enqueue implements [syncer.Queue].
func (e *Engine) Enqueue(ctx context.Context, tx *sql.Tx, sessionID string, fence int64) (int64, error) {
	return e.enqueue(ctx, tx, args{SessionID: sessionID, Fence: fence, Trace: telemetry.Parent(ctx)}, river.QueueDefault)
}

// EnqueuePush implements [syncer.Queue].
func (e *Engine) EnqueuePush(ctx context.Context, tx *sql.Tx, sessionID string, fence int64) (int64, error) {
	return e.enqueue(ctx, tx, pushArgs{SessionID: sessionID, Fence: fence, Trace: telemetry.Parent(ctx)}, pushQueue)
}

func (e *Engine) enqueue(ctx context.Context, tx *sql.Tx, job river.JobArgs, queue string) (int64, error) {
	inserted, err := e.client.InsertTx(ctx, tx, job, &river.InsertOpts{MaxAttempts: maxAttempts, Queue: queue})
	if err != nil {
		return 0, err
	}
	return inserted.Job.ID, nil
}

// maxAttempts lets a job survive a database outage while it claims its session.
const maxAttempts = 10

// Abort implements [syncer.Queue]. It is no error if the job is already gone.
func (e *Engine) Abort(ctx context.Context, jobID int64) error {
	_, err := e.client.JobCancel(ctx, jobID)
	if errors.Is(err, rivertype.ErrNotFound) {
		return nil
	}
	return err
}

// Pending implements [syncer.JobState].
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

// retryAfter is when a job is offered again after its process was stopping or it could not claim its session.
const retryAfter = time.Second

// work runs one job. It translates the reasons why River cancels a context into the syncer's.
func (r *lateRunner) work(ctx context.Context, job args) error {
	run, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	defer context.AfterFunc(ctx, func() {
		if errors.Is(context.Cause(ctx), rivertype.ErrJobCancelledRemotely) {
			cancel(syncer.ErrAborted)
			return
		}
		cancel(syncer.ErrShutdown)
	})()
	err := r.Run(telemetry.Child(run, job.Trace), job.SessionID, job.Fence)
	if errors.Is(err, syncer.ErrShutdown) {
		return river.JobSnooze(retryAfter)
	}
	return err
}
