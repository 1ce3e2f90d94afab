package session

import "time"

// MarkEvery is how far apart a worker sets the marks from which the speed follows: it is that of the last MarkEvery to twice
// as much.
const MarkEvery = 5 * time.Second

const (
	// quietAtLeast and quietAtMost bound how long nothing must have come from the source, and nothing been committed, for the
	// speed to be 0. In between it is one and a half times what a batch takes.
	quietAtLeast = 5 * time.Second
	quietAtMost  = 10 * time.Second
)

// Mark is where a session was at a moment.
type Mark struct {
	At *time.Time
	// Batches is the number of committed batches, Handled that of products written, found equal or refused by this session.
	Batches, Handled, Bytes int64
}

// MarkOf returns where a session is, without the time: that is the database's to say.
func MarkOf(s *Session) Mark {
	return Mark{Batches: s.BatchSeq, Handled: s.TransferredRecords + s.Rejected, Bytes: s.TransferredBytes}
}

// speed is in products handled and bytes per second.
type speed struct{ handled, bytes float64 }

// per returns the speed of that many in a time; nil for no time.
func per(took time.Duration, handled, bytes int64) *speed {
	if took <= 0 {
		return nil
	}
	return &speed{float64(handled) / took.Seconds(), float64(bytes) / took.Seconds()}
}

// speedAt returns how fast a session goes at the database's time now; of a finished one, how fast it went from its first claim
// to its last commit. It is nil while nobody knows: nothing was committed yet, no worker has it, or what it does has no speed.
//
// It follows from the row and the time alone, so it falls when the worker hangs as well.
func speedAt(s *Session, now time.Time, limits Limits) *speed {
	average := func() *speed { return per(s.Worked(), s.TransferredRecords+s.Rejected, s.TransferredBytes) }
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
	v := per(took, s.TransferredRecords+s.Rejected-s.Mark.Handled, s.TransferredBytes-s.Mark.Bytes)
	if v == nil {
		return nil
	}
	each := took / time.Duration(batches)
	// In whole seconds, so that the speed does not change with every look at a session that does not.
	since := now.Sub(*s.LastCommitAt).Truncate(time.Second)
	switch {
	case s.hangs(now, each, limits):
		return &speed{}
	case since > each: // the batch that is due is late: it goes no faster than one batch in that time
		slower := each.Seconds() / since.Seconds()
		return &speed{v.handled * slower, v.bytes * slower}
	}
	return v
}

// hangs says whether nothing moves. each is what a batch takes.
func (s *Session) hangs(now time.Time, each time.Duration, limits Limits) bool {
	if s.WaitingFor != "" { // a peer that asks for pauses answers, and may still send a batch now and then
		return now.Sub(*s.LastCommitAt) > max(quietAtMost, 2*each)
	}
	patience := min(max(quietAtLeast, each+each/2), quietAtMost)
	return now.Sub(s.heardAt()) > patience+limits.HeartbeatInterval // what is in the row is that much old
}

// heardAt is when anything last came from the source for the present worker: its last sign of life, its last batch, or the
// worker's claim.
func (s *Session) heardAt() time.Time {
	return latest(s.StartedAt, s.ClaimedAt, s.LastCommitAt, s.LastSourceAt)
}

// latest returns the latest of some times, of which the pointers may be nil.
func latest(t time.Time, others ...*time.Time) time.Time {
	for _, at := range others {
		if at != nil && at.After(t) {
			t = *at
		}
	}
	return t
}
