package syncer

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"fullsync/internal/fault"
	"fullsync/internal/session"
	"fullsync/internal/transfer"
)

// Lost is what a [Watcher] needs from the database: to find sessions without a living worker and to give them to another.
type Lost interface {
	// StaleSessions returns the active sessions whose worker gave no sign of life for staleAfter, and the incoming ones whose lease has
	// run out as well, by the database's clock. Where that was put back, those whose last sign of life is still to come by as much are among them.
	StaleSessions(ctx context.Context, staleAfter time.Duration) (Stale, error)
	// TakeOver raises the fence of a session that is still exactly as it was seen (same fence, same heartbeat), records
	// the takeover and enqueues a new job, in one transaction. Otherwise it is [transfer.ErrFenced].
	TakeOver(ctx context.Context, seen session.Session, enqueue Enqueue) error
	// FruitlessTakeovers counts the takeovers of a session since it last committed a batch.
	FruitlessTakeovers(ctx context.Context, seen session.Session) (int, error)
	// FailLost ends a session that is still exactly as it was seen.
	FailLost(ctx context.Context, seen session.Session, end session.Ending) error
	// WaitingSessions returns the active sessions that no worker has claimed, longer than olderThan.
	WaitingSessions(ctx context.Context, olderThan time.Duration) ([]session.Session, error)
	// Reenqueue gives a session that still waits as it was seen a new job, in one transaction.
	Reenqueue(ctx context.Context, seen session.Session, enqueue Enqueue) error
}

// Stale is what [Lost.StaleSessions] found, and the database's time when it looked.
type Stale struct {
	Sessions []session.Session
	Now      time.Time
}

// JobState says what became of a job.
type JobState interface {
	// Pending says whether the job waits for a worker, or else whether it has begun at one and not ended.
	Pending(ctx context.Context, jobID int64) (waiting, begun bool, err error)
}

// Watcher finds sessions whose worker is lost and has them go on. Every replica runs one.
type Watcher struct {
	cfg   Config
	lost  Lost
	queue Queue
	jobs  JobState

	// seen is what the last looks found: a session is taken over only when it looks the same twice, at least a
	// heartbeat interval apart by this process's own clock. So a paused machine or a restarted database causes no storm.
	seen map[string]sighting
	// begun is the same for jobs that have begun although their session is unclaimed: normally the claim follows within
	// milliseconds; where it does not, the process died in between, and its job would stay at work for ever.
	begun map[int64]time.Time
	// looked is the last look, and hearing the first of those since which this replica has looked all the time. A pusher is silent only where it
	// could have been heard, so what was away itself, or without its database, gives every pusher one more lease.
	looked, hearing time.Time
}

type sighting struct {
	fence     int64
	heartbeat time.Time
	since     time.Time
}

// NewWatcher returns a Watcher.
func NewWatcher(cfg Config, lost Lost, queue Queue, jobs JobState) *Watcher {
	return &Watcher{cfg: cfg, lost: lost, queue: queue, jobs: jobs, seen: map[string]sighting{}}
}

