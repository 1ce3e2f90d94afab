package session

import "time"

// MarkEvery is how often a worker sets a mark. The speed is measured over the last one to two MarkEvery.
const MarkEvery = 5 * time.Second

const (
	// The speed drops to 0 when the source has sent nothing, and nothing was committed, for one and a half times as long as
	// a batch takes, but at least quietAtLeast and at most quietAtMost.
	quietAtLeast = 5 * time.Second
	quietAtMost  = 10 * time.Second
)

// Mark records how far a session had got at some moment.
type Mark struct {
	At *time.Time
	// Batches counts committed batches, Handled the products that this session wrote, found equal or refused.
	Batches, Handled, Bytes int64
}

// MarkOf returns how far a session has got. It leaves out the time, which comes from the database.
func MarkOf(s *Session) Mark {
	return Mark{Batches: s.BatchSeq, Handled: s.handledHere(), Bytes: s.TransferredBytes}
}

// speed is in handled products and bytes per second.
type speed struct{ handled, bytes float64 }

// per returns the speed for handling that much in the given time; nil if no time has passed.
func per(took time.Duration, handled, bytes int64) *speed {
	if took <= 0 {
		return nil
	}
	return &speed{float64(handled) / took.Seconds(), float64(bytes) / took.Seconds()}
}

// speedAt returns a session's speed at the database's time now. A finished session's speed is its average while workers had
// it. It is nil if unknown: nothing is committed yet, no worker has the session, or its phase has no speed.
//
// It depends only on the row and the time, so it also falls when the worker hangs.
func speedAt(s *Session, now time.Time, limits Limits) *speed {
	average := func() *speed { return per(s.Worked(), s.handledHere(), s.TransferredBytes) }
	switch {
	case !s.Status.Active():
		return average()
	case s.Worker == "" || s.Phase == PhaseVerifying || s.Phase == PhaseDeleting:
		return nil
	case s.MarksFence != s.Fence: // a worker of the previous version sets no marks
		return average()
	}
	batches := s.BatchSeq - s.Mark.Batches
	if batches <= 0 || s.Mark.At == nil || s.LastCommitAt == nil {
		return nil
	}
	took := s.LastCommitAt.Sub(*s.Mark.At)
	v := per(took, s.handledHere()-s.Mark.Handled, s.TransferredBytes-s.Mark.Bytes)
	if v == nil {
		return nil
	}
	each := took / time.Duration(batches)
	// Count whole seconds, so that looking again does not change the speed of a session that has not moved.
	since := now.Sub(*s.LastCommitAt).Truncate(time.Second)
	switch {
	case s.hangs(now, each, limits):
		return &speed{}
	case since > each: // the next batch is late, so the speed is at most one batch in that time
		slower := each.Seconds() / since.Seconds()
		return &speed{v.handled * slower, v.bytes * slower}
	}
	return v
}

// hangs reports whether nothing is moving. each is how long a batch takes.
func (s *Session) hangs(now time.Time, each time.Duration, limits Limits) bool {
	if s.WaitingFor != "" { // a peer that asks for pauses is alive, and may still send a batch now and then
		return now.Sub(*s.LastCommitAt) > max(quietAtMost, 2*each)
	}
	patience := min(max(quietAtLeast, each+each/2), quietAtMost)
	return now.Sub(s.heardAt()) > patience+limits.HeartbeatInterval // the row may be that far behind
}

// heardAt is when the present worker last heard from the source: its last sign of life, its last batch, or the worker's
// claim.
func (s *Session) heardAt() time.Time {
	return latest(s.StartedAt, s.ClaimedAt, s.LastCommitAt, s.LastSourceAt)
}

// latest returns the latest of several times. The pointers may be nil.
func latest(t time.Time, others ...*time.Time) time.Time {
	for _, at := range others {
		if at != nil && at.After(t) {
			t = *at
		}
	}
	return t
}
