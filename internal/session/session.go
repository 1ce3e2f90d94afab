// Package session holds one full sync run: its row, its states and the verdict on its health. It is pure: it reads
// no clock and no database; whoever calls it passes the database's time.
package session

import (
	"time"

	"fullsync/internal/plural"
)

// Direction says which way products travel.
type Direction string

// Pull brings a peer's products here.
const Pull Direction = "pull"

// MethodHTTP is the method of a session for which none was asked. Products travel over HTTP whatever the method says.
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

// Options are what the caller of a start chose, with defaults filled in.
type Options struct {
	// BatchSize is the largest number of products in one commit, 1 to 5,000.
	BatchSize int `json:"batchSize"`
	// MaxProductsPerSecond limits the speed; 0 means no limit.
	MaxProductsPerSecond int `json:"maxProductsPerSecond"`
	// VerifyAfterSync compares the source's hashes with ours after the transfer.
	VerifyAfterSync bool `json:"verifyAfterSync"`
	// CompressionEnabled asks the source for compressed pages.
	CompressionEnabled bool `json:"compressionEnabled"`
	// ReadEverything reads every product instead of comparing first.
	ReadEverything bool `json:"readEverything,omitempty"`
	// DeleteMissing deletes here, in the end, what came from the source and is there no more; MaxDeletes and MaxDeletePercent are
	// the guard's (see [DeleteGuard]).
	DeleteMissing    bool `json:"deleteMissing,omitempty"`
	MaxDeletes       int  `json:"maxDeletes,omitempty"`
	MaxDeletePercent int  `json:"maxDeletePercent,omitempty"`
	// ApprovedDeletes is the session whose withheld deletes a person has approved; empty for one that looks for its own.
	ApprovedDeletes string `json:"approvedDeletes,omitempty"`
	// TimeoutSeconds is how long the session may take from its start to its end; 0 means the node's own limit.
	TimeoutSeconds int `json:"timeoutSeconds"`
}

// Counts are what the committed batches did, in products and bytes.
type Counts struct {
	Created   int64 `gorm:"column:created_records"`
	Updated   int64 `gorm:"column:updated_records"`
	Unchanged int64 `gorm:"column:unchanged_records"`
	Deleted   int64 `gorm:"column:deleted_records"`
	Rejected  int64 `gorm:"column:rejected_records"`
	// Repaired counts the products here whose stored hash was wrong and that the verification put right.
	Repaired int64 `gorm:"column:repaired_records"`
	// TransferredBytes is what came over the wire, compressed where it was.
	TransferredBytes int64
}

// Transferred is the number of products that committed batches brought.
func (c Counts) Transferred() int64 { return c.Created + c.Updated + c.Unchanged }

