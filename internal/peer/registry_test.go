package peer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"fullsync/internal/auth"
	"fullsync/internal/fault"
)

// memory is a Store in memory: these tests are about the registry's rules. The store's own tests cover the database.
type memory struct {
	peers   map[string]Peer
	touched []string
}

func (m *memory) ListPeers(context.Context) ([]Peer, error) {
	var out []Peer
	for _, p := range m.peers {
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b Peer) int { return strings.Compare(a.NodeID, b.NodeID) })
	return out, nil
}

func (m *memory) GetPeer(_ context.Context, nodeID string) (Peer, error) {
	p, ok := m.peers[nodeID]
	if !ok {
		return Peer{}, Unknown(nodeID)
	}
	return p, nil
}

func (m *memory) AddPeer(_ context.Context, p *Peer) error {
	if _, ok := m.peers[p.NodeID]; ok {
		return Exists(p.NodeID)
	}
	m.peers[p.NodeID] = *p
	return nil
}

func (m *memory) ChangePeer(ctx context.Context, nodeID string, change func(*Peer) error) (Peer, error) {
	p, err := m.GetPeer(ctx, nodeID)
	if err != nil {
		return Peer{}, err
	}
	if err := change(&p); err != nil {
		return Peer{}, err
	}
	m.peers[nodeID] = p
	return p, nil
}

func (m *memory) RemovePeer(ctx context.Context, nodeID string) error {
	_, err := m.GetPeer(ctx, nodeID)
	delete(m.peers, nodeID)
	return err
}

func (m *memory) TouchPeer(_ context.Context, nodeID, lastError string) error {
	m.touched = append(m.touched, nodeID+": "+lastError)
	return nil
}

func (m *memory) NoteFeed(_ context.Context, nodeID string, _ time.Time, seen FeedSeen) error {
	p := m.peers[nodeID]
	p.FeedSeen = seen
	m.peers[nodeID] = p
	return nil
}

// noFeeds is a Feeds that takes any options and reads nothing.
type noFeeds struct{}

func (noFeeds) CheckFeed(Feed) error { return nil }

func (noFeeds) Preview(context.Context, Target) (Preview, error) { return Preview{Reached: true}, nil }

// probe is a Prober that answers what the test tells it to.
type probe struct {
	answer Answer
	err    error
	target Target
}

func (p *probe) Probe(_ context.Context, target Target) (Answer, error) {
	p.target = target
	return p.answer, p.err
}

func testRegistry(t *testing.T) (*Registry, *memory, *probe) {
	t.Helper()
	m, p := &memory{peers: map[string]Peer{}}, &probe{}
	return NewRegistry(m, testSealer(t, strings.Repeat("a", 32)), p, noFeeds{}, "main"), m, p
}

func ptr[T any](v T) *T { return &v }

func mustAdd(t *testing.T, r *Registry, token string) Peer {
	t.Helper()
	p, err := r.Add(t.Context(), New{NodeID: "branch-2", URL: "http://10.0.0.2:8080/", Token: token, IsActive: true})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestAdd(t *testing.T) {
	t.Parallel()
	r, m, _ := testRegistry(t)
	p := mustAdd(t, r, " secret-token\n")
	if p.NodeName != "branch-2" || p.Kind != KindNode || p.URL != "http://10.0.0.2:8080" || !p.IsActive {
		t.Errorf("Add = %+v", p)
	}
	if strings.Contains(string(m.peers["branch-2"].SealedToken), "secret-token") {
		t.Error("the token is stored in plain text")
	}
	if target, err := r.Target(t.Context(), "branch-2"); err != nil || target.Token != "secret-token" || target.URL != p.URL {
		t.Errorf("Target = %v, %v", target, err)
	}
	if _, err := r.Add(t.Context(), New{NodeID: "branch-2", URL: "http://h"}); fault.KindOf(err) != fault.Conflict {
		t.Errorf("the same id again: %v, want Conflict", err)
	}
}

func TestAddRefuses(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		n    New
		kind fault.Kind
	}{
		"this node itself":   {New{NodeID: "main", URL: "http://h"}, fault.Impossible},
		"bad id":             {New{NodeID: "a b", URL: "http://h"}, fault.Invalid},
		"no url":             {New{NodeID: "b"}, fault.Invalid},
		"bad url":            {New{NodeID: "b", URL: "ftp://h"}, fault.Invalid},
		"unknown kind":       {New{NodeID: "b", URL: "http://h", Kind: "ftp"}, fault.Impossible},
		"name with newline":  {New{NodeID: "b", URL: "http://h", NodeName: "a\nb"}, fault.Invalid},
		"long name":          {New{NodeID: "b", URL: "http://h", NodeName: strings.Repeat("a", 201)}, fault.Invalid},
		"long token":         {New{NodeID: "b", URL: "http://h", Token: strings.Repeat("a", 8193)}, fault.Invalid},
		"token of two lines": {New{NodeID: "b", URL: "http://h", Token: "a\r\nX-Evil: 1"}, fault.Invalid},
	} {
		r, m, _ := testRegistry(t)
		if _, err := r.Add(t.Context(), tc.n); fault.KindOf(err) != tc.kind || len(m.peers) != 0 {
			t.Errorf("%s: %v, want kind %v", name, err, tc.kind)
		}
	}
}

