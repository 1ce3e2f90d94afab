package events

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"fullsync/internal/fault"
	"fullsync/internal/session"
)

// Config are the settings of a [Hub]. Zero members take the default.
type Config struct {
	// Tick is the time between two looks at the database, and so between two events on one session's progress; 250 ms.
	Tick time.Duration
	// Timeout bounds one look; 5 s.
	Timeout time.Duration
	// Patience is how long the database may not answer before subscriptions end; 15 s.
	Patience time.Duration
	// Pulse is the time between two pulses, which come after looks that succeeded and so no more often than those; 3 s.
	Pulse time.Duration
	// Buffer is how many events a subscriber may be behind before it is dropped; 64.
	Buffer int
	// MaxSubscribers is how many there may be at once; 10,000.
	MaxSubscribers int
	// Limits are those by which sessions are judged.
	Limits session.Limits
	// Encode turns an event into what subscribers get. It is called once per event, however many they are.
	Encode func(Event) []byte
	Logger *slog.Logger
}

func (c Config) withDefaults() Config {
	c.Tick = cmp.Or(c.Tick, 250*time.Millisecond)
	c.Timeout = cmp.Or(c.Timeout, 5*time.Second)
	c.Patience = cmp.Or(c.Patience, 15*time.Second)
	c.Pulse = cmp.Or(c.Pulse, 3*time.Second)
	c.Buffer = cmp.Or(c.Buffer, 64)
	c.MaxSubscribers = cmp.Or(c.MaxSubscribers, 10_000)
	return c
}

// Hub looks at the database for all subscribers of one replica.
type Hub struct {
	cfg    Config
	source Source
	// wake tells Run that somebody has come.
	wake chan struct{}

	mu sync.Mutex
	// joining wait for the next look, which gives them their first events; subscribers have had them.
	joining, subscribers map[*Subscription]struct{}
	stopped              bool

	// What follows is Run's alone. picture is nil while nobody looks at it.
	picture *picture
	// failing is since when the database has not answered; zero while it does.
	failing time.Time
	// pulsed is when the last pulse was sent.
	pulsed time.Time
}

// NewHub returns a Hub. It does nothing until [Hub.Run].
func NewHub(cfg Config, source Source) *Hub {
	return &Hub{
		cfg: cfg.withDefaults(), source: source, wake: make(chan struct{}, 1),
		joining: map[*Subscription]struct{}{}, subscribers: map[*Subscription]struct{}{},
	}
}

// Run serves subscribers until ctx ends, and ends every subscription then. Without subscribers it leaves the database alone.
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

// Subscribers returns how many subscriptions there are.
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

// look is one look at the database: what is new goes to the subscribers, and who waits gets its first events. Those who come
// meanwhile wait for the next, which begins after they came: so nobody is ever shown less than it has seen before.
func (h *Hub) look(ctx context.Context) {
	joining := h.waiting()
	found, err := h.read(ctx, joining)
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case ctx.Err() != nil:
		return // stop says why
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

// waiting returns those who wait for a look.
func (h *Hub) waiting() (joining []*Subscription) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for s := range h.joining {
		joining = append(joining, s)
	}
	return joining
}

// read asks the database for what is new since the last look, and for what those who join have missed.
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
	// A session that was active is asked for by name: its end shows whatever became of its transition.
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

// trouble is what happens when the database does not answer: those who join are told at once, the others when it lasts.
// h.mu is held.
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

// publish hands an event to everybody it is for, and drops who is too far behind. h.mu is held.
func (h *Hub) publish(e Event) {
	var encoded []byte
	for s := range h.subscribers {
		// Whoever has something to read already needs no sign of life, and must not fall behind for it.
		if !e.isFor(s.want) || e.Type == TypePulse && len(s.events) > 0 {
			continue
		}
		if encoded == nil {
			encoded = h.cfg.Encode(e)
		}
		select {
		case s.events <- encoded:
		default:
			h.end(s, EndSlow)
		}
	}
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

// refuse ends the wait for the first events. h.mu is held.
func (h *Hub) refuse(s *Subscription, err error) {
	delete(h.joining, s)
	s.err = err
	close(s.joined)
}

// stopping is what a subscriber gets from a replica that stops.
func stopping() error {
	return fault.New(fault.Unavailable, "STOPPING", "Node is stopping", "This replica of the node is stopping. Try again in a moment.")
}
