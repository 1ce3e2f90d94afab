package api_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"fullsync/api"
	"fullsync/internal/auth"
	"fullsync/internal/events"
	"fullsync/internal/fault"
	"fullsync/internal/session"
	"fullsync/internal/token"
)

const eventsPath = "/api/admin/sync/full-sync/events"

// changing is a database in which something about the one session changes with every look. Its sentences are as long as
// padding.
type changing struct {
	mu      sync.Mutex
	looks   int
	padding int
}

func (c *changing) State(context.Context, int) (events.State, error) {
	return events.State{Now: at(3), Sessions: []session.Session{running().Session}, Recent: []int64{6}}, nil
}

func (c *changing) Changes(_ context.Context, since int64, _ []string) (events.Changes, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	row := running().Session
	c.looks++
	row.CurrentStep = strings.Repeat("x", c.padding+c.looks%2)
	found := events.Changes{Now: at(3), Sessions: []session.Session{row}}
	if since < 7 {
		found.Transitions = []events.Transition{{Seq: 7, SessionID: sessionA, Catalog: "main", Status: session.Transferring, At: at(1)}}
	}
	return found, nil
}

// hub returns a hub that looks at source until ctx ends.
func hub(ctx context.Context, source events.Source, cfg events.Config) *events.Hub {
	cfg.Tick, cfg.Encode, cfg.Logger = time.Millisecond, api.EncodeEvent, slog.New(slog.DiscardHandler)
	h := events.NewHub(cfg, source)
	go h.Run(ctx)
	return h
}

// endedSubscription is one whose replica stops as soon as it has its first events.
func endedSubscription(ctx context.Context, want events.Want) (*events.Subscription, error) {
	running, stop := context.WithCancel(ctx)
	defer stop()
	return hub(running, &changing{}, events.Config{Buffer: 1000}).Subscribe(ctx, want)
}

// TestEventsOnTheWire looks at a stream byte by byte.
func TestEventsOnTheWire(t *testing.T) {
	t.Parallel()
	n := setup(t)
	a := n.call("GET", eventsPath, "", "Last-Event-ID", "6")
	if a.status != http.StatusOK || a.header.Get("Content-Type") != "text/event-stream" ||
		a.header.Get("Cache-Control") != "no-store, no-transform" || a.header.Get("X-Accel-Buffering") != "no" {
		t.Errorf("%d %v", a.status, a.header)
	}
	want := regexp.MustCompile(`^retry: [12]\d\d\d\n\n` +
		`event: status\nid: 7\ndata: \{"sessionId":"` + sessionA + `","catalog":"main","status":"TRANSFERRING","at":"2026-01-31T10:00:01Z"\}\n\n` +
		`event: snapshot\nid: 7\ndata: \{"resumed":true,"sessions":\[\{"sessionId":"` + sessionA + `",[^\n]*\}\]\}\n\n` +
		`(event: session\nid: 7\ndata: \{"sessionId":"` + sessionA + `",[^\n]*\}\n\n)*` +
		`event: end\ndata: \{"reason":"shutdown","message":"[^"\n]+"\}\n\n$`)
	if !want.MatchString(a.body) {
		t.Errorf("%s", a.body)
	}
}

