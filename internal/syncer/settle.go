package syncer

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"fullsync/internal/fault"
	"fullsync/internal/session"
	"fullsync/internal/transfer"
)

// settleTimeout bounds one try to claim a session, or to record how a run ended.
const settleTimeout = 5 * time.Second

// settle records how a run ended. A database that is away is waited for as long as this process lives: a session
// must not stay active because its end could not be written down.
func (w *Worker) settle(ctx context.Context, row session.Session, err error) {
	claim := session.Claim{SessionID: row.ID, Fence: row.Fence}
	log := w.cfg.Logger.With("session", claim.SessionID, "fence", claim.Fence)
	write := w.outcome(ctx, log, row, claim, err)
	if write == nil {
		return
	}
	for try := 1; ; try++ {
		bounded, cancel := context.WithTimeout(ctx, settleTimeout)
		err := write(bounded)
		cancel()
		if err == nil || errors.Is(err, transfer.ErrFenced) {
			return
		}
		log.WarnContext(ctx, "the end of the session could not be recorded; trying again", "try", try, "error", err)
		select {
		case <-time.After(min(time.Duration(try)*w.cfg.HeartbeatInterval, w.cfg.Limits.StaleAfter)):
		case <-w.shutdown.Done():
			if try > 1 {
				log.ErrorContext(ctx, "stopping without having recorded the end of the session; it is taken over when the database is back", "error", err)
				return
			}
		}
	}
}

// outcome tells the log how a run ended, and returns what to write down of it, nil for nothing.
func (w *Worker) outcome(ctx context.Context, log *slog.Logger, row session.Session, claim session.Claim, err error) (write func(context.Context) error) {
	var ended *EndedError
	if errors.As(err, &ended) {
		if at := ended.Standing; at.Status == session.Cancelled {
			log.InfoContext(ctx, "session stopped: it was cancelled at its target", "by", at.CancelledBy, "reason", at.Reason)
			return func(ctx context.Context) error {
				return w.ledger.CancelClaimed(ctx, claim, Cancellation{By: at.CancelledBy, Reason: at.Reason})
			}
		}
		err = targetEnded(row.PeerID, ended.Standing)
	}
	switch {
	case err == nil:
		log.InfoContext(ctx, "session completed")
		return nil
	case errors.Is(err, transfer.ErrFenced):
		log.InfoContext(ctx, "session stopped: it was cancelled or taken over")
		return nil
	case errors.Is(err, ErrAborted):
		log.InfoContext(ctx, "session stopped: it was cancelled")
		return func(ctx context.Context) error {
			return w.ledger.FinishSession(ctx, claim, session.Failure(ErrAborted))
		}
	case row.OnlyHere() && (errors.Is(err, ErrShutdown) || errors.Is(err, errNoHeartbeat)):
		log.WarnContext(ctx, "import stopped", "because", err)
		return func(ctx context.Context) error {
			return w.ledger.FinishSession(ctx, claim, session.Failure(session.ImportLost(row)))
		}
	case handsBack(err):
		log.InfoContext(ctx, "session handed back", "because", err)
		return func(ctx context.Context) error {
			return w.ledger.ReleaseSession(ctx, claim, enqueuer(w.queue, row))
		}
	default:
		log.WarnContext(ctx, "session failed", "cause", err)
		return func(ctx context.Context) error {
			return w.ledger.FinishSession(ctx, claim, session.Failure(err))
		}
	}
}

// handsBack says whether a run ended for a reason that need not concern the next worker of its session. A push whose lease has run out has to be opened
// again, by a worker with a fence of its own: what was sent under the old one may still be on its way.
func handsBack(err error) bool {
	return errors.Is(err, ErrShutdown) || errors.Is(err, errNoHeartbeat) || errors.Is(err, ErrLeaseEnded)
}

// ErrAborted is the cause with which the job engine ends the context of a run whose job was cancelled. Normally the
// session was cancelled just before; if it was not, somebody reached past the service, and the session ends with this.
var ErrAborted = fault.New(fault.Conflict, "JOB_CANCELLED", "Job cancelled",
	"The job of this sync was cancelled from outside. Start the sync again; nothing committed is lost.")

// startHeartbeat proves at every interval that the worker lives. It ends the run when the session is no longer held,
// and when no heartbeat has been managed for StaleAfter, counted from before the last successful one, or the claim, was sent: so a
// worker that lost its database has stopped before another one may take over. A heartbeat that fails does not end the
// next one.
func (w *Worker) startHeartbeat(ctx context.Context, cancel context.CancelCauseFunc, claim session.Claim, claimed time.Time, heard *signs, lease *lease) *sync.WaitGroup {
	var done sync.WaitGroup
	lost := time.AfterFunc(w.cfg.Limits.StaleAfter-time.Since(claimed), func() { cancel(errNoHeartbeat) })
	done.Go(func() {
		defer lost.Stop()
		tick := time.NewTicker(w.cfg.HeartbeatInterval)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			sent := time.Now()
			bounded, stop := context.WithTimeout(ctx, w.cfg.Limits.StaleAfter/3)
			last, silent := heard.news()
			err := w.ledger.Heartbeat(bounded, claim, session.Pulse{Silent: silent})
			stop()
			switch {
			case err == nil:
				heard.tell(last)
				lease.renew()
				lost.Reset(w.cfg.Limits.StaleAfter - time.Since(sent))
			case errors.Is(err, transfer.ErrFenced):
				cancel(transfer.ErrFenced)
			}
		}
	})
	return &done
}
