package session

import (
	"fmt"
	"time"
)

// Verdict is a session's health in one word.
type Verdict string

// The verdicts.
const (
	Healthy   Verdict = "healthy"
	Throttled Verdict = "throttled"
	Stalled   Verdict = "stalled"
	Dead      Verdict = "dead"
	Finished  Verdict = "finished"
)

// Health is a verdict and a sentence that a shop owner understands.
type Health struct {
	Verdict Verdict
	Reason  string
}

// Limits say after how long a session counts as stalled or dead.
type Limits struct {
	// StaleAfter is how old a heartbeat may be before its worker counts as dead.
	StaleAfter time.Duration
	// StalledAfter is how long the source may be silent, and IdleAfter how long a live worker may commit nothing, before
	// the session counts as stalled.
	StalledAfter, IdleAfter time.Duration
	// HeartbeatInterval is the time between a worker's heartbeats, and so how far behind a row may be.
	HeartbeatInterval time.Duration
	// TakeoverWithin is the longest it takes until another worker takes over from a dead one.
	TakeoverWithin time.Duration
	// KeepChanges is how long what a session changed is kept after its end; 0 keeps nothing.
	KeepChanges time.Duration
}

// Judge returns the verdict on s at now, which must be the time of the database that holds s.
func Judge(s Session, now time.Time, limits Limits) Health {
	switch {
	case !s.Status.Active():
		return Health{Finished, finishedReason(s)}
	case s.Worker == "":
		return Health{Healthy, "waiting for a free worker"}
	}
	silent := age(now, s.LastHeartbeatAt, s.StartedAt)
	if s.Incoming && silent > s.Lease() {
		return Health{Dead, fmt.Sprintf("no sign of life from %s, which pushes this sync, for %s; the sync fails within %s, as long as a node "+
			"is running", s.PeerID, seconds(silent), seconds(limits.TakeoverWithin))}
	}
	if s.OnlyHere() && silent > limits.StaleAfter {
		return Health{Dead, fmt.Sprintf("no sign of life from worker %s for %s; it ran in a process of its own, so the import fails within %s, as long as "+
			"a node is running", s.Worker, seconds(silent), seconds(limits.TakeoverWithin))}
	}
	if !s.Incoming && silent > limits.StaleAfter {
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

// busySince is when the session last made progress: its last commit, or the present worker's claim if that is later,
// because a new worker is not to blame for how long the session waited for it.
func (s *Session) busySince() time.Time { return latest(s.StartedAt, s.ClaimedAt, s.LastCommitAt) }

// silence is how long the source has been silent; 0 if nobody is waiting for it or it is this node itself, or if a worker of the previous version,
// which does not report this, has the session.
func (s *Session) silence(now time.Time) time.Duration {
	if s.MarksFence != s.Fence || s.Phase == PhaseDeleting || s.Direction == Revert || s.Direction == Import {
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

// seconds returns d in whole seconds, at least one, so that no wait reads as "0 s".
func seconds(d time.Duration) string {
	return fmt.Sprintf("%d s", max(1, int(d.Round(time.Second)/time.Second)))
}
