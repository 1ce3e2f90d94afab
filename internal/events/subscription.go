package events

import (
	"context"

	"fullsync/internal/fault"
)

// Subscription is one subscriber's feed: read First, then Events.
type Subscription struct {
	hub    *Hub
	want   Want
	first  [][]byte
	events chan []byte
	// joined is closed when first is set, or err if there is nothing to set.
	joined chan struct{}
	err    error
	why    End
}

// Subscribe returns a subscription after the next look at the database, which begins at most a tick later. The caller must
// close it. It returns Unavailable if the database does not answer, the replica is stopping, or the replica has too many
// subscribers already, and ctx's error if ctx ends.
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

// First returns the first events: the transitions that were missed, then a snapshot. It returns them only once.
func (s *Subscription) First() [][]byte {
	first := s.first
	s.first = nil
	return first
}

// Events yields every later event until the subscription ends; then [Subscription.Why] says why.
func (s *Subscription) Events() <-chan []byte { return s.events }

// Why returns why the subscription ended. It is valid once Events is closed.
func (s *Subscription) Why() End { return s.why }

// Close ends the subscription from the subscriber's side. It is safe to call twice, and after the subscription has ended.
func (s *Subscription) Close() {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	delete(s.hub.joining, s)
	delete(s.hub.subscribers, s)
}
