package syncer_test

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"fullsync/internal/session"
	"fullsync/internal/store"
	"fullsync/internal/syncer"
	"fullsync/internal/transfer"
)

// TestShutdownWaitsForEveryRunThatBegan: a run that comes in the same moment is either waited for or not begun. The race detector
// watches.
func TestShutdownWaitsForEveryRunThatBegan(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	db, _ := database(t, store.Options{SQLitePath: filepath.Join(t.TempDir(), "fullsync.db")})
	for range 50 {
		worker := syncer.NewWorker(syncer.Config{
			Worker: "worker", HeartbeatInterval: time.Minute, Limits: session.Limits{StaleAfter: time.Hour}, Logger: slog.New(slog.DiscardHandler),
		}, db, peers{}, nil, ends(db, 0))
		var runs sync.WaitGroup
		for range 4 {
			runs.Go(func() {
				err := worker.Run(ctx, "there is no such session", 0)
				if err != nil && !errors.Is(err, syncer.ErrShutdown) && !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
			})
		}
		if err := worker.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		runs.Wait()
		if err := worker.Run(ctx, "there is no such session", 0); !errors.Is(err, syncer.ErrShutdown) {
			t.Errorf("a run after the shutdown: %v", err)
		}
	}
}

// TestShutdownDuringTheClaim: a session is handed back, for the next worker at once, also where the process is told to stop while its claim is on its way.
func TestShutdownDuringTheClaim(t *testing.T) {
	onBoth(t, func(t *testing.T, db *watched) {
		db.create(t)
		cfg := db.cfg
		cfg.Worker, cfg.SessionTimeout = "main-1", time.Hour
		ctx, stop := context.WithCancelCause(t.Context())
		ledger := stopping{db.Store, func() { stop(syncer.ErrShutdown) }}
		worker := syncer.NewWorker(cfg, ledger, peers{}, db.queue, ends(db.Store, 0))
		if err := worker.Run(ctx, "s1", 0); err != nil {
			t.Error(err)
		}
		if row := db.row(t); row.Worker != "" || row.Phase != session.PhaseQueued || row.Fence != 2 {
			t.Errorf("worker %q, phase %s, fence %d: the session was not handed back", row.Worker, row.Phase, row.Fence)
		}
	})
}

// stopping is a ledger whose process is told to stop when the database has taken a claim and the answer is still on its way.
type stopping struct {
	syncer.Ledger
	stop func()
}

// ClaimSession implements [syncer.Ledger].
func (s stopping) ClaimSession(ctx context.Context, id string, fence int64, worker string) (session.Session, bool, error) {
	row, ok, err := s.Ledger.ClaimSession(ctx, id, fence, worker)
	s.stop()
	if ctx.Err() != nil {
		return session.Session{}, false, context.Cause(ctx)
	}
	return row, ok, err
}

// TestTheEndIsNotInterrupted: what ends the session is not taken for a failure when the heartbeat notices the end before the answer has come.
func TestTheEndIsNotInterrupted(t *testing.T) {
	onBoth(t, func(t *testing.T, db *watched) {
		db.create(t)
		var log strings.Builder
		cfg := db.cfg
		cfg.Worker, cfg.SessionTimeout, cfg.BatchTimeout, cfg.Logger = "main-1", time.Hour, time.Minute, slog.New(slog.NewTextHandler(&log, nil))
		ctx, stop := context.WithCancelCause(t.Context())
		ledger := noticed{db.Store, func() { stop(transfer.ErrFenced) }}
		worker := syncer.NewWorker(cfg, ledger, peers{}, db.queue, ends(db.Store, 3))
		if err := worker.Run(ctx, "s1", 0); err != nil {
			t.Error(err)
		}
		if row := db.row(t); row.Status != session.Completed || !strings.Contains(log.String(), "session completed") {
			t.Errorf("the session is %s, and the log says\n%s", row.Status, log.String())
		}
	})
}

// noticed is a ledger whose worker is told of the session's end when the database has taken it and the answer is still on its way.
type noticed struct {
	syncer.Ledger
	stop func()
}

// FinishSession implements [syncer.Ledger].
func (n noticed) FinishSession(ctx context.Context, c session.Claim, end session.Ending) error {
	err := n.Ledger.FinishSession(ctx, c, end)
	n.stop()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}
