package events

import (
	"context"

	"fullsync/internal/fault"
)

// Subscription is what one subscriber hears: the events of First, then those of Events.
type Subscription struct {
	hub    *Hub
	want   Want
	first  [][]byte
	events chan []byte
	// joined is closed when the subscription has its first events, or err why there are none.
	joined chan struct{}
	err    error
	why    End
}

// Subscribe returns a subscription once the first look at the database after the call is done, at most a tick later. The
// caller must close it. It returns Unavailable when the database does not answer, the replica stops, or it has as many
// subscribers as it can serve; and the error of ctx when that ends.
func (h *Hub) Subscribe(ctx context.Context, want Want) (*Subscription, error) {
	s := &Subscription{hub: h, want: want, events: make(chan []byte, h.cfg.Buffer), joined: make(chan struct{})}
	if err := h.join(s); err != nil {
		return nil, err
	}
	select {
	case h.wake <- struct{}{}:
	default:
	}
	select {
	case <-s.joined:
		if s.err != nil {
			return nil, s.err
		}
		return s, nil
	case <-ctx.Done():
		s.Close()
		return nil, ctx.Err()
	}
}

func (h *Hub) join(s *Subscription) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.stopped {
		return stopping()
	}
	if len(h.joining)+len(h.subscribers) >= h.cfg.MaxSubscribers {
		return fault.New(fault.Unavailable, "TOO_MANY_STREAMS", "Too many event streams",
			"This replica already serves %d event streams. Try again later, or ask for the status instead.", h.cfg.MaxSubscribers)
	}
	h.joining[s] = struct{}{}
	return nil
}

// First returns the events to begin with: the transitions that were missed, and a snapshot. It returns them once.
func (s *Subscription) First() [][]byte {
	first := s.first
	s.first = nil
	return first
}

// Events yields every later event, until the subscription ends; [Subscription.Why] says why it did.
func (s *Subscription) Events() <-chan []byte { return s.events }

// Why says why the subscription has ended. It is valid once Events is closed.
func (s *Subscription) Why() End { return s.why }

// Close ends the subscription from the subscriber's side. It is safe to call twice, and after its end.
func (s *Subscription) Close() {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	delete(s.hub.joining, s)
	delete(s.hub.subscribers, s)
}