// Session is one full sync run, and the row of table sync_sessions.
type Session struct {
	ID           string `gorm:"primaryKey"`
	Catalog      string
	Direction    Direction
	PeerID       string
	SourceNodeID string
	TargetNodeID string
	// Method is what the caller asked for; the SPA shows it.
	Method  string
	Options Options `gorm:"serializer:json"`

	Status      Status
	Phase       Phase
	CurrentStep string
	// Progress is 0 to 100; it never falls, and is 100 only when COMPLETED.
	Progress int
	// TotalRecords is nil while the source has not said how many products there are.
	TotalRecords *int64
	// TransferredRecords always equals Counts.Transferred.
	TransferredRecords int64
	Counts             `gorm:"embedded"`

	// All times are the database's.
	StartedAt time.Time
	StartedBy string
	// ClaimedAt is when the present worker claimed the session, or the last one where none has it.
	ClaimedAt       *time.Time
	LastHeartbeatAt *time.Time
	LastCommitAt    *time.Time
	// LastSourceAt is when anything last came from the source; nil before, and while a replica of the previous version works.
	LastSourceAt *time.Time
	CompletedAt  *time.Time

	// Outcome is "" until COMPLETED.
	Outcome      Outcome
	ErrorMessage string
	// ErrorCode is "" unless FAILED.
	ErrorCode    string
	CancelledBy  string
	CancelReason string
	// WaitingFor says what the worker waits for, until WaitingUntil; empty when it does not wait.
	WaitingFor   string
	WaitingUntil *time.Time

	// DeletesWithheld is how many products were missing at the source and not deleted here.
	DeletesWithheld int64

	// WorkedBeforeMS is how many milliseconds the workers before the present one worked; see [Session.Worked].
	WorkedBeforeMS int64 `gorm:"column:worked_before_ms"`
	// Mark is where the session was a few seconds ago, and the speed is that since then; NextMark takes its place once it is old
	// enough. They are set by the worker that holds MarksFence.
	MarksFence int64
	Mark       Mark `gorm:"embedded;embeddedPrefix:mark_"`
	NextMark   Mark `gorm:"embedded;embeddedPrefix:next_mark_"`
	// Pulse is only in a worker's own copy: what it tells of itself with the next batch.
	Pulse Pulse `gorm:"-"`
	// Attempts counts the claims of this session by workers.
	Attempts int
	// Worker is the one that holds the session, empty while none does.
	Worker string
	// Fence is raised by every claim; whoever holds an older one can write nothing.
	Fence int64
	// BatchSeq numbers the committed batches; a commit must find its predecessor's number.
	BatchSeq int64
	// Cursor is the position in the source after the last committed batch, empty at the beginning.
	Cursor string
	// JobID is the engine's job that works, or waits to work, on this session.
	JobID int64

	// ResumedFrom is the session whose cursor this one went on from, empty for one from the beginning, and
	// ResumedRecords how many products were handled before that cursor: they count for Progress.
	ResumedFrom    string
	ResumedRecords int64
	// ReadWhole is why every product is read instead of comparing first, one sentence; empty where the sides are compared.
	ReadWhole string
	// Certificate is what a verification found at both sides, a [Certificates] as JSON; empty without one.
	Certificate string
	// FirstKey and LastKey are the smallest and the largest product id that was committed.
	FirstKey, LastKey string
	// Retries counts the waits for trouble to pass.
	Retries int
}

// Handled is how many products of the source are behind the cursor.
func (s *Session) Handled() int64 { return s.ResumedRecords + s.TransferredRecords + s.Rejected }

// ExpectTotal notes how many products the source says there are by now. The step of a session that is reading says it.
func (s *Session) ExpectTotal(total int64) {
	if s.TotalRecords != nil && *s.TotalRecords == total {
		return
	}
	s.TotalRecords = &total
	if s.Phase == PhaseTransferring {
		s.CurrentStep = TransferringStep(&total)
	}
}

// TransferringStep is the step of a session that reads total products, nil where that is not known.
func TransferringStep(total *int64) string {
	if total == nil {
		return "Transferring products"
	}
	return "Transferring " + plural.Of(*total, "product")
}

// Worked is how long workers have worked for what is committed: each of them from its claim to its last commit. The time in
// which the session waited for a worker, or its worker was lost, is not in it, and neither is what a worker did in vain after
// its last commit.
func (s *Session) Worked() time.Duration {
	worked := time.Duration(s.WorkedBeforeMS) * time.Millisecond
	if s.ClaimedAt != nil && s.LastCommitAt != nil {
		worked += max(0, s.LastCommitAt.Sub(*s.ClaimedAt))
	}
	return worked
}

// TableName names the table for GORM.
func (Session) TableName() string { return "sync_sessions" }

// Pulse is what a worker tells of itself with a heartbeat or a batch.
type Pulse struct {
	// Silent is how long ago anything last came from the source; nil where that is no news.
	Silent *time.Duration
	// Mark says that it is time for a new [Mark]. A heartbeat sets none.
	Mark bool
}

// Claim is a worker's hold on a session: writes under it succeed only while Fence is the row's.
type Claim struct {
	SessionID string
	Fence     int64
}

// Progress returns the percentage of total that handled products make: 0 while the total is unknown (nil), and at
// most 99, because 100 belongs to COMPLETED. previous is never undercut.
func Progress(previous int, handled int64, total *int64) int {
	if total == nil || *total <= 0 {
		return previous
	}
	return max(previous, int(min(99, handled*100 / *total)))
}

// Progressed is what a worker makes known of its session besides batches. An empty Status, and a nil Total, stay as they are.
type Progressed struct {
	Status Status
	Phase  Phase
	Step   string
	// Total is how many products the source says there are.
	Total *int64
	// ReadWhole and Certificate are a [Session]'s.
	ReadWhole, Certificate string
	// Repaired is how many more products were repaired.
	Repaired int64
}
