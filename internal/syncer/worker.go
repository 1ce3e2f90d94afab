package syncer

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"fullsync/internal/catalog"
	"fullsync/internal/fault"
	"fullsync/internal/plural"
	"fullsync/internal/session"
	"fullsync/internal/transfer"
)

// ErrShutdown is the cause with which a worker's context ends when this process stops.
var ErrShutdown = errors.New("this process is shutting down")

// errNoHeartbeat is the cause with which a worker stops by itself because it could not prove to be alive for so long
// that others may think it dead. The session goes on elsewhere, or here once the database answers again.
var errNoHeartbeat = errors.New("no heartbeat could be written for too long")

// Worker runs sessions on behalf of the job engine.
type Worker struct {
	cfg    Config
	ledger Ledger
	peers  Peers
	queue  Queue
	ends   Ends
	// readers are the turns of pushes to read this node's products.
	readers chan struct{}

	shutdown context.Context
	stop     context.CancelCauseFunc
	// running is added to only with mu held and before the shutdown, so that Shutdown waits for every run that began.
	mu      sync.Mutex
	running sync.WaitGroup
}

// NewWorker returns a Worker.
func NewWorker(cfg Config, ledger Ledger, peers Peers, queue Queue, ends Ends) *Worker {
	w := &Worker{cfg: cfg, ledger: ledger, peers: peers, queue: queue, ends: ends, readers: make(chan struct{}, max(1, cfg.PushReaders))}
	w.shutdown, w.stop = context.WithCancelCause(context.Background())
	return w
}

// Shutdown makes every running session hand itself over: the batch in hand is finished or rolled back, and the
// session waits for the next worker. It returns when all have, or when ctx ends; calling it twice is safe.
func (w *Worker) Shutdown(ctx context.Context) error {
	w.mu.Lock()
	w.stop(ErrShutdown)
	w.mu.Unlock()
	done := make(chan struct{})
	go func() { w.running.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Run works on a session whose fence is the given one, until it has ended, was cancelled or this process stops. It
// returns ErrShutdown when the session was not even begun for that reason; every other outcome is in the session.
// The engine ends ctx to have the work stop at once.
func (w *Worker) Run(ctx context.Context, sessionID string, fence int64) error {
	if !w.enter() {
		return ErrShutdown
	}
	defer w.running.Done()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(w.shutdown, func() { cancel(ErrShutdown) })()

	log := w.cfg.Logger.With("session", sessionID)
	claimed := time.Now()
	// A shutdown in this moment does not interrupt the claim: if the database has taken it all the same, nobody would know that the session is to be handed
	// back, and it would wait until its worker counts as dead.
	bounded, claims := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
	row, ok, err := w.ledger.ClaimSession(bounded, sessionID, fence, w.cfg.Worker)
	claims()
	if err != nil {
		return fmt.Errorf("claim session %s: %w", sessionID, err)
	}
	if !ok {
		log.InfoContext(ctx, "nothing to do: the session has ended or another worker holds it", "fence", fence)
		return nil
	}
	log = log.With("fence", row.Fence)
	log.InfoContext(ctx, "session claimed", "catalog", row.Catalog, "peer", row.PeerID, "cursor", row.Cursor != "")

	claim := session.Claim{SessionID: row.ID, Fence: row.Fence}
	heard := &signs{}
	lease := newLease(w.cfg, cancel)
	beat := w.startHeartbeat(ctx, cancel, claim, claimed, heard, lease)
	limit := w.timeLimit(&row)
	// Both times are the database's: the claim just wrote the heartbeat.
	left := limit - row.LastHeartbeatAt.Sub(row.StartedAt)
	ctx, timeout := context.WithTimeoutCause(ctx, left, errTimeout(limit))
	defer timeout()
	troubles := &troubles{log: log, peers: w.peers, peerID: row.PeerID}
	err = w.work(ctx, &row, heard, troubles, lease)
	troubles.failed(context.WithoutCancel(ctx), err)
	cancel(nil)
	beat.Wait()
	lease.done.Wait()
	w.settle(context.WithoutCancel(ctx), row, resumable(err, &row))
	if row.Direction == session.Import && w.ends.Drop != nil {
		w.ends.Drop(context.WithoutCancel(ctx), row)
	}
	return nil
}

// enter counts a run in; it returns false once the worker was shut down.
func (w *Worker) enter() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.shutdown.Err() != nil {
		return false
	}
	w.running.Add(1)
	return true
}

// timeLimit is how long the session may take from its start to its end.
func (w *Worker) timeLimit(row *session.Session) time.Duration {
	if row.Options.TimeoutSeconds == 0 { // started by a version that knew no limit
		return w.cfg.SessionTimeout
	}
	return time.Duration(row.Options.TimeoutSeconds) * time.Second
}

func errTimeout(limit time.Duration) error {
	return fault.New(fault.Unavailable, "SESSION_TIMEOUT", "Sync took too long",
		"The sync did not end within its %.0f seconds. A larger timeoutSeconds gives it more.", limit.Seconds())
}

// work is one run of a session from its cursor to its end. Where ctx ended it, the error is the cause.
func (w *Worker) work(ctx context.Context, row *session.Session, heard *signs, troubles *troubles, lease *lease) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = because(ctx, fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
		}
	}()
	out := newSink(w.ledger, row, w.cfg, heard, troubles)
	if row.Direction == session.Revert {
		return because(ctx, w.revert(ctx, out))
	}
	way, err := w.meet(ctx, out, lease)
	if err != nil {
		return because(ctx, err)
	}
	defer way.close()
	if way.ended != nil {
		return because(ctx, w.completed(ctx, way, out))
	}
	if way.feed != nil && way.feed.Unchanged {
		return because(ctx, w.nothingChanged(ctx, way, out))
	}
	err = because(ctx, w.run(ctx, way, out))
	if way.push != nil {
		way.push.giveUp(ctx, err) // the target's answer to the next heartbeat is then that the push has ended: that is not why it did
	}
	return err
}

