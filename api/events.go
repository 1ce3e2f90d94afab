package api

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"fullsync/api/spec"
	"fullsync/internal/auth"
	"fullsync/internal/events"
	"fullsync/internal/fault"
)

const (
	// eventStream is the content type of Server-Sent Events.
	eventStream = "text/event-stream"
	// headerLastEventID is the header with which a stream goes on.
	headerLastEventID = "Last-Event-ID"
	// stillHere is the comment that shows that the node lives, and that nothing has changed since.
	stillHere = ": still here\n\n"
	// endExpired is the end that comes from the token.
	endExpired events.End = "token-expired"
)

// maxWaiting is how many bytes a stream collects at most, before it writes them.
const maxWaiting = 64 << 10

// eventHandlers stream what happens to sessions.
type eventHandlers struct {
	events  Events
	syncs   Syncs
	callers Callers
	limits  Limits
	streams *streams
}

// streamResponse writes a stream until one of the two sides ends it. It is no reader that something else copies from:
// that would cost every stream a pipe, a goroutine and a buffer.
type streamResponse func(w http.ResponseWriter) error

// VisitStreamFullSyncEventsResponse writes the stream.
func (s streamResponse) VisitStreamFullSyncEventsResponse(w http.ResponseWriter) error { return s(w) }

// StreamFullSyncEvents streams the current state, then every change.
func (h *eventHandlers) StreamFullSyncEvents(ctx context.Context, r spec.StreamFullSyncEventsRequestObject) (spec.StreamFullSyncEventsResponseObject, error) {
	want := events.Want{Catalog: valueOr(r.Params.Catalog, "")}
	if r.Params.SessionId != nil {
		want.SessionID = r.Params.SessionId.String()
		if err := h.exists(ctx, want.SessionID); err != nil {
			return nil, err
		}
	}
	// An id that is none of ours is as good as none: the snapshot says that it was of no use.
	if after, err := events.ParsePosition(valueOr(r.Params.LastEventID, "")); err == nil {
		want.After = &after
	}
	sub, err := h.events.Subscribe(ctx, want)
	if err != nil {
		return nil, err
	}
	principal, _ := auth.FromContext(ctx)
	return streamResponse(func(w http.ResponseWriter) error {
		s := &stream{w: w, control: http.NewResponseController(w), gone: ctx.Done()}
		s.header()
		if h.streams.leave(s, h.limits.Stall, func() { h.follow(s, sub, principal) }) {
			return nil
		}
		h.follow(s, sub, principal)
		return nil // the client has gone; the server closes a connection that could not be written to
	}), nil
}

// follow writes a subscription to a stream until either side ends it. It holds on to nothing of the request.
func (h *eventHandlers) follow(s *stream, sub *events.Subscription, principal auth.Principal) {
	defer sub.Close()
	check := time.NewTimer(min(h.limits.TokenCheck, time.Until(principal.ExpiresAt)))
	defer check.Stop()
	s.begin(sub.First())
	for s.failure == nil {
		select {
		case event, ok := <-sub.Events():
			if !ok {
				s.end(sub.Why())
				return
			}
			s.write(event, len(sub.Events()) > 0)
		case <-check.C:
			left := time.Until(principal.ExpiresAt)
			if left <= 0 || h.ended(principal) {
				s.end(endExpired)
				return
			}
			check.Reset(min(h.limits.TokenCheck, left))
		case <-s.gone:
			return
		}
	}
}

// exists returns NotFound for an unknown session. A stream has all the time in the world, this has not.
func (h *eventHandlers) exists(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(ctx, h.limits.Answer)
	defer cancel()
	_, err := h.syncs.Get(ctx, id)
	return err
}

// ended says whether the caller has signed out, or lost the right to be here, since the stream began. A database that
// does not answer is no reason to say so. It asks from a goroutine of its own: the way to the database is deep, and a stream's stack stays as
// large as it ever was.
func (h *eventHandlers) ended(p auth.Principal) bool {
	answer := make(chan bool, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), h.limits.Answer)
		defer cancel()
		_, err := h.callers.Holds(ctx, p)
		answer <- err != nil && fault.KindOf(err) == fault.Unauthenticated
	}()
	return <-answer
}

