package session

import (
	"fmt"
	"time"
)

// Verdict is the one word on a session's health.
type Verdict string

// The verdicts.
const (
	Healthy   Verdict = "healthy"
	Throttled Verdict = "throttled"
	Stalled   Verdict = "stalled"
	Dead      Verdict = "dead"
	Finished  Verdict = "finished"
)

// Health is a verdict with one sentence that a shop owner understands.
type Health struct {
	Verdict Verdict
	Reason  string
}

// Limits are the ages from which a session counts as stalled or dead.
type Limits struct {
	// StaleAfter is the age of a heartbeat from which its worker counts as dead.
	StaleAfter time.Duration
	// StalledAfter is how long nothing may come from the source, and IdleAfter how long a live worker may commit nothing,
	// before the session counts as stalled.
	StalledAfter, IdleAfter time.Duration
	// HeartbeatInterval is how far apart the heartbeats of a worker are: by that much a row may be behind.
	HeartbeatInterval time.Duration
	// TakeoverWithin is how long after that another worker has surely noticed.
	TakeoverWithin time.Duration
}

// Judge returns the verdict on s at now, which must be the time of the database that holds s.
func Judge(s Session, now time.Time, limits Limits) Health {
	switch {
	case !s.Status.Active():
		return Health{Finished, finishedReason(s)}
	case s.Worker == "":
		return Health{Healthy, "waiting for a free worker"}
	}
	if silent := age(now, s.LastHeartbeatAt, s.StartedAt); silent > limits.StaleAfter {
		return Health{Dead, fmt.Sprintf("no sign of life from worker %s for %s; another worker takes the sync over within %s, "+
			"as long as a node is running", s.Worker, seconds(silent), seconds(limits.TakeoverWithin))}
	}
	if s.WaitingFor != "" && s.WaitingUntil != nil {
		if wait := s.WaitingUntil.Sub(now); wait > 0 {
			return Health{Throttled, fmt.Sprintf("%s; goes on in %s", s.WaitingFor, seconds(wait))}
		}
	}
	if silent := s.silence(now); silent > limits.StalledAfter {
		return Health{Stalled, fmt.Sprintf("worker %s is alive, but nothing came from %s for %s", s.Worker, s.PeerID, seconds(silent))}
	}
	if idle := now.Sub(s.busySince()); idle > limits.IdleAfter && s.Status == Transferring && s.Phase != PhaseVerifying {
		return Health{Stalled, fmt.Sprintf("worker %s is alive, but has committed nothing for %s",
			s.Worker, seconds(idle))}
	}
	return Health{Healthy, "working normally"}
}

// busySince is the last sign that the session got on: its last commit, or the present worker's claim where that is later. A
// worker that has just come is not to blame for how long the session waited for it.
func (s *Session) busySince() time.Time { return latest(s.StartedAt, s.ClaimedAt, s.LastCommitAt) }

// silence is how long nothing has come from the source; 0 where nobody waits for it, and for a worker of the previous version,
// which does not tell.
func (s *Session) silence(now time.Time) time.Duration {
	if s.MarksFence != s.Fence || s.Phase == PhaseDeleting {
		return 0
	}
	return max(0, now.Sub(s.heardAt()))
}

func finishedReason(s Session) string {
	switch s.Status {
	case Completed:
		if s.ErrorMessage != "" {
			return "completed, but not everything was done: " + s.ErrorMessage
		}
		return "completed"
	case Cancelled:
		return s.ErrorMessage
	default:
		return "failed: " + s.ErrorMessage
	}
}

func age(now time.Time, at *time.Time, otherwise time.Time) time.Duration {
	if at == nil {
		return now.Sub(otherwise)
	}
	return now.Sub(*at)
}

// seconds renders d in whole seconds, at least one, so that no wait reads as "0 s".
func seconds(d time.Duration) string {
	return fmt.Sprintf("%d s", max(1, int(d.Round(time.Second)/time.Second)))
}