func TestNoStreamWithoutASubscription(t *testing.T) {
	t.Parallel()
	n := setup(t)
	n.subscribe = func(context.Context, events.Want) (*events.Subscription, error) {
		return nil, fault.New(fault.Unavailable, "STOPPING", "Node is stopping", "Try again.")
	}
	if a := n.call("GET", eventsPath, ""); a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := n.call("GET", eventsPath+"?sessionId=1", ""); a.status != http.StatusBadRequest || a.details()["sessionId"] == "" {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// follow opens a stream and returns its body.
func (n *node) follow(lastID string) io.ReadCloser {
	n.t.Helper()
	req, err := http.NewRequestWithContext(n.t.Context(), http.MethodGet, n.url+eventsPath, http.NoBody)
	if err != nil {
		n.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+n.token(auth.RoleViewer))
	req.Header.Set("Last-Event-ID", lastID)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() { _ = resp.Body.Close() })
	return resp.Body
}

// quiet is a database in which nothing ever changes.
type quiet struct{}

func (quiet) State(context.Context, int) (events.State, error) { return events.State{}, nil }
func (quiet) Changes(context.Context, int64, []string) (events.Changes, error) {
	return events.Changes{}, nil
}

// TestQuietStreamsShowThatTheNodeLives: comments come although nothing happens, for longer than any answer may take.
func TestQuietStreamsShowThatTheNodeLives(t *testing.T) {
	t.Parallel()
	n := setup(t, func(o *api.Options) { o.Limits.Answer = 20 * time.Millisecond })
	n.subscribe = hub(t.Context(), quiet{}, events.Config{Pulse: 5 * time.Millisecond}).Subscribe
	var seen bytes.Buffer
	for body, piece := n.follow(""), make([]byte, 4096); strings.Count(seen.String(), ": still here\n\n") < 20; {
		k, err := body.Read(piece)
		if seen.Write(piece[:k]); err != nil {
			t.Fatalf("%v after %q", err, &seen)
		}
	}
}

// TestExpiredTokenEndsTheStream: a token that is good enough to get in, by the leeway, does not stay.
func TestExpiredTokenEndsTheStream(t *testing.T) {
	t.Parallel()
	n := setup(t, func(o *api.Options) { o.Callers = expired{o.Callers} })
	n.subscribe = hub(t.Context(), quiet{}, events.Config{}).Subscribe
	text, err := io.ReadAll(n.follow(""))
	if err != nil || !strings.Contains(string(text), "event: snapshot\n") ||
		!strings.HasSuffix(string(text), `data: {"reason":"token-expired","message":"The token has expired or was ended. Get a new one, then connect again."}`+"\n\n") {
		t.Errorf("%s %v", text, err)
	}
}

// TestSignedOutStreamEnds: whoever signs out, or is disabled, is not followed up to the end of the token.
func TestSignedOutStreamEnds(t *testing.T) {
	t.Parallel()
	n := setup(t, func(o *api.Options) { o.Limits.TokenCheck = 5 * time.Millisecond })
	n.subscribe = hub(t.Context(), quiet{}, events.Config{}).Subscribe
	n.holds = fault.New(fault.Unauthenticated, "UNAUTHORIZED", "Unauthorized", "Signed out.")
	text, err := io.ReadAll(n.follow(""))
	if err != nil || !strings.Contains(string(text), `"reason":"token-expired"`) {
		t.Errorf("%s %v", text, err)
	}
}

// expired are callers whose every token is at its end.
type expired struct{ api.Callers }

// Verify lets anybody in.
func (expired) Verify(context.Context, string, token.Use) (auth.Principal, error) {
	return auth.Principal{Subject: "alice", Role: auth.RoleViewer, ExpiresAt: time.Now().Add(-time.Second)}, nil
}

// TestSlowReaderIsDropped has one client that reads nothing and one that reads all. The first one's way fills up and it is
// dropped; the second one never notices. Then the first reads what is left, up to the reason, and goes on from there.
func TestSlowReaderIsDropped(t *testing.T) {
	t.Parallel()
	n := setup(t)
	source := &changing{padding: 64 << 10}
	h := hub(t.Context(), source, events.Config{Buffer: 32})
	joined := make(chan struct{}, 3)
	n.subscribe = func(ctx context.Context, want events.Want) (*events.Subscription, error) {
		defer func() { joined <- struct{}{} }()
		return h.Subscribe(ctx, want)
	}
	slow, err := net.Dial("tcp", strings.TrimPrefix(n.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = slow.Close() })
	request := "GET " + eventsPath + " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + n.token(auth.RoleViewer) + "\r\nConnection: close\r\n\r\n"
	if _, err := io.WriteString(slow, request); err != nil {
		t.Fatal(err)
	}
	<-joined

	fast := n.follow("")
	<-joined
	for piece := make([]byte, 1<<20); h.Subscribers() == 2; {
		if _, err := fast.Read(piece); err != nil {
			t.Fatalf("the one that keeps up: %v", err)
		}
	}
	rest, err := io.ReadAll(slow)
	if err != nil {
		t.Fatal(err)
	}
	text := string(rest)
	if !strings.Contains(text, `data: {"reason":"slow",`) {
		t.Errorf("the slow one ends with %q", text[max(0, len(text)-300):])
	}
	ids := regexp.MustCompile(`(?m)^id: (\S+)\r?$`).FindAllStringSubmatch(text, -1)
	again := n.follow(ids[len(ids)-1][1])
	piece := make([]byte, 4096)
	if k, err := io.ReadAtLeast(again, piece, 200); err != nil || !strings.Contains(string(piece[:k]), `event: snapshot`) ||
		!strings.Contains(string(piece[:k]), `"resumed":true`) {
		t.Errorf("after the reconnect: %v %s", err, piece[:k])
	}
}

// TestBrowsersMaySendTheLastID: a page of another origin must be allowed to send the header.
func TestBrowsersMaySendTheLastID(t *testing.T) {
	t.Parallel()
	n := setup(t, func(o *api.Options) { o.CORSOrigins = []string{"https://admin.example.com"} })
	a := n.call("OPTIONS", eventsPath, "", "Authorization", "", "Origin", "https://admin.example.com",
		"Access-Control-Request-Method", "GET", "Access-Control-Request-Headers", "authorization,last-event-id")
	if !strings.Contains(a.header.Get("Access-Control-Allow-Headers"), "Last-Event-ID") {
		t.Errorf("%d %v", a.status, a.header)
	}
}

// TestStreamLeavesItsRequest: the request of a stream is over while the stream goes on, so that it costs no more than its connection.
func TestStreamLeavesItsRequest(t *testing.T) {
	t.Parallel()
	n := setup(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n.subscribe = hub(ctx, quiet{}, events.Config{Pulse: 5 * time.Millisecond}).Subscribe
	stream := bufio.NewReader(n.follow(""))
	for !strings.Contains(n.log.String(), `path=`+eventsPath+` status=200`) {
		if _, err := stream.ReadString('\n'); err != nil {
			t.Fatalf("the stream ended before its request: %v", err)
		}
	}
	for range 5 {
		if _, err := stream.ReadString('\n'); err != nil {
			t.Fatalf("the stream ended with its request: %v", err)
		}
	}
	cancel()
	rest, err := io.ReadAll(stream)
	if err != nil || !strings.Contains(string(rest), `"reason":"shutdown"`) {
		t.Errorf("at the end: %q, %v", rest, err)
	}
	n.server.WaitForStreams(t.Context())
}

// TestStreamWithoutAReaderIsCutAtTheStop: a stop does not wait for a client that takes nothing.
func TestStreamWithoutAReaderIsCutAtTheStop(t *testing.T) {
	t.Parallel()
	n := setup(t)
	n.subscribe = hub(t.Context(), quiet{}, events.Config{}).Subscribe // it goes on after the stop
	n.follow("")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	n.server.WaitForStreams(ctx)
}

// TestStreamOverHTTP2: there a connection is not one stream's alone.
func TestStreamOverHTTP2(t *testing.T) {
	t.Parallel()
	n := setup(t)
	n.subscribe = hub(t.Context(), quiet{}, events.Config{Pulse: 5 * time.Millisecond}).Subscribe
	server := httptest.NewUnstartedServer(n.server)
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	t.Cleanup(server.CloseClientConnections)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+eventsPath, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+n.token(auth.RoleViewer))
	resp, err := server.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // it was read as far as it goes
	text := make([]byte, 200)
	if k, err := io.ReadAtLeast(resp.Body, text, len(text)); err != nil || resp.ProtoMajor != 2 || !strings.Contains(string(text[:k]), "event: snapshot") {
		t.Errorf("HTTP/%d: %q, %v", resp.ProtoMajor, text[:k], err)
	}
}
