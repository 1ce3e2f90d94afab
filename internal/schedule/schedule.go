// Package schedule starts syncs by the clock: the schedules of this node, the rule that says when each runs, and the keeper that runs them
// on every replica. It starts no sync by itself; a [Starter] does.
package schedule

import (
	"fmt"
	"time"

	"fullsync/internal/audit"
	"fullsync/internal/fault"
	"fullsync/internal/session"
)

// IfRunning says what a run does that meets an active session.
type IfRunning string

// The choices.
const (
	// Skip leaves the run out and says so.
	Skip IfRunning = "skip"
	// Queue waits until the session has ended.
	Queue IfRunning = "queue"
)

const (
	// MaxName is the longest name, in characters.
	MaxName = 100
	// MaxJitter is the longest random delay, in seconds.
	MaxJitter = 3600
	// MaxPeers is how many peers one schedule may push to.
	MaxPeers = 500
	// FailingAfter is how many failures in a row make a schedule failing.
	FailingAfter = 3
)

// Schedule is a sync that starts by the clock, and the row of table schedules.
type Schedule struct {
	ID       string `gorm:"primaryKey"`
	Name     string
	Cron     string
	Timezone string
	Enabled  bool
	// Action is [session.Pull] or [session.Push].
	Action      session.Direction
	TargetPeers []string `gorm:"serializer:json"`
	Catalog     string
	// Options are a start's: zero values stand for the node's own settings at the time of the run.
	Options   session.Options `gorm:"serializer:json"`
	IfRunning IfRunning
	// JitterSeconds is the longest random delay of a run.
	JitterSeconds int
	// NextAt is when the next run is due, by the rule and without jitter; nil while the schedule is switched off.
	NextAt    *time.Time
	CreatedBy string
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Audited returns what the audit log says of the schedule.
func (s *Schedule) Audited() audit.Values {
	return audit.Values{
		"name": s.Name, "cron": s.Cron, "timezone": s.Timezone, "enabled": s.Enabled, "action": s.Action, "targetPeers": s.TargetPeers, "catalog": s.Catalog,
		"options": s.Options, "ifRunning": s.IfRunning, "jitterSeconds": s.JitterSeconds,
	}
}

// TableName names the table for GORM.
func (Schedule) TableName() string { return "schedules" }

// Starter is who starts the sessions of a schedule.
func (s *Schedule) Starter() string { return "schedule " + s.Name }

// State is what became of a run.
type State string

// The states.
const (
	// Waiting runs begin at their time, or when nothing is in their way any more.
	Waiting State = "waiting"
	// Started runs have a session.
	Started State = "started"
	// Skipped runs met an active session, or were called off.
	Skipped State = "skipped"
	// Failed runs were refused a session.
	Failed State = "failed"
)

// Run is one start of a schedule with one peer, and the row of table schedule_runs.
type Run struct {
	ID         string `gorm:"primaryKey"`
	ScheduleID string
	// Occasion is the same for all runs that fell due together, one per peer.
	Occasion string
	PeerID   string
	// DueAt is when the rule wanted it, StartAt when it may begin: later by the jitter.
	DueAt   time.Time
	StartAt time.Time
	// By is who asked for a run out of turn; empty if the clock did.
	By    string `gorm:"column:asked_by"`
	State State
	// SessionID is the session of a [Started] run.
	SessionID *string
	// Problem is a sentence that says why it was skipped or failed, or what a waiting one waits for.
	Problem   string
	DecidedAt *time.Time
}

// TableName names the table for GORM.
func (Run) TableName() string { return "schedule_runs" }

// Shown is a run with the session that it started, if it did.
type Shown struct {
	Run
	Session *Ended
}

// Ended is as much of a session as tells how a run went.
type Ended struct {
	Status       session.Status
	Outcome      session.Outcome
	ErrorMessage string
	StartedAt    time.Time
	CompletedAt  *time.Time
}

// failed says whether the run went wrong; over is false while that is not known, and for runs that prove nothing.
func (s Shown) failed() (failed, over bool) {
	switch {
	case s.State == Failed:
		return true, true
	case s.State != Started || s.Session == nil:
		return false, false
	case s.Session.Status == session.Failed:
		return true, true
	}
	return false, s.Session.Status == session.Completed
}

// why is what went wrong.
func (s Shown) why() string {
	if s.Session != nil {
		return s.Session.ErrorMessage
	}
	return s.Problem
}

// View is a schedule with what follows from its runs.
type View struct {
	Schedule
	// NextRuns are the coming three by the rule; none while the schedule is switched off.
	NextRuns []time.Time
	// Last is the newest run that has a session, nil if none has.
	Last *Shown
	// FailedInRow counts the last times it fell due at which at least one run failed.
	FailedInRow int
	// LastError says what went wrong the last time; empty if nothing did.
	LastError string
}

// Failing says whether somebody should look after the schedule.
func (v *View) Failing() bool { return v.FailedInRow >= FailingAfter }

// newView judges a schedule by its latest runs, the newest first.
func newView(s Schedule, now time.Time, runs []Shown) View {
	v := View{Schedule: s}
	if rule, err := ParseRule(s.Cron, s.Timezone); err == nil && s.Enabled {
		v.NextRuns = rule.Following(now)
	}
	for i := range runs {
		if runs[i].Session != nil {
			v.Last = &runs[i]
			break
		}
	}
	if len(runs) > 0 {
		v.LastError = newestProblem(runs)
	}
	v.FailedInRow = failedInRow(runs)
	if v.Failing() {
		v.LastError = fmt.Sprintf("The last %d runs failed. %s", v.FailedInRow, v.LastError)
	}
	return v
}

// newestProblem is what went wrong at the newest occasion that is over, or was skipped.
func newestProblem(runs []Shown) string {
	newest := ""
	for _, r := range runs {
		failed, over := r.failed()
		if !over && r.State != Skipped {
			continue
		}
		if newest == "" {
			newest = r.Occasion
		}
		if r.Occasion == newest && (failed || r.State == Skipped) {
			return r.why()
		}
	}
	return ""
}

// failedInRow counts the occasions until the first that went well. Those that prove nothing do not count.
func failedInRow(runs []Shown) (n int) {
	for i := 0; i < len(runs); {
		anyFailed, anyOver, occasion := false, false, runs[i].Occasion
		for ; i < len(runs) && runs[i].Occasion == occasion; i++ {
			failed, over := runs[i].failed()
			anyFailed, anyOver = anyFailed || failed, anyOver || over
		}
		switch {
		case anyFailed:
			n++
		case anyOver:
			return n
		}
	}
	return n
}

// Pause says who paused all schedules, and since when.
type Pause struct {
	By string    `json:"by"`
	At time.Time `json:"at"`
}

// Unknown is the NotFound error for a schedule that does not exist.
func Unknown() *fault.Error {
	return fault.New(fault.NotFound, "SCHEDULE_NOT_FOUND", "Schedule not found", "There is no schedule with this id. List the schedules to find the right one.")
}

// Exists is the Conflict error for a name that is taken.
func Exists(name string) *fault.Error {
	return fault.New(fault.Conflict, "SCHEDULE_EXISTS", "Schedule already exists", "There is a schedule named %s already; choose another name.", name)
}
