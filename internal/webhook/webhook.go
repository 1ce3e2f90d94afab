// Package webhook tells other systems what happens to sessions, as the Standard Webhooks specification says: signed messages over HTTP,
// repeated for a day until they are taken. It knows no job engine; whoever runs a [Courier] does.
package webhook

import (
	"strings"
	"time"

	"fullsync/internal/audit"
	"fullsync/internal/fault"
	"fullsync/internal/session"
)

// Type is what a message tells.
type Type string

// The types of messages.
const (
	SessionStarted         Type = "session.started"
	SessionCompleted       Type = "session.completed"
	SessionFailed          Type = "session.failed"
	SessionCancelled       Type = "session.cancelled"
	SessionStalled         Type = "session.stalled"
	SessionDeletesWithheld Type = "session.deletes_withheld"
	// Test is sent only by [Book.Test].
	Test Type = "webhook.test"
)

// Types returns what a webhook can ask for.
func Types() []Type {
	return []Type{SessionStarted, SessionCompleted, SessionFailed, SessionCancelled, SessionStalled, SessionDeletesWithheld}
}

// typesOf returns what a session that has come to status tells. Stalled is no status; see [Stalled].
func typesOf(status string, s *session.Session) []Type {
	switch session.Status(status) {
	case session.Preparing:
		return []Type{SessionStarted}
	case session.Failed:
		return []Type{SessionFailed}
	case session.Cancelled:
		return []Type{SessionCancelled}
	case session.Completed:
		if s.Outcome == session.DeletesWithheld {
			return []Type{SessionCompleted, SessionDeletesWithheld}
		}
		return []Type{SessionCompleted}
	}
	if status == Stalled {
		return []Type{SessionStalled}
	}
	return nil
}

// Webhook is an address to send messages to, and the row of table webhooks.
type Webhook struct {
	ID   string `gorm:"primaryKey"`
	Name string
	URL  string
	// Types are those that it is sent.
	Types   []Type `gorm:"serializer:json"`
	Enabled bool
	// DisabledReason is a sentence that says why the node itself switched it off; empty if it did not.
	DisabledReason string
	// SealedSecret signs messages. SealedPrevious signs them too until PreviousUntil, so that the receiver can change over.
	SealedSecret   []byte `json:"-"`
	SealedPrevious []byte `json:"-"`
	PreviousUntil  *time.Time
	// LastError is what went wrong with the newest attempt; empty after a success. LastSuccessAt is when a message was last taken.
	LastError     string
	LastSuccessAt *time.Time
	CreatedBy     string
	CreatedAt     time.Time
	UpdatedAt     time.Time
}

// Audited returns what the audit log says of the webhook: nothing of its secret, and no query of its address, which may hold one.
func (w *Webhook) Audited() audit.Values {
	address, _, _ := strings.Cut(w.URL, "?")
	return audit.Values{"name": w.Name, "url": address, "types": w.Types, "enabled": w.Enabled}
}

// TableName names the table for GORM.
func (Webhook) TableName() string { return "webhooks" }

// State is what became of a delivery.
type State string

// The states.
const (
	Pending   State = "pending"
	Delivered State = "delivered"
	Failed    State = "failed"
)

// Delivery is one message to one webhook, and the row of table webhook_deliveries.
type Delivery struct {
	// ID is the message's webhook-id.
	ID        string `gorm:"primaryKey"`
	WebhookID string
	Type      Type
	// SessionID is empty for a test.
	SessionID string
	// Body is sent as it is, by every attempt.
	Body     string
	State    State
	Attempts []Attempt `gorm:"serializer:json"`
	// NextAt is when the next attempt is due; nil after the last.
	NextAt      *time.Time
	CreatedAt   time.Time
	DeliveredAt *time.Time
}

// TableName names the table for GORM.
func (Delivery) TableName() string { return "webhook_deliveries" }

// Attempt is one try to deliver a message.
type Attempt struct {
	At time.Time `json:"at"`
	// Status is the HTTP status of the answer; 0 if there was none.
	Status     int   `json:"status"`
	DurationMS int64 `json:"durationMs"`
	// Problem is a sentence that says what went wrong; empty if nothing did.
	Problem string `json:"problem,omitempty"`

	// retryAfter is what the receiver asked for.
	retryAfter time.Duration
}

// Unknown is the NotFound error for a webhook that does not exist.
func Unknown() *fault.Error {
	return fault.New(fault.NotFound, "WEBHOOK_NOT_FOUND", "Webhook not found", "There is no webhook with this id. List the webhooks to find the right one.")
}