// stream writes events to one client, up to the first failure.
type stream struct {
	w       http.ResponseWriter
	control *http.ResponseController
	// conn is the connection itself, once the stream has left its request; w and control are nil then.
	conn *ownConn
	// gone is closed when the client has left; nil once the stream has left its request, for then a write tells.
	gone <-chan struct{}
	// waiting is what goes to conn with the next write.
	waiting []byte
	failure error
}

// header says what follows.
func (s *stream) header() {
	header := s.w.Header()
	header.Set(echo.HeaderContentType, eventStream)
	header.Set(echo.HeaderCacheControl, "no-store, no-transform")
	header.Set("X-Accel-Buffering", "no")
}

// begin sends the header, how long to wait before a reconnect, and the first events. The wait differs from client to client,
// so that not all come back at the same moment when a replica was restarted.
func (s *stream) begin(first [][]byte) {
	if s.w != nil {
		s.w.WriteHeader(http.StatusOK)
	}
	retry := 1000 + rand.IntN(2000) //nolint:gosec // jitter of a waiting time needs no secrecy
	s.write(fmt.Appendf(nil, "retry: %d\n\n", retry), true)
	for i, event := range first {
		s.write(event, i < len(first)-1)
	}
}

// write sends text, at once unless more follows.
func (s *stream) write(text []byte, more bool) {
	if s.failure != nil {
		return
	}
	if s.conn != nil {
		if s.waiting = append(s.waiting, text...); !more || len(s.waiting) >= maxWaiting {
			_, s.failure = s.conn.Write(s.waiting)
			s.waiting = nil
		}
		return
	}
	if _, s.failure = s.w.Write(text); s.failure == nil && !more {
		s.failure = s.control.Flush()
	}
}

// end sends the last event, which says why it is the last. It has no id: there is nothing to go on after it.
func (s *stream) end(why events.End) {
	message := map[events.End]string{
		endExpired:            "The token has expired or was ended. Get a new one, then connect again.",
		events.EndSlow:        "The events were not taken in time. Connect again with Last-Event-ID; nothing is lost.",
		events.EndShutdown:    "This replica of the node is stopping. Connect again in a moment.",
		events.EndUnavailable: "The database does not answer. Connect again in a moment.",
	}[why]
	s.write(eventText("end", "", spec.EndEvent{Reason: spec.EndEventReason(why), Message: message}), false)
}

// EncodeEvent renders an event as it is sent.
func EncodeEvent(e events.Event) []byte {
	switch e.Type {
	case events.TypePulse:
		return []byte(stillHere)
	case events.TypeStatus:
		return eventText(string(e.Type), e.ID, spec.StatusEvent{
			SessionId: sessionID(e.Transition.SessionID), Catalog: e.Transition.Catalog,
			Status: spec.SessionStatus(e.Transition.Status), At: e.Transition.At.UTC(),
		})
	case events.TypeSession:
		return eventText(string(e.Type), e.ID, sessionOf(*e.Session))
	default:
		shown := spec.SnapshotEvent{Resumed: e.Snapshot.Resumed, Sessions: []spec.Session{}}
		for _, v := range e.Snapshot.Sessions {
			shown.Sessions = append(shown.Sessions, sessionOf(v))
		}
		return eventText(string(e.Type), e.ID, shown)
	}
}

// eventText frames one event. JSON has no line breaks of its own, so the data is one line.
func eventText(kind, id string, data any) []byte {
	text := fmt.Appendf(nil, "event: %s\n", kind)
	if id != "" {
		text = fmt.Appendf(text, "id: %s\n", id)
	}
	encoded, err := json.Marshal(data)
	if err != nil {
		panic(err) // the document's types always marshal
	}
	return fmt.Appendf(text, "data: %s\n\n", encoded)
}
