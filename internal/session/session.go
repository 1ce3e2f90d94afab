// Package session defines a full sync run: its row, its states and the verdict on its health. It reads no clock and no
// database; callers pass in the database's time.
package session

import (
	"time"

	"fullsync/internal/catalog"
	"fullsync/internal/plural"
)

// Direction says which way products travel.
type Direction string

// The directions.
const (
	// Pull brings a peer's products here.
	Pull Direction = "pull"
	// Push brings this node's products to a peer. At the peer the same session is [Session.Incoming].
	Push Direction = "push"
	// Revert puts back what another session changed here. It has no peer.
	Revert Direction = "revert"
	// Import brings products from a feed: a file, or what somebody uploads. It has no peer.
	Import Direction = "import"
)

// MethodHTTP is the method of a session if the caller asked for none. Products always travel over HTTP, whatever the method
// says.
const MethodHTTP = "http"

// Phase says in one word what an active session is doing right now; [Session.CurrentStep] says it in a sentence.
type Phase string

// The phases.
const (
	PhaseQueued       Phase = "queued"
	PhaseConnecting   Phase = "connecting"
	PhaseTransferring Phase = "transferring"
	PhaseThrottled    Phase = "throttled"
	PhaseRetrying     Phase = "retrying"
	PhaseVerifying    Phase = "verifying"
	PhaseDeleting     Phase = "deleting"
	PhaseFinished     Phase = "finished"
)

// Options are what the caller chose when starting the session, with defaults filled in.
type Options struct {
	// BatchSize is the largest number of products in one commit, 1 to 5,000.
	BatchSize int `json:"batchSize"`
	// GrowBatches lets batches become larger than BatchSize while they are quick: nobody chose a size.
	GrowBatches bool `json:"growBatches,omitempty"`
	// MaxProductsPerSecond is the speed limit; 0 means none.
	MaxProductsPerSecond int `json:"maxProductsPerSecond"`
	// VerifyAfterSync compares the source's hashes with this node's after the transfer.
	VerifyAfterSync bool `json:"verifyAfterSync"`
	// CompressionEnabled asks the source for compressed pages.
	CompressionEnabled bool `json:"compressionEnabled"`
	// ReadEverything reads every product instead of comparing first.
	ReadEverything bool `json:"readEverything,omitempty"`
	// DeleteMissing deletes, at the end, the products here that came from the source and no longer exist there. MaxDeletes
	// and MaxDeletePercent limit that (see [DeleteGuard]).
	DeleteMissing    bool `json:"deleteMissing,omitempty"`
	MaxDeletes       int  `json:"maxDeletes,omitempty"`
	MaxDeletePercent int  `json:"maxDeletePercent,omitempty"`
	// ApprovedDeletes is the session whose withheld deletes a person has approved; empty if this session finds its own.
	ApprovedDeletes string `json:"approvedDeletes,omitempty"`
	// DryRun compares and writes down what the session would do, and writes no product.
	DryRun bool `json:"dryRun,omitempty"`
	// Import is what an import reads; nil for every other session.
	Import *Input `json:"import,omitempty"`
	// TimeoutSeconds is how long the session may take from start to end; 0 means the node's own limit.
	TimeoutSeconds int `json:"timeoutSeconds"`
}

// Counts is what the committed batches did, in products and bytes.
type Counts struct {
	Created   int64 `gorm:"column:created_records"`
	Updated   int64 `gorm:"column:updated_records"`
	Unchanged int64 `gorm:"column:unchanged_records"`
	Deleted   int64 `gorm:"column:deleted_records"`
	Rejected  int64 `gorm:"column:rejected_records"`
	// Repaired counts the products here whose wrong stored hash the verification corrected.
	Repaired int64 `gorm:"column:repaired_records"`
	// TransferredBytes is what came over the wire, compressed if compression was used.
	TransferredBytes int64
}

// Transferred returns how many products the committed batches brought.
func (c Counts) Transferred() int64 { return c.Created + c.Updated + c.Unchanged }