func TestTokenIsNotSentToANewAddress(t *testing.T) {
	t.Parallel()
	r, m, _ := testRegistry(t)
	mustAdd(t, r, "secret-token")
	for _, url := range []string{"http://evil:8080", "https://10.0.0.2:8080", "http://10.0.0.2:8081", "http://10.0.0.2"} {
		if _, err := r.Change(t.Context(), "branch-2", Change{URL: &url}); fault.KindOf(err) != fault.Impossible {
			t.Errorf("%s: %v, want Impossible", url, err)
		}
		if m.peers["branch-2"].URL != "http://10.0.0.2:8080" {
			t.Fatal("the URL was changed anyway")
		}
	}
	if p, err := r.Change(t.Context(), "branch-2", Change{URL: ptr("http://10.0.0.2:8080/sync")}); err != nil || p.URL != "http://10.0.0.2:8080/sync" {
		t.Errorf("another path: %v, %v", p, err)
	}
	if _, err := r.Change(t.Context(), "branch-2", Change{URL: ptr("https://new"), Token: ptr("new-token")}); err != nil {
		t.Errorf("with a new token: %v", err)
	}
	if target, err := r.Target(t.Context(), "branch-2"); err != nil || target.Token != "new-token" || target.URL != "https://new" {
		t.Errorf("Target = %v, %v", target, err)
	}
}

func TestChange(t *testing.T) {
	t.Parallel()
	r, _, _ := testRegistry(t)
	mustAdd(t, r, "")
	if _, err := r.Change(t.Context(), "branch-2", Change{URL: ptr("https://elsewhere"), NodeName: ptr("Zwei")}); err != nil {
		t.Errorf("a peer without a token cannot move: %v", err)
	}
	if _, err := r.Target(t.Context(), "branch-2"); fault.KindOf(err) != fault.Impossible {
		t.Errorf("a target without token: %v, want Impossible", err)
	}
	p, err := r.Change(t.Context(), "branch-2", Change{Token: ptr("t"), IsActive: ptr(false)})
	if err != nil || p.IsActive || p.NodeName != "Zwei" {
		t.Errorf("Change = %+v, %v", p, err)
	}
	if _, err := r.Target(t.Context(), "branch-2"); fault.KindOf(err) != fault.Impossible {
		t.Errorf("a target that is switched off: %v, want Impossible", err)
	}
	if p, err = r.Change(t.Context(), "branch-2", Change{Token: ptr("")}); err != nil || p.SealedToken != nil {
		t.Errorf("removing the token: %+v, %v", p, err)
	}
	for what, c := range map[string]Change{"name": {NodeName: ptr("")}, "url": {URL: ptr("x")}, "token": {Token: ptr("a b")}} {
		if _, err := r.Change(t.Context(), "branch-2", c); fault.KindOf(err) != fault.Invalid {
			t.Errorf("bad %s: %v, want Invalid", what, err)
		}
	}
	if _, err := r.Change(t.Context(), "nobody", Change{}); fault.KindOf(err) != fault.NotFound {
		t.Errorf("unknown peer: %v, want NotFound", err)
	}
}

