package events

import (
	"cmp"
	"context"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"fullsync/internal/fault"
	"fullsync/internal/session"
)

// Config configures a [Hub]. A zero field gets the default given with it.
type Config struct {
	// Tick is the time between two looks at the database, and so the least time between two progress events of a session;
	// 250 ms.
	Tick time.Duration
	// Timeout is the longest a look may take; 5 s.
	Timeout time.Duration
	// Patience is how long the database may stay silent before subscriptions end; 15 s.
	Patience time.Duration
	// Pulse is the least time between two pulses; 3 s. A pulse follows a successful look, so there is never more than one
	// per tick.
	Pulse time.Duration
	// Buffer is how many events a subscriber may fall behind before it is dropped; 64.
	Buffer int
	// GiveWay is how long at most the hub keeps an event from subscribers for what goes first; 100 ms.
	GiveWay time.Duration
	// MaxSubscribers is how many subscribers there may be at once; 10,000.
	MaxSubscribers int
	// Limits are used to judge the health of sessions.
	Limits session.Limits
	// Encode turns an event into what subscribers receive. It is called once per event, however many subscribers there are.
	Encode func(Event) []byte
	Logger *slog.Logger
}

func (c Config) withDefaults() Config {
	c.Tick = cmp.Or(c.Tick, 250*time.Millisecond)
	c.Timeout = cmp.Or(c.Timeout, 5*time.Second)
	c.Patience = cmp.Or(c.Patience, 15*time.Second)
	c.Pulse = cmp.Or(c.Pulse, 3*time.Second)
	c.Buffer = cmp.Or(c.Buffer, 64)
	c.GiveWay = cmp.Or(c.GiveWay, 100*time.Millisecond)
	c.MaxSubscribers = cmp.Or(c.MaxSubscribers, 10_000)
	return c
}

// Hub watches the database for all subscribers of one replica.
type Hub struct {
	cfg    Config
	source Source
	// wake tells Run that a subscriber has arrived.
	wake chan struct{}

	mu sync.Mutex
	// Those in joining wait for the next look, which gives them their first events; those in subscribers already have them.
	joining, subscribers map[*Subscription]struct{}
	stopped              bool

	// first counts what goes first; see [Hub.GoFirst].
	first atomic.Int32

	// Only Run uses the fields below. picture is nil while there are no subscribers.
	picture *picture
	// failing is when the database stopped answering; zero while it answers.
	failing time.Time
	// pulsed is when the last pulse was sent.
	pulsed time.Time
}

// NewHub returns a Hub, which does nothing until [Hub.Run] is called.
func NewHub(cfg Config, source Source) *Hub {
	return &Hub{
		cfg: cfg.withDefaults(), source: source, wake: make(chan struct{}, 1),
		joining: map[*Subscription]struct{}{}, subscribers: map[*Subscription]struct{}{},
	}
}

// Run serves subscribers until ctx ends, then ends every subscription. Without subscribers it leaves the database alone.
func (h *Hub) Run(ctx context.Context) {
	defer h.stop()
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		if h.wanted() {
			h.look(ctx)
		} else {
			h.picture, h.failing = nil, time.Time{}
			select {
			case <-ctx.Done():
				return
			case <-h.wake:
				continue
			}
		}
		pause.Reset(h.cfg.Tick)
		select {
		case <-ctx.Done():
			return
		case <-pause.C:
		}
	}
}

// Subscribers returns the number of subscriptions that have had their first events.
func (h *Hub) Subscribers() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.subscribers)
}

func (h *Hub) wanted() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.joining)+len(h.subscribers) > 0
}

func (h *Hub) stop() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stopped = true
	for s := range h.joining {
		h.refuse(s, stopping())
	}
	h.endAll(EndShutdown)
}

// look queries the database once, sends news to the subscribers and first events to those joining. Anyone who arrives
// meanwhile waits for the next look, so that a first view is never older than its request.
func (h *Hub) look(ctx context.Context) {
	joining := h.waiting()
	found, err := h.read(ctx, joining)
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case ctx.Err() != nil:
		return // stop tells subscribers why
	case err != nil:
		h.trouble(err, joining)
		return
	}
	h.failing = time.Time{}
	for _, e := range h.picture.update(found) {
		h.publish(e)
	}
	if time.Since(h.pulsed) >= h.cfg.Pulse {
		h.pulsed = time.Now()
		h.publish(Event{Type: TypePulse})
	}
	first := welcome{hub: h, found: found, snapshots: map[snapshotKey][]byte{}}
	for _, s := range joining {
		if _, waits := h.joining[s]; waits {
			delete(h.joining, s)
			s.first = first.events(s.want)
			h.subscribers[s] = struct{}{}
			close(s.joined)
		}
	}
}

