package syncer

import (
	"context"
	"time"

	"fullsync/internal/catalog"
	"fullsync/internal/peer"
	"fullsync/internal/session"
	"fullsync/internal/transfer"
)

// Opening asks a target to open the incoming session of a push, or to hand it to another worker of the pusher.
type Opening struct {
	SessionID, NodeID, Catalog string
	// StartedBy is who started the push at the pusher, and StartedAt when by the pusher's clock; the zero time where it does not tell.
	StartedBy string
	StartedAt time.Time
	// Total is how many products the pusher has.
	Total int64
	// Fence is the session's at the pusher.
	Fence int64
	// Silence is how long it may take until another worker of the pusher goes on after one was lost.
	Silence time.Duration
	// ResumedFrom is the session that this one resumes, "" for none.
	ResumedFrom string
	// PlanID is the dry run that the push applies, "" for none.
	PlanID  string
	Options session.Options
}

// Standing is where an incoming session is, as its target says. The counts are those of the whole session.
type Standing struct {
	SessionID  string
	Status     session.Status
	Fence, Seq int64
	// After is the last id up to which everything is dealt with, "" at the beginning.
	After           string
	Lease           time.Duration
	Counts          session.Counts
	ResumedRecords  int64
	DeletesWithheld int64
	// DryRun and PlanID say that the target takes the session as what it was opened as.
	DryRun bool
	PlanID string
	// CancelledBy and Reason say how it ended; Reason is also why it failed, and ErrorCode the same for programs.
	CancelledBy, Reason, ErrorCode string
	// Mark is the target's newest mark, once the session is COMPLETED: whoever remembers it notices when the target loses that end.
	Mark string
	// Confirmation says what became of a cancel that is to put back what the push has changed.
	Confirmation
	// MaxPerSecond is the target's own speed limit, 0 for none.
	MaxPerSecond int
	// Rejects are those that the pusher does not know yet.
	Rejects []session.Reject
}

// Ended returns an [*EndedError] for an incoming session that has ended, nil for an active one.
func (s Standing) Ended() error {
	if s.Status.Active() {
		return nil
	}
	return &EndedError{Standing: s}
}

// EndedError says that an incoming session has ended at its target.
type EndedError struct{ Standing Standing }

// Error says how it ended.
func (e *EndedError) Error() string {
	switch s := e.Standing; {
	case s.Status == session.Cancelled:
		return Cancellation{By: s.CancelledBy, Reason: s.Reason}.Message()
	case s.Reason != "":
		return s.Reason
	default:
		return "The sync session is " + string(s.Status) + " at its target."
	}
}

// SequenceError says that a batch is not the one after the last that was committed.
type SequenceError struct{ Last int64 }

// Error says so.
func (*SequenceError) Error() string {
	return "The batch is not the one after the last that was committed."
}

// BusyError says that another session writes the catalog at a target.
type BusyError struct {
	// Message is what the target says about it.
	Message string
}

// Error is the target's sentence.
func (e *BusyError) Error() string { return e.Message }

// Beat is a sign of life of a pusher.
type Beat struct {
	Fence int64
	// Progressed says what it begins to do; the zero value says nothing new.
	Progressed session.Progressed
}

// Proposal names products that a pusher does not have, or has the guard of the target decide about all of them.
type Proposal struct {
	Fence int64
	// First forgets what was proposed before.
	First bool
	IDs   []string
	// SourceTotal, if not nil, is how many products the pusher has: the guard decides.
	SourceTotal *int64
}

// Decision is what the guard of a target says. Withheld is 0 or all of Proposed, and Why the reason.
type Decision struct {
	Proposed, Withheld int64
	Why                string
}

// Finish is how a pusher ends a session.
type Finish struct {
	// Fence is 0 where the pusher gives up and does not know whether the session was opened. Then Opening is not nil.
	Fence int64
	// Opening has the SessionID, NodeID, Catalog and Fence of the opening whose answer did not come.
	Opening *Opening
	// SourceTotal is how many products the pusher has, nil where it failed.
	SourceTotal *int64
	Step        string
	// Code and Message say why it failed; both are empty where it did not.
	Code, Message string
}

// Target is a node that a session is pushed to, as the worker of that session sees it: a side to compare with, and an incoming session to
// write through. Errors are those of a [transfer.Source]; every method but Open also returns an [*EndedError] when the incoming session has
// ended, and [transfer.ErrFenced] when a later worker of this node has it.
type Target interface {
	transfer.Side
	transfer.Rehasher
	transfer.Comparer
	transfer.Audible
	transfer.Metered
	// Open opens the incoming session, or takes it over. It returns a [*BusyError] when another session writes the catalog there.
	Open(ctx context.Context, o Opening) (Standing, error)
	// Commit sends a batch and returns where the session is then, with the rejects beyond those that are known, and how many bytes were
	// sent. It returns a [*SequenceError] when seq is not the next number.
	Commit(ctx context.Context, fence, seq int64, batch catalog.Batch, knownRejects int64) (at Standing, sent int64, err error)
	Beat(ctx context.Context, b Beat) error
	Propose(ctx context.Context, p Proposal) (Decision, error)
	// Deletes lists up to limit products of one of the lists of deletes there, by id, those behind after.
	Deletes(ctx context.Context, state session.DeleteState, after string, limit int) ([]string, error)
	// Changes lists changes of the session, as far as they fit in an answer; more says that there may be others. They have only [session.Change.Fields]
	// of the products. It returns NotFound where the target does not keep them.
	Changes(ctx context.Context, q session.ChangeQuery) (changes []session.Change, more bool, err error)
	Finish(ctx context.Context, f Finish) (Standing, error)
	// Cancel ends the session, known there or not: an opening that arrives later opens nothing. o has what [Finish.Opening] has. It returns NotFound
	// when a target of the previous version knows no such session.
	Cancel(ctx context.Context, o Opening, by Cancellation) (Standing, error)
	Close() error
}

// OpenTarget connects to the target of a session; nothing is sent yet.
type OpenTarget func(target peer.Target, s session.Session) (Target, error)