func TestTargetHidesItsToken(t *testing.T) {
	t.Parallel()
	target := Target{NodeID: "b", URL: "http://h", Token: "hidden"}
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		if text := fmt.Sprintf(format, target); strings.Contains(text, "hidden") {
			t.Errorf("%s shows the token: %s", format, text)
		}
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	end := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	token := func(aud string, role auth.Role) string {
		text, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
			"sub": "main", "role": role, "aud": aud, "exp": end.Unix(),
		}).SignedString([]byte("the peer's own secret, unknown here"))
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	well := Answer{Reachable: true, NodeID: "branch-2", NodeName: "Zwei", Version: "1.0"}
	refused := fault.New(fault.Impossible, "X", "", "Peer branch-2 refused our token (401). Give the peer a new token.")
	for name, tc := range map[string]struct {
		token   string
		answer  Answer
		err     error
		allowed bool
		problem string
	}{
		"well":          {token("branch-2", auth.RoleNode), well, nil, true, ""},
		"a pusher":      {token("branch-2", auth.RoleNodePush), well, nil, true, ""},
		"an admin":      {token("branch-2", auth.RoleAdmin), well, nil, true, ""},
		"opaque token":  {"opaque", well, nil, true, ""},
		"no token":      {"", well, nil, false, "Peer branch-2 has no token"},
		"unreachable":   {token("branch-2", auth.RoleNode), Answer{}, errors.New("dial tcp: secret detail"), false, "Talking to peer branch-2 failed; try again."},
		"refused":       {token("branch-2", auth.RoleNode), Answer{Reachable: true}, refused, false, "Peer branch-2 refused our token (401). Give the peer a new token."},
		"foreign token": {token("branch-3", auth.RoleNodePush), Answer{Reachable: true}, refused, false, "Peer branch-2 refused our token (401). Give the peer a new token. The stored token was made for another node."},
		"itself":        {token("branch-2", auth.RoleNode), Answer{Reachable: true, NodeID: "main"}, nil, false, "This node itself answers"},
		"another node":  {token("branch-2", auth.RoleNode), Answer{Reachable: true, NodeID: "branch-3"}, nil, false, "Node branch-3 answers at the URL of peer branch-2"},
	} {
		r, m, p := testRegistry(t)
		mustAdd(t, r, tc.token)
		p.answer, p.err = tc.answer, tc.err
		got, err := r.Check(t.Context(), "branch-2")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got.Allowed != tc.allowed || !strings.HasPrefix(got.Problem, tc.problem) || (got.Problem == "") != (tc.problem == "") {
			t.Errorf("%s: Check = %+v", name, got)
		}
		if tc.token == "" {
			continue
		}
		if got.Reachable != tc.answer.Reachable || p.target.Token != tc.token {
			t.Errorf("%s: Check = %+v, asked %v", name, got, p.target)
		}
		if want := "branch-2: " + got.Problem; len(m.touched) != 1 || m.touched[0] != want {
			t.Errorf("%s: touched %q, want %q", name, m.touched, want)
		}
		claims, _ := auth.Peek(tc.token) // of the opaque one nothing is known
		if got.Role != claims.Role || (got.ExpiresAt == nil) != (tc.token == "opaque") || got.ExpiresAt != nil && !got.ExpiresAt.Equal(end) {
			t.Errorf("%s: role %q, ends %v", name, got.Role, got.ExpiresAt)
		}
		if mayPush := tc.allowed && (claims.Role == "node-push" || claims.Role == "admin"); got.MayPush != mayPush {
			t.Errorf("%s: may push: %t", name, got.MayPush)
		}
	}
}

func TestCheckNewStoresNothing(t *testing.T) {
	t.Parallel()
	r, m, p := testRegistry(t)
	p.answer = Answer{Reachable: true, NodeID: "branch-2"}
	found, err := r.CheckNew(t.Context(), New{NodeID: "branch-2", URL: "http://10.0.0.2:8080/", Token: "token"})
	if err != nil || !found.Allowed || found.Problem != "" || p.target.Token != "token" || p.target.URL != "http://10.0.0.2:8080" {
		t.Errorf("%+v, %v, asked %+v", found, err, p.target)
	}
	if len(m.peers) != 0 || len(m.touched) != 0 {
		t.Errorf("it has stored %v and %q", m.peers, m.touched)
	}
	if found, err = r.CheckNew(t.Context(), New{NodeID: "annex", URL: "http://h", Token: "token"}); err != nil || !strings.Contains(found.Problem, "Node branch-2 answers") {
		t.Errorf("another node answers: %+v, %v", found, err)
	}
	if _, err = r.CheckNew(t.Context(), New{NodeID: "main", URL: "http://h"}); fault.KindOf(err) != fault.Impossible {
		t.Errorf("this node itself: %v", err)
	}
}

func TestCheckOfASwitchedOffPeer(t *testing.T) {
	t.Parallel()
	r, m, p := testRegistry(t)
	mustAdd(t, r, "token")
	if _, err := r.Change(t.Context(), "branch-2", Change{IsActive: ptr(false)}); err != nil {
		t.Fatal(err)
	}
	p.answer = Answer{Reachable: true, NodeID: "branch-2"}
	got, err := r.Check(t.Context(), "branch-2")
	if err != nil || !got.Allowed || !strings.Contains(got.Problem, "switched off") || m.touched[0] != "branch-2: " {
		t.Errorf("Check = %+v, %v, touched %q", got, err, m.touched)
	}
	if _, err := r.Check(t.Context(), "nobody"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("unknown peer: %v, want NotFound", err)
	}
}

func TestCheckEndsWithItsContext(t *testing.T) {
	t.Parallel()
	r, m, p := testRegistry(t)
	mustAdd(t, r, "token")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p.err = context.Canceled
	if _, err := r.Check(ctx, "branch-2"); !errors.Is(err, context.Canceled) || len(m.touched) != 0 {
		t.Errorf("Check = %v, touched %q", err, m.touched)
	}
}

func TestSeenStoresOnlyTheSentence(t *testing.T) {
	t.Parallel()
	r, m, _ := testRegistry(t)
	cause := errors.New("dial tcp 10.0.0.2: secret detail")
	for _, err := range []error{nil, fault.New(fault.Unavailable, "X", "", "It is down.").Because(cause), cause, context.Canceled} {
		if err := r.Seen(t.Context(), "b", err); err != nil {
			t.Fatal(err)
		}
	}
	if want := []string{"b: ", "b: It is down.", "b: Talking to the peer failed."}; !slices.Equal(m.touched, want) {
		t.Errorf("touched %q, want %q", m.touched, want)
	}
}
