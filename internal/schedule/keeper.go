package schedule

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"fullsync/internal/fault"
)

const (
	// maxLook is the longest pause between two looks, and so how long a run can wait for another replica where one has died.
	maxLook = time.Second
	// minLook is the shortest.
	minLook = 5 * time.Millisecond
)

// ErrDecided says that the fate of a run was decided before, by another replica or a person.
var ErrDecided = errors.New("the run is decided already")

// BusyError says that an active session is in the way of a run.
type BusyError struct{ SessionID string }

// Error names the session.
func (e *BusyError) Error() string { return fmt.Sprintf("sync %s is still running", e.SessionID) }

// Starter starts the session of a run. In the transaction that creates the session the run must become [Started]; returns [ErrDecided] if
// it no longer waits, and [*BusyError].
type Starter func(ctx context.Context, s Schedule, r Run) error

// Clockwork is what the keeper needs from the database.
type Clockwork interface {
	// LookAtSchedules says whether anything is due, and how long it takes until the next thing is; 0 if nothing else will be.
	LookAtSchedules(ctx context.Context) (ready bool, wait time.Duration, err error)
	// DueSchedules returns the enabled schedules that are due, none while they are paused.
	DueSchedules(ctx context.Context) ([]Schedule, error)
	// FallDue locks the schedule and, if it is still due as it was, writes what fall makes of it with the database's time: the schedule
	// with its next time, and its runs. A run whose peer still has a waiting one of the schedule becomes [Skipped], in the slice of fall too. All of
	// that is one transaction, so that every occasion happens once, whatever becomes of a replica.
	FallDue(ctx context.Context, s Schedule, fall func(s *Schedule, now time.Time) []Run) error
	// WaitingRuns returns runs whose time has come, with their schedules; while schedules are paused, only those out of turn.
	WaitingRuns(ctx context.Context) ([]Awaited, error)
	// DecideRun ends a waiting run, or notes what it waits for; it changes no other, and returns whether it changed this one.
	DecideRun(ctx context.Context, id string, state State, problem string) (changed bool, err error)
}

// Awaited is a run that may begin.
type Awaited struct {
	Run
	Schedule Schedule `gorm:"-"`
}

// Keeper runs the schedules. Every replica has one, and no leader has to be elected: the database's clock says what is due, and of several
// replicas that see it, the one whose transaction comes first has it.
type Keeper struct {
	clock Clockwork
	runs  Store
	start Starter
	log   *slog.Logger
}

// NewKeeper returns a keeper that starts sessions with start.
func NewKeeper(clock Clockwork, runs Store, start Starter, log *slog.Logger) *Keeper {
	return &Keeper{clock: clock, runs: runs, start: start, log: log}
}

// Run keeps the schedules until ctx ends.
func (k *Keeper) Run(ctx context.Context) {
	look := time.NewTimer(0)
	defer look.Stop()
	silent := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		}
		wait, err := k.turn(ctx)
		if err != nil && !silent && ctx.Err() == nil {
			k.log.WarnContext(ctx, "schedules cannot be run", "error", err)
		}
		silent = err != nil
		look.Reset(wait)
	}
}

// turn does what is due, and returns when to look again.
func (k *Keeper) turn(ctx context.Context) (time.Duration, error) {
	ready, wait, err := k.clock.LookAtSchedules(ctx)
	if err != nil {
		return maxLook, err
	}
	if wait <= 0 || wait > maxLook {
		wait = maxLook
	}
	if wait = max(wait, minLook); !ready {
		return wait, nil
	}
	due, err := k.clock.DueSchedules(ctx)
	for _, s := range due {
		mine := false // and not another replica's
		err = errors.Join(err, k.clock.FallDue(ctx, s, func(s *Schedule, now time.Time) []Run { mine = true; return fall(s, now) }))
		if mine {
			k.complain(ctx, s)
		}
	}
	waiting, failure := k.clock.WaitingRuns(ctx)
	// Each replica in an order of its own, so that they share the work.
	rand.Shuffle(len(waiting), func(i, j int) { waiting[i], waiting[j] = waiting[j], waiting[i] }) //nolint:gosec // no secret
	for _, w := range waiting {
		if ctx.Err() != nil {
			break
		}
		k.try(ctx, w.Schedule, w.Run)
	}
	return wait, errors.Join(err, failure)
}

// fall makes the runs of a schedule that is due, and sets when it is due next. What was missed while nobody looked happens once, now.
func fall(s *Schedule, now time.Time) []Run {
	runs := occasion(*s, "")
	for i := range runs {
		runs[i].DueAt = *s.NextAt
		runs[i].StartAt = now.Add(time.Duration(rand.Int64N(int64(s.JitterSeconds)*int64(time.Second) + 1))) //nolint:gosec // no secret
	}
	due(s, now)
	return runs
}

// begin tries to begin runs that were asked for out of turn.
func (k *Keeper) begin(ctx context.Context, s Schedule, runs []Run) {
	for _, r := range runs {
		k.try(ctx, s, r)
	}
}

// try starts the session of a run, or writes down why it has none. Trouble with the database leaves it waiting.
func (k *Keeper) try(ctx context.Context, s Schedule, r Run) {
	log := k.log.With("schedule", s.Name, "peer", r.PeerID)
	err := k.start(ctx, s, r)
	var busy *BusyError
	switch {
	case err == nil:
		log.InfoContext(ctx, "schedule started a sync", "due", r.DueAt, "by", r.By)
		return
	case errors.Is(err, ErrDecided) || ctx.Err() != nil || fault.KindOf(err) == fault.Unavailable:
		return
	case errors.As(err, &busy) && s.IfRunning == Queue:
		_, err = k.clock.DecideRun(ctx, r.ID, Waiting, "Waiting: "+busy.Error()+".")
	case errors.As(err, &busy):
		_, err = k.clock.DecideRun(ctx, r.ID, Skipped, "Skipped: "+busy.Error()+".")
	default:
		log.WarnContext(ctx, "schedule could not start a sync", "error", err)
		_, err = k.clock.DecideRun(ctx, r.ID, Failed, fault.Sentence(err, "The sync could not be started because of an error in this node; its log has the details."))
	}
	if err != nil && ctx.Err() == nil {
		log.WarnContext(ctx, "what became of a run cannot be written down", "error", err)
	}
}

// complain tells the log of a schedule that keeps failing.
func (k *Keeper) complain(ctx context.Context, s Schedule) {
	runs, err := k.runs.ListRuns(ctx, s.ID, judgedRuns(s))
	if err != nil {
		return
	}
	if v := newView(s, time.Time{}, runs); v.Failing() {
		k.log.WarnContext(ctx, "schedule keeps failing", "schedule", s.Name, "failedInRow", v.FailedInRow, "lastError", v.LastError)
	}
}