// because is the cause with which ctx ended, where it ended a run, or else the run's own error.
func because(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// run reads, compares and writes what a way leads to, and completes the session.
func (w *Worker) run(ctx context.Context, way *way, out *sink) error {
	row := out.row
	opt, err := w.options(row, way.sourceID)
	if err != nil {
		return err
	}
	opt.MaxPerSecond = slower(opt.MaxPerSecond, out.slowest)
	found, err := w.compare(ctx, way, out, opt.After)
	if err != nil {
		return err
	}
	if found.sides == nil && row.Options.DeleteMissing {
		return errNoDeletes(row.PeerID)
	}
	var note func(context.Context) error
	if found.whole == nil {
		opt.Compare = found.sides
	}
	opt.OnDigests, note = w.statesOf(way, out)
	if err := w.checkPlan(ctx, way, out, opt.Compare != nil && opt.After == ""); err != nil {
		return err
	}
	if found.total == nil && way.total < 0 {
		desc, err := w.describe(ctx, way.source, out)
		if err != nil {
			return err
		}
		way.total = desc.Total
	}
	if found.total != nil {
		way.total = *found.total
	}
	if err := w.begin(ctx, out, way.total, found.whole); err != nil {
		return err
	}
	if err := w.refuseLoose(ctx, way, out, opt); err != nil {
		return err
	}
	if err := w.transfer(ctx, way, out, opt); err != nil {
		return err
	}
	if err := note(ctx); err != nil {
		return err
	}
	if err := w.sound(ctx, out); err != nil {
		return err
	}
	return w.conclude(ctx, way, found.sides, out, opt)
}

// options says where and how the transfer goes on.
func (w *Worker) options(row *session.Session, sourceNodeID string) (opt transfer.Options, err error) {
	return transfer.Options{
		NodeID: sourceNodeID, Catalog: row.Catalog, After: after(row),
		BatchSize:    row.Options.BatchSize,
		Grow:         row.Options.GrowBatches,
		MaxPerSecond: slower(row.Options.MaxProductsPerSecond, w.cfg.MaxProductsPerSecond),
		Backoff:      w.cfg.Backoff,
	}, checkCursor(row, sourceNodeID)
}

// conclude does what was asked for besides the transfer, and completes the session.
func (w *Worker) conclude(ctx context.Context, way *way, sides *transfer.Comparison, out *sink, opt transfer.Options) (err error) {
	row := out.row
	step := "Transferred " + plural.Of(row.TransferredRecords, "product") + remark(way.source)
	if row.Options.VerifyAfterSync && !row.Options.DryRun { // there is nothing to verify
		if step, err = w.verify(ctx, way, sides, out, opt); err != nil {
			return err
		}
	}
	var d session.Deletion
	if row.Options.DeleteMissing {
		if d, err = w.deleteMissing(ctx, way, sides, out, opt); err != nil {
			return err
		}
		step = deletedToo(step, row.Deleted)
	}
	if row.Options.DryRun {
		step = session.PlannedStep(row.Counts)
	}
	if err := w.noteFeed(ctx, way, out, d); err != nil {
		return err
	}
	return w.complete(ctx, way, out, step, d)
}

// introduce asks the source who it is, and not how many products it has where it would have to count them for that.
func (w *Worker) introduce(ctx context.Context, src transfer.Source, out *sink) (transfer.Description, error) {
	if i, ok := src.(transfer.Introducer); ok {
		return w.ask(ctx, out, i.Introduce)
	}
	return w.describe(ctx, src, out)
}

// describe asks the source who it is and how many products it has.
func (w *Worker) describe(ctx context.Context, src transfer.Source, out *sink) (transfer.Description, error) {
	return w.ask(ctx, out, src.Describe)
}

// ask asks the source, and notes in the list of peers that it has answered.
func (w *Worker) ask(
	ctx context.Context, out *sink, question func(context.Context) (transfer.Description, error),
) (desc transfer.Description, err error) {
	err = out.persist(ctx, func() (err error) {
		desc, err = question(ctx)
		return err
	})
	if err == nil && !out.row.Outgoing() {
		out.troubles.answered(ctx)
	}
	return desc, err
}

// transfer reads the source from the session's cursor to its end, and makes sure that it was the end.
func (w *Worker) transfer(ctx context.Context, way *way, out *sink, run transfer.Options) error {
	var said *int64
	run.OnTotal = func(total *int64) { said = total }
	if err := transfer.Run(ctx, way.source, out, run); err != nil {
		return err
	}
	run.OnTotal, run.OnDigests, run.Compare = nil, nil, nil
	return w.reachedEnd(ctx, way, out, run, said)
}

// checkCursor checks that the session's cursor belongs to this source and catalog.
func checkCursor(row *session.Session, sourceNodeID string) error {
	if row.Cursor == "" {
		return nil
	}
	cursor, err := catalog.ParseCursor(row.Cursor)
	if err != nil {
		return err
	}
	return cursor.Check(sourceNodeID, row.Catalog)
}

// after returns the last committed id, "" where nothing was committed yet.
func after(row *session.Session) string {
	cursor, err := catalog.ParseCursor(row.Cursor)
	if err != nil {
		return ""
	}
	return cursor.After
}

// begin starts the transfer, or goes on with it where another worker left it, in whatever phase.
func (w *Worker) begin(ctx context.Context, out *sink, total int64, whole *readWhole) error {
	to := session.Progressed{Phase: session.PhaseTransferring}
	if out.row.Status == session.Preparing {
		to.Status = session.Transferring
		if total >= 0 {
			to.Total = &total
		}
	} else {
		to.Total = out.row.TotalRecords
	}
	to.Step = session.TransferringStep(to.Total)
	if whole != nil {
		to.ReadWhole = whole.why
	}
	return out.advance(ctx, to)
}

// slower returns the lower of two speed limits, where 0 means none.
func slower(a, b int) int {
	if a == 0 || b == 0 {
		return max(a, b)
	}
	return min(a, b)
}
