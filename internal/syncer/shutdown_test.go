package syncer_test

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"fullsync/internal/session"
	"fullsync/internal/store"
	"fullsync/internal/syncer"
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
