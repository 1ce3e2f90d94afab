package node

import (
	"sync/atomic"
	"time"
)

// ear remembers when anything last came from a peer.
type ear struct {
	began time.Time
	// heard is the time since began, 0 before the first sign.
	heard atomic.Int64
}

func newEar() *ear { return &ear{began: time.Now()} }

// hear notes that something is coming right now.
func (e *ear) hear() { e.heard.Store(max(1, int64(time.Since(e.began)))) }

// LastSign implements [transfer.Audible]. The head of an answer counts, whatever it says, and so does every piece of a body.
func (e *ear) LastSign() time.Time {
	heard := e.heard.Load()
	if heard == 0 {
		return time.Time{}
	}
	return e.began.Add(time.Duration(heard))
}
