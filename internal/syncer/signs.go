package syncer

import (
	"sync"
	"time"

	"fullsync/internal/transfer"
)

// signs are the source's signs of life in one run. The heartbeat tells of them, also before there is a source.
type signs struct {
	mu     sync.Mutex
	source transfer.Audible
	// told is the last one that is in the session's row.
	told time.Time
}

// listen makes src the source, or the target of a push, whose signs count. One that cannot tell gives no sign but its batches.
func (s *signs) listen(src any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.source, _ = src.(transfer.Audible)
}

// news returns the last sign and how long ago it was by this process's own clock, nil where it has been told. Times of two
// machines are never compared: the database takes the age off its own time.
func (s *signs) news() (last time.Time, ago *time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.source == nil {
		return last, nil
	}
	if last = s.source.LastSign(); !last.After(s.told) {
		return last, nil
	}
	silent := time.Since(last)
	return last, &silent
}

// tell notes that a sign is in the session's row.
func (s *signs) tell(last time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if last.After(s.told) {
		s.told = last
	}
}
