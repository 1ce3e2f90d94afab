package session

import (
	"fmt"
	"time"
)

// Receipt is the immutable account of what a finished session did. It is derived from the session's row and takeovers,
// which cannot change once the session has ended: every write checks its status.
type Receipt struct {
	Session
	Takeovers []Takeover
	// Duration is from the start to the end.
	Duration time.Duration
	// Statement says which batch was the last.
	Statement string
}

// NewReceipt returns the receipt of a session that has ended.
func NewReceipt(s Session, takeovers []Takeover) Receipt {
	r := Receipt{Session: s.Current(), Takeovers: takeovers}
	if s.CompletedAt != nil {
		r.Duration = s.CompletedAt.Sub(s.StartedAt)
	}
	if s.BatchSeq == 0 {
		r.Statement = "No batch was committed; none can be any more."
	} else {
		r.Statement = fmt.Sprintf("Batch %d, up to product %s, was the last one committed; none can follow it.", s.BatchSeq, s.LastKey)
	}
	return r
}
