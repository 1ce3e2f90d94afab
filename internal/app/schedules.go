package app

import (
	"context"
	"errors"

	"fullsync/internal/schedule"
	"fullsync/internal/syncer"
)

// scheduled returns what starts the session of a run.
func scheduled(syncs interface {
	Start(ctx context.Context, req syncer.StartRequest) (syncer.Started, error)
}) schedule.Starter {
	return func(ctx context.Context, s schedule.Schedule, r schedule.Run) error {
		by := r.By
		if by == "" {
			by = s.Starter()
		}
		_, err := syncs.Start(ctx, syncer.StartRequest{
			Direction: s.Action, Catalog: s.Catalog, PeerID: r.PeerID, Options: s.Options, IfRunning: syncer.Fail, By: by, RunID: r.ID,
		})
		if running := (*syncer.RunningError)(nil); errors.As(err, &running) {
			return &schedule.BusyError{SessionID: running.Running.ID}
		}
		return err
	}
}
