package app

import (
	"context"
	"errors"

	"fullsync/internal/metrics"
	"fullsync/internal/schedule"
	"fullsync/internal/syncer"
)

// scheduled returns what starts the session of a run, and counts it.
func scheduled(syncs interface {
	Start(ctx context.Context, req syncer.StartRequest) (syncer.Started, error)
}, counts *metrics.Metrics) schedule.Starter {
	return func(ctx context.Context, s schedule.Schedule, r schedule.Run) error {
		by := r.By
		if by == "" {
			by = s.Starter()
		}
		started, err := syncs.Start(ctx, syncer.StartRequest{
			Direction: s.Action, Catalog: s.Catalog, PeerID: r.PeerID, Options: s.Options, IfRunning: syncer.Fail, By: by, RunID: r.ID,
		})
		if running := (*syncer.RunningError)(nil); errors.As(err, &running) {
			return &schedule.BusyError{SessionID: running.Running.ID}
		}
		if err == nil {
			counts.RunStarted(r, started.Session.StartedAt)
		}
		return err
	}
}
