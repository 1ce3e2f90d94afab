package webhook

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"fullsync/internal/fault"
	"fullsync/internal/peer"
)

const (
	// attemptWithin is the time limit for one attempt, as the specification recommends.
	attemptWithin = 15 * time.Second
	// atOnce is how many messages one replica sends to the same webhook at the same time.
	atOnce = 2
	// firstRest is how long a webhook is left alone after a failure, maxRest the longest such time.
	firstRest, maxRest = 2 * time.Second, 5 * time.Minute
	// queueWait is how long a message waits while its webhook is busy.
	queueWait = 3 * time.Second
	// maxRetryAfter is how far a receiver can put off the next attempt.
	maxRetryAfter = 8 * time.Hour
	// maxAnswer is how much of an answer is read, so that the connection can be used again.
	maxAnswer = 4 << 10
)

// retries are the waits after each failed attempt: a bit less than a day in all.
var retries = []time.Duration{5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 8 * time.Hour, 8 * time.Hour}

// Courier delivers messages. Every replica has one.
type Courier struct {
	store  Mail
	sealer peer.Seals
	client *http.Client
	agent  string
	log    *slog.Logger

	mu sync.Mutex
	// busy counts what is under way to each webhook; rests are those that failed last.
	busy  map[string]int
	rests map[string]rest
}

// Mail is what a courier needs from the database.
type Mail interface {
	// TakeDelivery returns a delivery and its webhook; ok is false for one that is over or gone.
	TakeDelivery(ctx context.Context, id string) (d Delivery, w Webhook, ok bool, err error)
	// RecordAttempt is that of [Store].
	RecordAttempt(ctx context.Context, id string, r Record) (Delivery, error)
}

// rest says how long a webhook is left alone.
type rest struct {
	until time.Time
	last  time.Duration
}

// NewCourier returns a courier that opens secrets with sealer and calls itself agent.
func NewCourier(store Mail, sealer peer.Seals, agent string, log *slog.Logger) *Courier {
	client := &http.Client{Transport: peer.NewTransport(), CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return &Courier{store: store, sealer: sealer, client: client, agent: agent, log: log, busy: map[string]int{}, rests: map[string]rest{}}
}

// Deliver makes an attempt to deliver a message, unless its webhook is busy or resting. It returns how long to wait until the next call, 0
// if the delivery is over. A call that is interrupted counts for nothing.
func (c *Courier) Deliver(ctx context.Context, id string) (again time.Duration, err error) {
	d, w, ok, err := c.store.TakeDelivery(ctx, id)
	if err != nil || !ok {
		return 0, err
	}
	if !w.Enabled {
		_, err := c.store.RecordAttempt(ctx, id, Record{Attempt: Attempt{At: time.Now().UTC(), Problem: "The webhook was switched off."}, State: Failed, Unsent: true})
		return 0, err
	}
	if wait := c.enter(w.ID); wait > 0 {
		return wait, nil
	}
	attempt := c.send(ctx, w, d)
	if ctx.Err() != nil { // the node stops, and another attempt is made later
		c.leave(w.ID, true)
		return time.Second, nil //nolint:nilerr // that is no error
	}
	c.leave(w.ID, attempt.Problem == "")
	r := decide(attempt, len(d.Attempts))
	switch {
	case r.Disable != "":
		c.log.WarnContext(ctx, "webhook was switched off", "webhook", w.ID, "why", r.Disable)
	case r.State == Failed:
		c.log.WarnContext(ctx, "webhook did not take a message", "webhook", w.ID, "message", id, "problem", attempt.Problem)
	}
	_, err = c.store.RecordAttempt(ctx, id, r)
	return r.Again, err
}

// decide says what follows from an attempt after so many before it.
func decide(a Attempt, before int) Record {
	switch {
	case a.Problem == "":
		return Record{Attempt: a, State: Delivered}
	case a.Status == http.StatusGone:
		return Record{Attempt: a, State: Failed, Disable: "The receiver answered 410: it wants no more messages."}
	case before >= len(retries):
		return Record{Attempt: a, State: Failed}
	}
	again := time.Duration(float64(retries[before]) * (0.9 + 0.2*rand.Float64())) //nolint:gosec // no secret
	return Record{Attempt: a, State: Pending, Again: max(again, a.retryAfter)}
}

// enter returns how long to wait before the webhook takes another message; 0 if it takes one now, and then leave must be called.
func (c *Courier) enter(id string) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if left := time.Until(c.rests[id].until); left > 0 {
		return left + spread()
	}
	if c.busy[id] >= atOnce {
		return queueWait + spread()
	}
	c.busy[id]++
	return 0
}

