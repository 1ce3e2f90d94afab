package nodetest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"fullsync/api/spec"
	"fullsync/internal/auth"
)

// API returns a client of the node for a caller with that name and role.
func (n *Node) API(subject string, role auth.Role) *spec.ClientWithResponses {
	n.t.Helper()
	token := n.TokenFor(subject, role)
	client, err := spec.NewClientWithResponses(n.URL(), spec.WithHTTPClient(n.client), spec.WithRequestEditorFn(func(_ context.Context, req *http.Request) error {
		req.Header.Set("Authorization", "Bearer "+token)
		return nil
	}))
	if err != nil {
		n.t.Fatal(err)
	}
	return client
}

// TokenFor returns a token of the node for a caller with that name and role.
func (n *Node) TokenFor(subject string, role auth.Role) string {
	n.t.Helper()
	token, err := n.Token(subject, role, time.Hour)
	if err != nil {
		n.t.Fatal(err)
	}
	return token
}

// Answer is the response to a raw request.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Decode parses the JSON body into out and returns out, so that most callers need only one line.
func Decode[T any](a Answer) (out T, err error) {
	if err := json.Unmarshal(a.Body, &out); err != nil {
		return out, fmt.Errorf("%d %.200s: %w", a.Status, a.Body, err)
	}
	return out, nil
}

// Raw sends one request with a JSON body and a token, leaving out whichever is empty. Unlike the other methods it may be
// called from any goroutine.
func (n *Node) Raw(ctx context.Context, token, method, path, body string) (Answer, error) {
	req, err := http.NewRequestWithContext(ctx, method, n.URL()+path, strings.NewReader(body))
	if err != nil {
		return Answer{}, err
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := n.client.Do(req)
	if err != nil {
		return Answer{}, err
	}
	defer resp.Body.Close() //nolint:errcheck // nothing is lost
	text, err := io.ReadAll(resp.Body)
	return Answer{Status: resp.StatusCode, Header: resp.Header, Body: text}, err
}

// Call is [Node.Raw] as an administrator with that name.
func (n *Node) Call(subject, method, path, body string) Answer {
	n.t.Helper()
	a, err := n.Raw(n.t.Context(), n.TokenFor(subject, auth.RoleAdmin), method, path, body)
	if err != nil {
		n.t.Fatalf("%s %s: %v", method, path, err)
	}
	return a
}

// The paths to start and cancel a sync.
const (
	StartPath  = "/api/admin/sync/full-sync"
	CancelPath = "/api/admin/sync/full-sync/cancel"
	StatusPath = "/api/admin/sync/full-sync/status"
)

// Pull says what to pull. The zero value pulls main from branch as alice.
type Pull struct {
	By, Peer, Catalog string
	Options           spec.StartOptions
	// Push pushes to the peer instead.
	Push bool
}

// Body returns the request's body.
func (p Pull) Body() string {
	action := "pull"
	if p.Push {
		action = "push"
	}
	text, err := json.Marshal(map[string]any{
		"action": action, "targetPeer": or(p.Peer, Branch), "catalog": or(p.Catalog, "main"), "options": p.Options,
	})
	if err != nil {
		panic(err) // plain values always marshal
	}
	return string(text)
}

// Pull starts a pull and fails the test unless the node accepts it.
func (n *Node) Pull(p Pull) spec.Session {
	n.t.Helper()
	a := n.Call(or(p.By, "alice"), http.MethodPost, StartPath, p.Body())
	started, err := Decode[spec.StartResponse](a)
	if a.Status != http.StatusAccepted || err != nil {
		n.t.Fatalf("start: %d %s %v", a.Status, a.Body, err)
	}
	return started.Session
}

// Cancel cancels a session as alice and fails the test if that does not work.
func (n *Node) Cancel(session spec.Session, reason string) spec.CancelResponse {
	n.t.Helper()
	resp, err := n.API("alice", auth.RoleOperator).CancelFullSyncWithResponse(n.t.Context(),
		spec.CancelRequest{SessionId: session.SessionId, Reason: &reason})
	if err != nil {
		n.t.Fatal(err)
	}
	if resp.JSON200 == nil {
		n.t.Fatalf("cancel: %d %s", resp.StatusCode(), resp.Body)
	}
	return *resp.JSON200
}

// Session returns the session's current state.
func (n *Node) Session(id spec.SessionID) spec.Session {
	n.t.Helper()
	resp, err := n.API("alice", auth.RoleViewer).GetFullSyncWithResponse(n.t.Context(), id)
	if err != nil {
		n.t.Fatal(err)
	}
	if resp.JSON200 == nil {
		n.t.Fatalf("session %s: %d %s", id, resp.StatusCode(), resp.Body)
	}
	return resp.JSON200.Session
}

// Ended reports whether the session is no longer active.
func Ended(s spec.Session) bool { return s.CompletedAt != nil }

// WaitFor returns the session once cond holds. It fails the test if the session ends first, or after [Patience].
func (n *Node) WaitFor(id spec.SessionID, what string, cond func(spec.Session) bool) (s spec.Session) {
	n.t.Helper()
	Eventually(n.t, what, func() bool {
		s = n.Session(id)
		if Ended(s) && !cond(s) {
			n.t.Fatalf("waiting for %s, but the session ended: %s", what, Show(s))
		}
		return cond(s)
	}, func() string { return Show(s) })
	return s
}

// WaitEnd waits for the session to end and returns it. It fails the test if the session ends in any other status.
func (n *Node) WaitEnd(id spec.SessionID, status spec.SessionStatus) spec.Session {
	n.t.Helper()
	return n.WaitFor(id, "the end as "+string(status), func(s spec.Session) bool { return s.Status == status })
}

// Sync starts a pull and waits until it is COMPLETED.
func (n *Node) Sync(p Pull) spec.Session {
	n.t.Helper()
	return n.WaitEnd(n.Pull(p).SessionId, spec.COMPLETED)
}

// Show renders a session for a failure message.
func Show(s spec.Session) string {
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func or(text, otherwise string) string {
	if text != "" {
		return text
	}
	return otherwise
}

// Resume resumes a session as alice and returns the new one.
func (n *Node) Resume(session spec.Session) spec.Session {
	n.t.Helper()
	a := n.Call("alice", http.MethodPost, StartPath+"/"+session.SessionId.String()+"/resume", "")
	started, err := Decode[spec.StartResponse](a)
	if a.Status != http.StatusAccepted || err != nil {
		n.t.Fatalf("resume: %d %s %v", a.Status, a.Body, err)
	}
	return started.Session
}