// waiting returns the subscriptions that are waiting for a look.
func (h *Hub) waiting() (joining []*Subscription) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for s := range h.joining {
		joining = append(joining, s)
	}
	return joining
}

// read asks the database for everything new since the last look, and for what the joining subscribers missed.
func (h *Hub) read(ctx context.Context, joining []*Subscription) (Changes, error) {
	ctx, cancel := context.WithTimeout(ctx, h.cfg.Timeout)
	defer cancel()
	if h.picture == nil {
		state, err := h.source.State(ctx, recentNumbers)
		if err != nil {
			return Changes{}, err
		}
		h.picture = newPicture(state, h.cfg.Limits)
	}
	pos := h.picture.pos
	since := pos.Floor()
	// Ask by id for sessions that were active, so that their end shows even if their transition is lost.
	ids := h.picture.active()
	for _, s := range joining {
		if after := s.want.After; after != nil && pos.mayReplay(*after) {
			since = min(since, max(after.Floor(), pos.High-maxReplay))
		}
		if s.want.SessionID != "" {
			ids = append(ids, s.want.SessionID)
		}
	}
	slices.Sort(ids)
	return h.source.Changes(ctx, since, slices.Compact(ids))
}

// trouble handles a database that does not answer: joining subscribers are told at once, the others only if it lasts. h.mu
// is held.
func (h *Hub) trouble(err error, joining []*Subscription) {
	if h.failing.IsZero() {
		h.failing = time.Now()
		h.cfg.Logger.Warn("could not look for changes to tell subscribers of", "error", err)
	}
	for _, s := range joining {
		if _, waits := h.joining[s]; waits {
			h.refuse(s, err)
		}
	}
	if time.Since(h.failing) >= h.cfg.Patience {
		h.endAll(EndUnavailable)
	}
}

// Thousands of subscribers that are all told at once stand in line before whatever comes next. So the hub wakes toldAtOnce of them, lets them have the
// processor, and rests for as long as they took, though not for longer than restAtMost.
const (
	toldAtOnce = 32
	restAtMost = 2 * time.Millisecond
)

// GoFirst makes the hub tell no more subscribers of anything until done is called: for a cancel, which must not wait until thousands of them have
// heard something. [Config].GiveWay bounds that.
func (h *Hub) GoFirst() (done func()) {
	h.first.Add(1)
	return func() { h.first.Add(-1) }
}

// publish sends an event to everyone who wants it, and drops anyone too far behind. h.mu is held.
func (h *Hub) publish(e Event) {
	var encoded []byte
	pace := pace{hub: h, began: time.Now()}
	for s := range h.subscribers {
		// A subscriber with unread events needs no sign of life, and a pulse must not push it over its limit.
		if !e.isFor(s.want) || e.Type == TypePulse && len(s.events) > 0 {
			continue
		}
		if encoded == nil {
			encoded = h.cfg.Encode(e)
		}
		select {
		case s.events <- encoded:
			pace.told()
		default:
			h.end(s, EndSlow)
		}
	}
}

// pace is how fast subscribers are told of one event.
type pace struct {
	hub *Hub
	n   int
	// began is when the first of the last few was told, waited how long all of them together have waited for what goes first.
	began  time.Time
	waited time.Duration
}

// told counts a subscriber, and waits before the next where others should have the processor.
func (p *pace) told() {
	if p.n++; p.n%toldAtOnce != 0 {
		return
	}
	runtime.Gosched()
	<-time.After(min(time.Since(p.began), restAtMost))
	for p.hub.first.Load() > 0 && p.waited < p.hub.cfg.GiveWay {
		from := time.Now()
		<-time.After(time.Millisecond)
		p.waited += time.Since(from) // on a busy machine it is more
	}
	p.began = time.Now()
}

// end ends one subscription. h.mu is held.
func (h *Hub) end(s *Subscription, why End) {
	delete(h.subscribers, s)
	s.why = why
	close(s.events)
}

// endAll ends all subscriptions. h.mu is held.
func (h *Hub) endAll(why End) {
	for s := range h.subscribers {
		h.end(s, why)
	}
}

// refuse fails a subscription that is waiting for its first events. h.mu is held.
func (h *Hub) refuse(s *Subscription, err error) {
	delete(h.joining, s)
	s.err = err
	close(s.joined)
}

// stopping is the error for a subscriber of a replica that is stopping.
func stopping() error {
	return fault.New(fault.Unavailable, "STOPPING", "Node is stopping", "This replica of the node is stopping. Try again in a moment.")
}