// spread keeps messages that wait for the same thing apart.
func spread() time.Duration { return time.Duration(rand.Int64N(int64(2 * time.Second))) } //nolint:gosec // no secret

// leave notes how an attempt went. A webhook that fails again and again rests longer and longer, so that its messages, however many they are,
// cost little.
func (c *Courier) leave(id string, well bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.busy[id]--; c.busy[id] == 0 {
		delete(c.busy, id)
	}
	if well {
		delete(c.rests, id)
		return
	}
	last := min(max(2*c.rests[id].last, firstRest), maxRest)
	c.rests[id] = rest{until: time.Now().Add(last), last: last}
}

// send posts a message once.
func (c *Courier) send(ctx context.Context, w Webhook, d Delivery) (a Attempt) {
	ctx, cancel := context.WithTimeout(ctx, attemptWithin)
	defer cancel()
	began := time.Now()
	a.At = began.UTC().Truncate(time.Millisecond)
	defer func() { a.DurationMS = time.Since(began).Milliseconds() }()
	signature, err := c.signature(w, d, began)
	if err != nil {
		a.Problem = "The secret of the webhook cannot be opened with this node's secret; give the webhook a new one."
		return a
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.URL, strings.NewReader(d.Body))
	if err != nil {
		a.Problem = "The address cannot be used; give the webhook another one."
		return a
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", c.agent)
	req.Header.Set("webhook-id", d.ID)
	req.Header.Set("webhook-timestamp", strconv.FormatInt(began.Unix(), 10))
	req.Header.Set("webhook-signature", signature)
	resp, err := c.client.Do(req)
	if err != nil {
		a.Problem = whyNot(ctx, err)
		return a
	}
	defer resp.Body.Close() //nolint:errcheck // nothing is lost
	_, _ = io.CopyN(io.Discard, resp.Body, maxAnswer)
	a.Status = resp.StatusCode
	switch {
	case a.Status >= 200 && a.Status <= 299:
	case a.Status >= 300 && a.Status <= 399:
		a.Problem = fmt.Sprintf("The receiver answered with a redirect (%d), which fullsync does not follow; give the webhook its real address.", a.Status)
	default:
		a.Problem = fmt.Sprintf("The receiver answered %d.", a.Status)
		a.retryAfter = min(peer.RetryAfter(resp.Header, time.Now()), maxRetryAfter)
	}
	return a
}

// signature signs with every secret that holds.
func (c *Courier) signature(w Webhook, d Delivery, at time.Time) (string, error) {
	sealed := [][]byte{w.SealedSecret}
	if w.PreviousUntil != nil && at.Before(*w.PreviousUntil) && len(w.SealedPrevious) > 0 {
		sealed = append(sealed, w.SealedPrevious)
	}
	signatures := make([]string, len(sealed))
	for i, one := range sealed {
		secret, err := c.sealer.Open(SealedAs(w.ID), one)
		if err != nil {
			return "", err
		}
		if signatures[i], err = sign(secret, d.ID, at, d.Body); err != nil {
			return "", err
		}
	}
	return strings.Join(signatures, " "), nil
}

// whyNot says what kept a message from arriving.
func whyNot(ctx context.Context, err error) string {
	var known *fault.Error
	switch {
	case errors.As(err, &known) && known.Code == peer.CodeAddressRefused:
		return "The address of the receiver is link-local, or one of a cloud's metadata service, where fullsync never connects to."
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return "The receiver did not answer within 15 seconds."
	}
	return "The receiver could not be reached, or it closed the connection without an answer."
}
