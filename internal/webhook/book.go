package webhook

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"fullsync/internal/fault"
	"fullsync/internal/peer"
)

const (
	// MaxName is the longest name, in characters.
	MaxName = 100
	// maxURL is the longest address, in bytes.
	maxURL = 2048
	// MaxWebhooks is how many a node may have: each session is told to all of them.
	MaxWebhooks = 50
	// oldSecretHolds is how long a secret signs beside the one that replaced it.
	oldSecretHolds = 24 * time.Hour
)

// Store keeps the webhooks of this node and their deliveries. Every method may also return Unavailable when the database does not answer,
// and all times are the database's.
type Store interface {
	// ListWebhooks returns every webhook, oldest first.
	ListWebhooks(ctx context.Context) ([]Webhook, error)
	// GetWebhook returns one webhook, or NotFound (see [Unknown]).
	GetWebhook(ctx context.Context, id string) (Webhook, error)
	// AddWebhook inserts w and sets its times. Returns Conflict if there are most already.
	AddWebhook(ctx context.Context, w *Webhook, most int) error
	// ChangeWebhook reads the webhook for update, calls change with the database's time, and writes the result, in one transaction.
	ChangeWebhook(ctx context.Context, id string, change func(*Webhook, time.Time) error) (Webhook, error)
	// RemoveWebhook deletes the webhook and its deliveries. Returns NotFound.
	RemoveWebhook(ctx context.Context, id string) error
	// ListDeliveries returns the latest deliveries of a webhook, the newest first.
	ListDeliveries(ctx context.Context, webhookID string, limit int) ([]Delivery, error)
	// AddDelivery inserts d with the time of the insert, and no job.
	AddDelivery(ctx context.Context, d *Delivery) error
	// RecordAttempt adds an attempt to a delivery, and writes its state, its next time and what the webhook shows of it. Returns the delivery.
	RecordAttempt(ctx context.Context, id string, r Record) (Delivery, error)
}

// Record is what an attempt leads to.
type Record struct {
	Attempt Attempt
	State   State
	// Again is how long it takes until the next attempt of a [Pending] delivery.
	Again time.Duration
	// Unsent says that nothing was sent, because the webhook is switched off.
	Unsent bool
	// Disable is a sentence that says why the webhook is switched off; empty if it is not.
	Disable string
}

// New describes a webhook to add.
type New struct {
	Name, URL string
	// Types are all if empty.
	Types   []Type
	Enabled bool
	By      string
}

// Change is a change to a webhook. Nil members stay as they are.
type Change struct {
	Name, URL *string
	Types     *[]Type
	Enabled   *bool
}

// Book manages the webhooks of this node. It is safe for concurrent use.
type Book struct {
	store   Store
	sealer  peer.Seals
	courier *Courier
}

// NewBook returns the book of webhooks on that store.
func NewBook(store Store, sealer peer.Seals, courier *Courier) *Book {
	return &Book{store: store, sealer: sealer, courier: courier}
}

// List returns every webhook, oldest first.
func (b *Book) List(ctx context.Context) ([]Webhook, error) { return b.store.ListWebhooks(ctx) }

// Get returns one webhook, or NotFound.
func (b *Book) Get(ctx context.Context, id string) (Webhook, error) {
	return b.store.GetWebhook(ctx, id)
}

// Add adds a webhook and returns it with its secret, which is never shown again. Returns Invalid for a malformed member.
func (b *Book) Add(ctx context.Context, n New) (w Webhook, secret string, err error) {
	w, secret = Webhook{ID: uuid.NewString(), CreatedBy: n.By}, newSecret()
	if len(n.Types) == 0 {
		n.Types = Types()
	}
	if err := (Change{Name: &n.Name, URL: &n.URL, Types: &n.Types, Enabled: &n.Enabled}).apply(&w); err != nil {
		return Webhook{}, "", err
	}
	if w.SealedSecret, err = b.sealer.Seal(SealedAs(w.ID), secret); err != nil {
		return Webhook{}, "", err
	}
	if err := b.store.AddWebhook(ctx, &w, MaxWebhooks); err != nil {
		return Webhook{}, "", err
	}
	return w, secret, nil
}

// SealedAs is what a secret is bound to. No node id has a colon.
func SealedAs(id string) string { return "webhook:" + id }

// Change changes a webhook. Returns Invalid for a malformed member, and NotFound.
func (b *Book) Change(ctx context.Context, id string, c Change) (Webhook, error) {
	return b.store.ChangeWebhook(ctx, id, func(w *Webhook, _ time.Time) error { return c.apply(w) })
}