// Run looks at every heartbeat interval until ctx ends.
func (w *Watcher) Run(ctx context.Context) {
	tick := time.NewTicker(w.cfg.HeartbeatInterval)
	defer tick.Stop()
	for {
		// A look is bounded, so that a connection that died without a word does not keep this replica from looking.
		bounded, cancel := context.WithTimeout(ctx, w.cfg.Limits.StaleAfter)
		err := w.Look(bounded)
		cancel()
		if err != nil && ctx.Err() == nil {
			w.cfg.Logger.Warn("could not look for lost sessions", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Look is one look: stale sessions that were seen before are taken over, or failed when that has not helped too often;
// waiting sessions whose job is gone, or was lost between its begin and the claim, get a new one.
func (w *Watcher) Look(ctx context.Context) error {
	stale, err := w.lost.StaleSessions(ctx, w.cfg.Limits.StaleAfter)
	if err != nil {
		return err
	}
	if time.Since(w.looked) > w.cfg.Limits.StaleAfter {
		w.hearing = time.Now()
	}
	w.looked = time.Now()
	current := make(map[string]sighting, len(stale.Sessions))
	var errs []error
	for _, s := range stale.Sessions {
		now := sighting{fence: s.Fence, since: time.Now()}
		if s.LastHeartbeatAt != nil {
			now.heartbeat = *s.LastHeartbeatAt
		}
		before, ok := w.seen[s.ID]
		if !ok || before.fence != now.fence || !before.heartbeat.Equal(now.heartbeat) {
			current[s.ID] = now
			continue
		}
		current[s.ID] = before
		wait := w.cfg.HeartbeatInterval
		if before.heartbeat.After(stale.Now) {
			// The clock was put back, so nobody knows how old this heartbeat is: it counts from when it was seen.
			wait = max(w.cfg.Limits.StaleAfter, s.Lease())
		}
		if time.Since(before.since) >= wait && (!s.Incoming || time.Since(w.hearing) >= s.Lease()) {
			errs = append(errs, w.rescue(ctx, s))
		}
	}
	w.seen = current
	return errors.Join(append(errs, w.revive(ctx))...)
}

// rescue takes one session from its lost worker.
func (w *Watcher) rescue(ctx context.Context, s session.Session) error {
	log := w.cfg.Logger.With("session", s.ID, "worker", s.Worker, "fence", s.Fence)
	if s.Incoming {
		err := w.lost.FailLost(ctx, s, session.Failure(errPusherLost(s)))
		if errors.Is(err, transfer.ErrFenced) {
			return nil
		}
		if err == nil {
			log.Warn("session failed: its pusher gives no sign of life", "pusher", s.PeerID)
		}
		return err
	}
	if s.OnlyHere() {
		return w.failImport(ctx, s)
	}
	fruitless, err := w.lost.FruitlessTakeovers(ctx, s)
	if err != nil {
		return err
	}
	outcome := "session taken from a worker without sign of life"
	if fruitless >= w.cfg.MaxFruitlessTakeovers {
		outcome = "session failed: taking it over made no progress"
		err = w.lost.FailLost(ctx, s, session.Failure(lostForGood(fruitless+1, s.Worker)))
	} else {
		err = w.lost.TakeOver(ctx, s, enqueuer(w.queue, s))
	}
	if errors.Is(err, transfer.ErrFenced) {
		return nil // it moved, or another replica was first
	}
	if err != nil {
		return err
	}
	log.Warn(outcome, "fruitless", fruitless)
	abort(ctx, w.queue, s, log)
	return nil
}

// failImport ends an import from the command line whose process is gone. No other can read its input.
func (w *Watcher) failImport(ctx context.Context, s session.Session) error {
	err := w.lost.FailLost(ctx, s, session.Failure(session.ImportLost(s)))
	if err == nil {
		w.cfg.Logger.Warn("import failed: its process is gone", "session", s.ID, "worker", s.Worker)
	}
	if errors.Is(err, transfer.ErrFenced) {
		return nil
	}
	return err
}

// lostForGood is the failure of a session that lost so many workers in a row at the same batch. It is one only where
// sessions are never taken over.
func lostForGood(workers int, last string) *fault.Error {
	if workers == 1 {
		return fault.New(fault.Unavailable, "WORKER_LOST", "Worker lost", "The worker of this sync, %s, was lost, and syncs are not taken over here (FULLSYNC_MAX_TAKEOVERS is 0). "+
			"Look into its log for what ended it, then start the sync again.", last)
	}
	return fault.New(fault.Unavailable, "WORKER_LOST", "Worker lost", "%d workers in a row were lost at the same batch of this sync, the last one was %s. "+
		"Look into their logs for what ended them, then start the sync again.", workers, last)
}

// errPusherLost is the failure of an incoming session whose pusher fell silent.
func errPusherLost(s session.Session) error {
	return fault.New(fault.Unavailable, CodePusherLost, "Pusher lost", "Node %s, which pushes this sync, gave no sign of life for %d s. "+
		"What was committed stays. Resume the sync there once that node runs again.", s.PeerID, s.LeaseSeconds)
}

// CodePusherLost is the code of an incoming session whose pusher fell silent.
const CodePusherLost = "PUSHER_LOST"

// revive gives a new job to sessions that wait for a worker although their job is gone.
func (w *Watcher) revive(ctx context.Context) error {
	waiting, err := w.lost.WaitingSessions(ctx, w.cfg.Limits.StaleAfter)
	if err != nil {
		return err
	}
	current := make(map[int64]time.Time)
	var errs []error
	for _, s := range waiting {
		if s.OnlyHere() { // its process died before it claimed it
			errs = append(errs, w.failImport(ctx, s))
			continue
		}
		ready, begun, err := w.jobs.Pending(ctx, s.JobID)
		if begun {
			since, known := w.begun[s.JobID]
			if !known {
				since = time.Now()
			}
			current[s.JobID] = since
			begun = time.Since(since) < w.cfg.HeartbeatInterval
		}
		if err == nil && !ready && !begun {
			err = w.replaceJob(ctx, s)
		}
		if !errors.Is(err, transfer.ErrFenced) {
			errs = append(errs, err)
		}
	}
	w.begun = current
	return errors.Join(errs...)
}

// replaceJob gives a waiting session another job. The old one is left alone: should it come back to life, one of the two
// claims the session, and aborting it then would end a healthy run.
func (w *Watcher) replaceJob(ctx context.Context, s session.Session) error {
	if err := w.lost.Reenqueue(ctx, s, enqueuer(w.queue, s)); err != nil {
		return err
	}
	w.cfg.Logger.Warn("the job of a waiting session was gone; it has a new one", "session", s.ID)
	return nil
}

// abort tells the worker of a session, as a courtesy: without it the worker would stop at its next look at the session.
// The caller's going away must not keep it from happening.
func abort(ctx context.Context, queue Queue, s session.Session, log *slog.Logger) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortPatience)
	defer cancel()
	if err := queue.Abort(ctx, s.JobID); err != nil {
		log.WarnContext(ctx, "the worker could not be told to stop; it stops at its next batch", "error", err)
	}
}