// Session is one full sync run, and the row of table sync_sessions.
type Session struct {
	ID           string `gorm:"primaryKey"`
	Catalog      string
	Direction    Direction
	PeerID       string
	SourceNodeID string
	TargetNodeID string
	// Method is what the caller asked for. The SPA shows it.
	Method  string
	Options Options `gorm:"serializer:json"`

	Status      Status
	Phase       Phase
	CurrentStep string
	// Progress is 0 to 100. It never falls, and is 100 only when COMPLETED.
	Progress int
	// TotalRecords is nil until the source says how many products there are.
	TotalRecords *int64
	// TransferredRecords always equals Counts.Transferred.
	TransferredRecords int64
	Counts             `gorm:"embedded"`

	// All times are database time.
	StartedAt time.Time
	StartedBy string
	// ClaimedAt is when the present worker, or else the last one, claimed the session.
	ClaimedAt       *time.Time
	LastHeartbeatAt *time.Time
	LastCommitAt    *time.Time
	// LastSourceAt is when anything last came from the source; nil if nothing has, or while a replica of the previous
	// version has the session.
	LastSourceAt *time.Time
	CompletedAt  *time.Time

	// Outcome is "" until COMPLETED.
	Outcome      Outcome
	ErrorMessage string
	// ErrorCode is "" unless FAILED.
	ErrorCode    string
	CancelledBy  string
	CancelReason string
	// WaitingFor says what the worker is waiting for, until WaitingUntil; empty if it is not waiting.
	WaitingFor   string
	WaitingUntil *time.Time

	// DeletesWithheld is how many products missing at the source were not deleted here.
	DeletesWithheld int64

	// WorkedBeforeMS is how many milliseconds earlier workers worked; see [Session.Worked].
	WorkedBeforeMS int64 `gorm:"column:worked_before_ms"`
	// Mark is where the session was a few seconds ago; the speed is measured from there. NextMark replaces it once it is
	// old enough. The worker with the fence MarksFence set both.
	MarksFence int64
	Mark       Mark `gorm:"embedded;embeddedPrefix:mark_"`
	NextMark   Mark `gorm:"embedded;embeddedPrefix:next_mark_"`
	// Pulse exists only in a worker's own copy: what the worker reports with its next batch.
	Pulse Pulse `gorm:"-"`
	// Attempts counts the claims of this session by workers.
	Attempts int
	// Worker is the worker that has the session; empty if none has.
	Worker string
	// Fence goes up with every claim. A worker with an older fence cannot write anything.
	Fence int64
	// BatchSeq is the number of the last committed batch. A commit only succeeds if it finds its predecessor's number.
	BatchSeq int64
	// Cursor is the position in the source after the last committed batch; empty at the beginning.
	Cursor string
	// JobID is the engine's job that is working, or waiting to work, on this session.
	JobID int64

	// ResumedFrom is the session that this one resumed; empty if it started at the beginning. ResumedRecords is how many
	// products were handled before it resumed; they count towards Progress.
	ResumedFrom    string
	ResumedRecords int64
	// ReadWhole is a sentence that says why the session reads every product instead of comparing first; empty if it
	// compares.
	ReadWhole string
	// Certificate is what the verification found on both sides, as the JSON of [Certificates]; empty if there was none.
	Certificate string
	// FirstKey and LastKey are the smallest and largest product ids committed.
	FirstKey, LastKey string
	// Retries counts how often the worker waited for trouble to pass.
	Retries int

	// Incoming says that a peer pushes this session into this node. PushedBy is the subject of its token, PusherFence the
	// fence that its worker has at the peer.
	Incoming    bool
	PushedBy    string
	PusherFence int64
	// PusherStarted is when the peer started it, in microseconds of the peer's clock; 0 where it has not told.
	PusherStarted int64
	// LeaseSeconds is how long the pusher may be silent before the target ends the session. At the pusher it is 0 until the
	// target has told it.
	LeaseSeconds int
	// DeletesAllowed is how many products an incoming session may delete; nil until the guard has decided.
	DeletesAllowed *int64
	// TargetConfirmed says of a cancelled push out of this node whether its target has confirmed the cancel; nil for every
	// other session.
	TargetConfirmed *bool
	// ChangesThrough is the last batch whose changes are kept, together with those of all before it; [NoChanges] if none are. A replica of
	// the previous version leaves it behind BatchSeq.
	ChangesThrough int64
	// RevertOf is the session whose changes this one puts back; empty for every other direction. RevertedBy is the last session that puts
	// back what this one changed; for a push it is one of the target's.
	RevertOf, RevertedBy string
	// RevertWanted says of a cancelled push out of this node that its target is to put back what it changed.
	RevertWanted bool
	// PlanID is the dry run that the session applies; empty if none. PlanChecked says that both sides were found to be as they were in it:
	// SourceState and TargetState, which a dry run notes at its beginning; empty where they could not be told.
	PlanID                   string
	PlanChecked              bool
	SourceState, TargetState string
	// FeedState stands for the products of the feed that the session reads; "" until it has read them, and where it reads no feed.
	FeedState string
	// PushFence, KeepFence, ImportFence and FeedFence equal Fence, except where a replica of an earlier version set the fence.
	PushFence   int64
	KeepFence   int64
	ImportFence int64
	FeedFence   int64
	// KeepFields are the fields that the session leaves as they are here. Its first claim takes them from the peer; nothing else writes them.
	KeepFields catalog.Fields `gorm:"serializer:json;<-:update"`
}

