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
	open   OpenSource

	shutdown context.Context
	stop     context.CancelCauseFunc
	running  sync.WaitGroup
}

// NewWorker returns a Worker.
func NewWorker(cfg Config, ledger Ledger, peers Peers, queue Queue, open OpenSource) *Worker {
	w := &Worker{cfg: cfg, ledger: ledger, peers: peers, queue: queue, open: open}
	w.shutdown, w.stop = context.WithCancelCause(context.Background())
	return w
}

// Shutdown makes every running session hand itself over: the batch in hand is finished or rolled back, and the
// session waits for the next worker. It returns when all have, or when ctx ends; calling it twice is safe.
func (w *Worker) Shutdown(ctx context.Context) error {
	w.stop(ErrShutdown)
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
	w.running.Add(1) // before the look at shutdown, so that Shutdown waits for every run that did not see it
	defer w.running.Done()
	if w.shutdown.Err() != nil {
		return ErrShutdown
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(w.shutdown, func() { cancel(ErrShutdown) })()

	log := w.cfg.Logger.With("session", sessionID)
	claimed := time.Now()
	row, ok, err := w.ledger.ClaimSession(ctx, sessionID, fence, w.cfg.Worker)
	if err != nil {
		return fmt.Errorf("claim session %s: %w", sessionID, err)
	}
	if !ok {
		log.Info("nothing to do: the session has ended or another worker holds it", "fence", fence)
		return nil
	}
	log = log.With("fence", row.Fence)
	log.Info("session claimed", "catalog", row.Catalog, "peer", row.PeerID, "cursor", row.Cursor != "")

	claim := session.Claim{SessionID: row.ID, Fence: row.Fence}
	beat := w.startHeartbeat(ctx, cancel, claim, claimed)
	limit := w.timeLimit(&row)
	// Both times are the database's: the claim just wrote the heartbeat.
	left := limit - row.LastHeartbeatAt.Sub(row.StartedAt)
	ctx, timeout := context.WithTimeoutCause(ctx, left, errTimeout(limit))
	defer timeout()
	troubles := &troubles{log: log, peers: w.peers, peerID: row.PeerID}
	if err = w.pull(ctx, &row, troubles); err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	troubles.failed(context.WithoutCancel(ctx), err)
	cancel(nil)
	beat.Wait()
	w.settle(context.WithoutCancel(ctx), claim, resumable(err, &row))
	return nil
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

// pull is one run of a session from its cursor to its end.
func (w *Worker) pull(ctx context.Context, row *session.Session, troubles *troubles) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	out := newSink(w.ledger, row, w.cfg, troubles)
	src, err := w.connect(ctx, out)
	if err != nil {
		return err
	}
	defer src.Close() //nolint:errcheck // nothing was written through it
	desc, err := w.describe(ctx, src, out)
	if err != nil {
		return err
	}
	if err := checkCursor(row, desc.NodeID); err != nil {
		return err
	}
	if err := w.begin(ctx, out, desc.Total); err != nil {
		return err
	}
	run := transfer.Options{
		NodeID: desc.NodeID, Catalog: row.Catalog, After: after(row),
		BatchSize:    row.Options.BatchSize,
		MaxPerSecond: slower(row.Options.MaxProductsPerSecond, w.cfg.MaxProductsPerSecond),
		Backoff:      w.cfg.Backoff,
	}
	// A session whose transfer is over already has nothing behind its cursor but what has come since.
	if err := w.transfer(ctx, src, out, run); err != nil {
		return err
	}
	if err := w.sound(ctx, out); err != nil {
		return err
	}
	step := "Transferred " + plural.Of(row.TransferredRecords, "product")
	if row.Options.VerifyAfterSync {
		if step, err = w.verify(ctx, src, out); err != nil {
			return err
		}
	}
	return w.complete(ctx, out, step)
}

func (w *Worker) connect(ctx context.Context, out *sink) (src transfer.Source, err error) {
	err = out.persist(ctx, func() error {
		target, err := w.peers.Target(ctx, out.row.PeerID)
		if err != nil {
			return err
		}
		src, err = w.open(target, *out.row)
		return err
	})
	return src, err
}

// describe asks the source who it is, and notes in the list of peers that it has answered.
func (w *Worker) describe(ctx context.Context, src transfer.Source, out *sink) (desc transfer.Description, err error) {
	err = out.persist(ctx, func() (err error) {
		desc, err = src.Describe(ctx)
		return err
	})
	if err == nil {
		out.troubles.answered(ctx)
	}
	return desc, err
}

// transfer reads the source from the session's cursor to its end, and makes sure that it was the end.
func (w *Worker) transfer(ctx context.Context, src transfer.Source, out *sink, run transfer.Options) error {
	var said *int64
	run.OnTotal = func(total *int64) { said = total }
	if err := transfer.Run(ctx, src, out, run); err != nil {
		return err
	}
	run.OnTotal = nil
	return w.reachedEnd(ctx, src, out, run, said)
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
func (w *Worker) begin(ctx context.Context, out *sink, total int64) error {
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
	return out.advance(ctx, to)
}

// verify compares what the source has with what this node holds, and returns the session's last step.
func (w *Worker) verify(ctx context.Context, src transfer.Source, out *sink) (step string, err error) {
	row := out.row
	theirs, ok := src.(transfer.Comparer)
	if !ok {
		return "", fault.New(fault.Impossible, "CANNOT_VERIFY", "Cannot verify",
			"%s cannot list its products' hashes, so the sync cannot be verified. Start it without verifyAfterSync.", row.PeerID)
	}
	err = out.advance(ctx, session.Progressed{Phase: session.PhaseVerifying,
		Step: "Verifying " + plural.Of(row.TransferredRecords, "product")})
	if err != nil {
		return "", err
	}
	rejected, err := out.refused(ctx)
	if err != nil {
		return "", err
	}
	var d transfer.Difference
	for look, before := 1, expected(row); ; look++ {
		if d, err = transfer.Compare(ctx, theirs, held{w.ledger, row.Catalog}, out, w.cfg.Backoff, rejected); err != nil {
			return "", err
		}
		now, err := w.total(ctx, src, out, d.Total)
		if err != nil {
			return "", err
		}
		if d.Compared >= min(before, now) { // see reachedEnd
			break
		}
		if look == looks {
			return "", incomplete(row.PeerID, now, d.Compared)
		}
		before = now
	}
	if !d.Clean() {
		return "", unverified(row.PeerID, d)
	}
	step = "Transferred and verified " + plural.Of(row.TransferredRecords, "product")
	if d.Extra.Count > 0 {
		step += fmt.Sprintf("; only here: %s", d.Extra)
	}
	return step, nil
}

func unverified(peerID string, d transfer.Difference) error {
	return fault.New(fault.Conflict, "VERIFICATION_FAILED", "Verification failed",
		"Of %s at %s, missing here: %s; different here: %s. Most likely products changed at %s or here while "+
			"the sync ran. Start the sync again; only what differs is written.",
		plural.Of(d.Compared, "product"), peerID, d.Missing, d.Different, peerID)
}

// slower returns the lower of two speed limits, where 0 means none.
func slower(a, b int) int {
	if a == 0 || b == 0 {
		return max(a, b)
	}
	return min(a, b)
}
