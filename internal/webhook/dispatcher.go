package webhook

import (
	"context"
	"database/sql"
	"encoding/json"
	"log/slog"
	"slices"
	"time"

	"github.com/google/uuid"

	"fullsync/internal/session"
)

const (
	// look is how often a replica looks for events, lookForStalls how often for sessions that have stalled.
	look, lookForStalls = 500 * time.Millisecond, 5 * time.Second
	// eventsAtOnce is how many events one transaction takes.
	eventsAtOnce = 50
)

// Stalled stands in an [Event] in place of a status.
const Stalled = "STALLED"

// Event says that a session took a status, or that it has [Stalled]. The database's triggers write it while there are webhooks.
type Event struct {
	Seq       int64 `gorm:"primaryKey"`
	SessionID string
	Status    string
	At        time.Time
}

// TableName names the table for GORM.
func (Event) TableName() string { return "webhook_events" }

// Outbox is what a dispatcher needs from the database.
type Outbox interface {
	// Dispatch takes up to limit events and, in the same transaction, inserts what address makes of each and enqueues its jobs. Replicas share
	// the events. It returns how many it took.
	Dispatch(ctx context.Context, limit int, address Address, enqueue Enqueue) (int, error)
	// HasWebhooks says whether any webhook is switched on.
	HasWebhooks(ctx context.Context) (bool, error)
	// NoteStall adds an event for a session that has stalled, once for each batch after which it does.
	NoteStall(ctx context.Context, s session.Session) error
}

// Address returns the deliveries that an event leads to.
type Address func(e Event, s session.Session, now time.Time, hooks []Webhook) ([]Delivery, error)

// Enqueue inserts the job of a delivery in the caller's transaction.
type Enqueue func(ctx context.Context, tx *sql.Tx, deliveryID string) error

// Sessions renders sessions and knows the active ones.
type Sessions struct {
	Active func(ctx context.Context) ([]session.View, error)
	// Encode returns a session as the API shows it.
	Encode func(session.View) (json.RawMessage, error)
	Limits session.Limits
}

// Dispatcher turns events into deliveries. Every replica runs one.
type Dispatcher struct {
	outbox   Outbox
	sessions Sessions
	enqueue  Enqueue
	log      *slog.Logger
}

// NewDispatcher returns a dispatcher that enqueues jobs with enqueue.
func NewDispatcher(outbox Outbox, sessions Sessions, enqueue Enqueue, log *slog.Logger) *Dispatcher {
	return &Dispatcher{outbox: outbox, sessions: sessions, enqueue: enqueue, log: log}
}

// Run dispatches until ctx ends.
func (d *Dispatcher) Run(ctx context.Context) {
	tick := time.NewTicker(look)
	defer tick.Stop()
	silent, stalls := false, time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		var err error
		if time.Since(stalls) >= lookForStalls {
			stalls, err = time.Now(), d.noteStalls(ctx)
		}
		for n := eventsAtOnce; err == nil && n == eventsAtOnce; {
			n, err = d.outbox.Dispatch(ctx, eventsAtOnce, d.address, d.enqueue)
		}
		if err != nil && !silent && ctx.Err() == nil {
			d.log.WarnContext(ctx, "webhooks cannot be told", "error", err)
		}
		silent = err != nil
	}
}

// address makes one delivery for each webhook that wants to hear of an event.
func (d *Dispatcher) address(e Event, s session.Session, now time.Time, hooks []Webhook) (out []Delivery, err error) {
	for _, kind := range typesOf(e.Status, &s) {
		body := ""
		for _, w := range hooks {
			if !slices.Contains(w.Types, kind) {
				continue
			}
			if body == "" {
				data, err := d.sessions.Encode(session.NewView(s, now, d.sessions.Limits))
				if err != nil {
					return nil, err
				}
				if body, err = message(kind, e.At, data); err != nil {
					return nil, err
				}
			}
			out = append(out, Delivery{
				ID: uuid.NewString(), WebhookID: w.ID, Type: kind, SessionID: s.ID, Body: body, State: Pending, Attempts: []Attempt{}, NextAt: &now, CreatedAt: now,
			})
		}
	}
	return out, nil
}

// noteStalls looks for sessions that have stalled, while anybody wants to hear of them.
func (d *Dispatcher) noteStalls(ctx context.Context) error {
	wanted, err := d.outbox.HasWebhooks(ctx)
	if err != nil || !wanted {
		return err
	}
	active, err := d.sessions.Active(ctx)
	if err != nil {
		return err
	}
	for _, v := range active {
		if v.Health.Verdict != session.Stalled {
			continue
		}
		if err := d.outbox.NoteStall(ctx, v.Session); err != nil {
			return err
		}
	}
	return nil
}