// Outgoing says that the session writes a peer's catalog, not one of this node.
func (s *Session) Outgoing() bool { return s.Direction == Push && !s.Incoming }

// Lease is how long the pusher of an incoming session may be silent.
func (s *Session) Lease() time.Duration { return time.Duration(s.LeaseSeconds) * time.Second }

// Handled returns how many of the source's products are behind the cursor.
func (s *Session) Handled() int64 { return s.ResumedRecords + s.handledHere() }

// handledHere leaves out those that were handled before the session resumed. A revert also handles the products that it takes away.
func (s *Session) handledHere() int64 {
	if s.Direction == Revert {
		return s.TransferredRecords + s.Rejected + s.Deleted
	}
	return s.TransferredRecords + s.Rejected
}

// MayHaveTakeovers reports whether the session may have been taken from a worker. Every claim and every takeover raises the
// fence, and only claims raise Attempts.
func (s *Session) MayHaveTakeovers() bool { return s.Fence > int64(s.Attempts) }

// ExpectTotal records how many products the source now says there are. While the session is reading, its step mentions that
// number.
func (s *Session) ExpectTotal(total int64) {
	if s.TotalRecords != nil && *s.TotalRecords == total {
		return
	}
	s.TotalRecords = &total
	if s.Phase == PhaseTransferring {
		s.CurrentStep = TransferringStep(&total)
	}
}

// TransferringStep returns the step of a session that is reading total products; nil means unknown.
func TransferringStep(total *int64) string {
	if total == nil {
		return "Transferring products"
	}
	return "Transferring " + plural.Of(*total, "product")
}

// Worked returns how long workers took for what is committed: each one from its claim to its last commit. It leaves out the
// time in which the session waited for a worker or its worker was lost, and what a worker did in vain after its last
// commit.
func (s *Session) Worked() time.Duration {
	worked := time.Duration(s.WorkedBeforeMS) * time.Millisecond
	if s.ClaimedAt != nil && s.LastCommitAt != nil {
		worked += max(0, s.LastCommitAt.Sub(*s.ClaimedAt))
	}
	return worked
}

// TableName names the table for GORM.
func (Session) TableName() string { return "sync_sessions" }

// Pulse is what a worker reports with a heartbeat or a batch.
type Pulse struct {
	// Silent is how long ago anything last came from the source; nil if there is nothing new to report.
	Silent *time.Duration
	// Mark says that it is time for a new [Mark]. Heartbeats never set one.
	Mark bool
}

// Claim is a worker's hold on a session. Its writes succeed only while Fence equals the row's.
type Claim struct {
	SessionID string
	Fence     int64
}

// Progress returns handled as a percentage of total: 0 while the total is unknown (nil), and at most 99, because 100 means
// COMPLETED. It never returns less than previous.
func Progress(previous int, handled int64, total *int64) int {
	if total == nil || *total <= 0 {
		return previous
	}
	return max(previous, int(min(99, handled*100 / *total)))
}

// Progressed is what a worker reports about its session besides batches. An empty Status or a nil Total leaves the row's
// value as it is.
type Progressed struct {
	Status Status
	Phase  Phase
	Step   string
	// Total is how many products the source says there are.
	Total *int64
	// ReadWhole and Certificate are the fields of [Session].
	ReadWhole, Certificate string
	// PlanChecked, SourceState and TargetState are the fields of [Session].
	PlanChecked              bool
	SourceState, TargetState string
	// FeedState is the field of [Session]. Anew says that the session reads its source from the beginning again.
	FeedState string
	Anew      bool
	// Repaired is how many more products' hashes were corrected.
	Repaired int64
}
