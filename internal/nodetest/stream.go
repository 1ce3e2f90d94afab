package nodetest

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"fullsync/internal/auth"
)

// EventsPath is the path of the event stream.
const EventsPath = "/api/admin/sync/full-sync/events"

// Event is one event of a stream, as received.
type Event struct {
	Type, ID string
	Data     []byte
}

// Stream is an event stream that a test follows.
type Stream struct {
	Header http.Header
	// LastID is the id of the last event that [Stream.Next] returned; a client would send it when it reconnects.
	LastID string

	t      testing.TB
	events chan Event
	cancel context.CancelFunc
	done   chan struct{}
}

// Follow opens an event stream as a viewer and fails the test if that does not work. query and lastID may be empty.
func (n *Node) Follow(query, lastID string) *Stream {
	n.t.Helper()
	return n.FollowAs(n.TokenFor("viewer", auth.RoleViewer), query, lastID)
}

// FollowAs is [Node.Follow] with that token.
func (n *Node) FollowAs(token, query, lastID string) *Stream {
	n.t.Helper()
	ctx, cancel := context.WithCancel(n.t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, n.URL()+EventsPath+query, http.NoBody)
	if err != nil {
		n.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	if lastID != "" {
		req.Header.Set("Last-Event-ID", lastID)
	}
	resp, err := n.client.Do(req) //nolint:bodyclose // the goroutine that reads it closes it
	if err != nil {
		n.t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		n.t.Fatalf("events: %d %s", resp.StatusCode, text)
	}
	s := &Stream{Header: resp.Header, LastID: lastID, t: n.t, events: make(chan Event, 1000), cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(s.done)
		defer close(s.events)
		defer resp.Body.Close() //nolint:errcheck // nothing is lost
		ReadEvents(resp.Body, func(e Event) bool { s.events <- e; return true })
	}()
	n.t.Cleanup(s.Close)
	return s
}

// ReadEvents reads a stream and calls each for every event, until each returns false or the stream ends.
func ReadEvents(body io.Reader, each func(Event) bool) {
	lines := bufio.NewReader(body)
	for e := (Event{}); ; {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch name {
		case "event":
			e.Type = value
		case "id":
			e.ID = value
		case "data":
			e.Data = []byte(value)
		case "":
			if e.Type != "" && !each(e) {
				return
			}
			e = Event{}
		}
	}
}

// Close ends the stream from the client's side and waits until it has ended. It is safe to call twice.
func (s *Stream) Close() {
	s.cancel()
	for range s.events { // the goroutine that reads the stream may be waiting to hand an event over
	}
	<-s.done
}

// Next returns the next event; ok is false once the stream has ended.
func (s *Stream) Next() (e Event, ok bool) {
	s.t.Helper()
	e, ok = Await(s.t, "the next event", s.events)
	if e.ID != "" {
		s.LastID = e.ID
	}
	return e, ok
}

// Until returns the events up to and including the first for which cond holds. It fails the test if the stream ends first.
func (s *Stream) Until(what string, cond func(Event) bool) (all []Event) {
	s.t.Helper()
	for {
		e, ok := s.Next()
		if !ok {
			s.t.Fatalf("the stream ended before %s; it brought %s", what, ShowEvents(all))
		}
		if all = append(all, e); cond(e) {
			return all
		}
	}
}

// EventData decodes the data of an event.
func EventData[T any](t testing.TB, e Event) (data T) {
	t.Helper()
	if err := json.Unmarshal(e.Data, &data); err != nil {
		t.Fatalf("event %s %s: %v: %s", e.Type, e.ID, err, e.Data)
	}
	return data
}

// ShowEvents renders events for a failure message.
func ShowEvents(all []Event) string {
	var text strings.Builder
	for _, e := range all {
		text.WriteString("\n" + e.ID + " " + e.Type + " " + string(e.Data))
	}
	return text.String()
}