// Rotate gives the webhook another secret and returns it with it. Messages are signed with both for a day. Returns NotFound.
func (b *Book) Rotate(ctx context.Context, id string) (w Webhook, secret string, err error) {
	secret = newSecret()
	sealed, err := b.sealer.Seal(SealedAs(id), secret)
	if err != nil {
		return Webhook{}, "", err
	}
	w, err = b.store.ChangeWebhook(ctx, id, func(w *Webhook, now time.Time) error {
		until := now.Add(oldSecretHolds)
		w.SealedPrevious, w.PreviousUntil, w.SealedSecret = w.SealedSecret, &until, sealed
		if len(w.SealedPrevious) == 0 {
			w.PreviousUntil = nil
		}
		return nil
	})
	return w, secret, err
}

// Remove deletes a webhook and what is kept of its deliveries; nothing more is sent. Returns NotFound.
func (b *Book) Remove(ctx context.Context, id string) error { return b.store.RemoveWebhook(ctx, id) }

// Deliveries returns the latest deliveries of a webhook, the newest first. Returns NotFound.
func (b *Book) Deliveries(ctx context.Context, id string, limit int) ([]Delivery, error) {
	if _, err := b.store.GetWebhook(ctx, id); err != nil {
		return nil, err
	}
	return b.store.ListDeliveries(ctx, id, limit)
}

// Test sends a message at once, even to a webhook that is switched off, and returns how that went. It is never repeated. Returns NotFound.
func (b *Book) Test(ctx context.Context, id, by string) (Delivery, error) {
	w, err := b.store.GetWebhook(ctx, id)
	if err != nil {
		return Delivery{}, err
	}
	data, err := json.Marshal(map[string]string{"message": "This is a test.", "sentBy": by})
	if err != nil {
		return Delivery{}, err
	}
	body, err := message(Test, time.Now(), data)
	if err != nil {
		return Delivery{}, err
	}
	d := Delivery{ID: uuid.NewString(), WebhookID: id, Type: Test, Body: body, State: Pending}
	if err := b.store.AddDelivery(ctx, &d); err != nil {
		return Delivery{}, err
	}
	attempt := b.courier.send(ctx, w, d)
	state := Delivered
	if attempt.Problem != "" {
		state = Failed
	}
	return b.store.RecordAttempt(context.WithoutCancel(ctx), d.ID, Record{Attempt: attempt, State: state})
}

// message returns the body of a message.
func message(kind Type, at time.Time, data json.RawMessage) (string, error) {
	text, err := json.Marshal(struct {
		Type      Type            `json:"type"`
		Timestamp time.Time       `json:"timestamp"`
		Data      json.RawMessage `json:"data"`
	}{kind, at.UTC(), data})
	return string(text), err
}

// apply checks c and applies it to w.
func (c Change) apply(w *Webhook) (err error) {
	if c.Name != nil {
		w.Name = strings.TrimSpace(*c.Name)
		if utf8.RuneCountInString(w.Name) > MaxName || !utf8.ValidString(w.Name) || strings.ContainsFunc(w.Name, func(c rune) bool { return !unicode.IsPrint(c) }) {
			return invalid("name", "must be at most 100 printable characters")
		}
	}
	if c.URL != nil {
		if w.URL, err = parseURL(*c.URL); err != nil {
			return err
		}
	}
	if c.Types != nil {
		w.Types = slices.Compact(slices.Sorted(slices.Values(*c.Types)))
		if len(w.Types) == 0 || slices.ContainsFunc(w.Types, func(t Type) bool { return !slices.Contains(Types(), t) }) {
			return invalid("types", "must be some of session.started, session.completed, session.failed, session.cancelled, session.stalled and session.deletes_withheld")
		}
	}
	if c.Enabled != nil {
		w.Enabled = *c.Enabled
		if w.Enabled {
			w.DisabledReason = ""
		}
	}
	return nil
}

// parseURL checks an address as that of a peer, but lets it have a path as it is, and a query.
func parseURL(text string) (string, error) {
	text = strings.TrimSpace(text)
	u, err := url.Parse(text)
	if err != nil || len(text) > maxURL {
		return "", invalid("url", "must be an address of at most 2048 characters, such as https://hooks.example.com/fullsync")
	}
	bare := url.URL{Scheme: u.Scheme, Opaque: u.Opaque, User: u.User, Host: u.Host, Fragment: u.Fragment}
	base, err := peer.ParseURL(bare.String())
	if err != nil {
		return "", err
	}
	rest := url.URL{Path: u.Path, RawPath: u.RawPath, RawQuery: u.RawQuery}
	return base + rest.String(), nil
}

// invalid is the contract's answer to a malformed field.
func invalid(field, problem string) *fault.Error {
	return fault.New(fault.Invalid, "INVALID_REQUEST", "Invalid request", "%s %s.", field, problem).With(field, problem)
}
