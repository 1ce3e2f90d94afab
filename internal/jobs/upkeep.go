package jobs

import (
	"context"
	"time"

	"github.com/riverqueue/river"
)

// upkeepQueue has its own worker, so that upkeep never waits for a session.
const upkeepQueue = "upkeep"

// upkeepArgs is the hourly job.
type upkeepArgs struct{}

// Kind names the job for River.
func (upkeepArgs) Kind() string { return "upkeep" }

// upkeep tidies up. River's leader enqueues it, so only one replica runs it.
type upkeep struct {
	river.WorkerDefaults[upkeepArgs]
	clean func(context.Context) error
}

// Work runs the upkeep once, for River.
func (u *upkeep) Work(ctx context.Context, _ *river.Job[upkeepArgs]) error { return u.clean(ctx) }

// everyHour is the schedule. River keeps it in memory, so the upkeep also runs at every start.
func everyHour() *river.PeriodicJob {
	return river.NewPeriodicJob(river.PeriodicInterval(time.Hour), func() (river.JobArgs, *river.InsertOpts) {
		return upkeepArgs{}, &river.InsertOpts{Queue: upkeepQueue, MaxAttempts: 3}
	}, &river.PeriodicJobOpts{RunOnStart: true})
}
