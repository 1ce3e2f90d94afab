package jobs

import (
	"context"
	"time"

	"github.com/riverqueue/river"
)

// upkeepQueue has a worker of its own, so that upkeep never waits for a session.
const upkeepQueue = "upkeep"

// upkeepArgs is the hourly job.
type upkeepArgs struct{}

// Kind names the job for River.
func (upkeepArgs) Kind() string { return "upkeep" }

// upkeep tidies up; River's leader enqueues it, so that one replica does.
type upkeep struct {
	river.WorkerDefaults[upkeepArgs]
	clean func(context.Context) error
}

// Work runs one upkeep, as River calls it.
func (u *upkeep) Work(ctx context.Context, _ *river.Job[upkeepArgs]) error { return u.clean(ctx) }

// everyHour is the schedule. It is kept in memory, so it also runs at every start.
func everyHour() *river.PeriodicJob {
	return river.NewPeriodicJob(river.PeriodicInterval(time.Hour), func() (river.JobArgs, *river.InsertOpts) {
		return upkeepArgs{}, &river.InsertOpts{Queue: upkeepQueue, MaxAttempts: 3}
	}, &river.PeriodicJobOpts{RunOnStart: true})
}
