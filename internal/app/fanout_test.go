package app_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"fullsync/api/spec"
	"fullsync/internal/auth"
	"fullsync/internal/effort"
	"fullsync/internal/nodetest"
)

// fanOut starts pushes to several peers as alice.
func fanOut(t *testing.T, n *nodetest.Node, key string, peers []string, options spec.StartOptions) map[string]spec.StartedPeer {
	t.Helper()
	body, err := json.Marshal(map[string]any{"action": "push", "targetPeers": peers, "options": options})
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, n.URL()+nodetest.StartPath, strings.NewReader(string(body)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+n.TokenFor("alice", auth.RoleOperator))
	req.Header.Set("Content-Type", "application/json")
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // it was read
	var answer spec.StartsResponse
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || resp.StatusCode != http.StatusAccepted || !answer.Success {
		t.Fatalf("start: %d %+v %v", resp.StatusCode, answer, err)
	}
	started := map[string]spec.StartedPeer{}
	for _, one := range answer.Sessions {
		started[one.Peer] = one
	}
	return started
}

// TestFanOut pushes to many peers at once: one that hangs, one that asks for pauses and one that fails slow none of the others, though
// they are more than the workers.
func TestFanOut(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		targets, products := effort.Amount(3, 17), 100 // with the others, even three are three times the workers
		main := nodetest.Start(t, nodetest.Config{ID: "main", Database: nodetest.NewDatabase(t, kind), Settings: map[string]string{"SYNC_WORKERS": "2"}})
		main.Fill("main", products)
		good := map[string]*nodetest.Node{}
		peers := []string{"hangs", "throttles", "fails", "unknown"}
		hang := make(chan struct{})
		t.Cleanup(func() { close(hang) })
		for name, answer := range map[string]http.HandlerFunc{
			"hangs": func(_ http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				select {
				case <-hang:
				case <-r.Context().Done():
				}
			},
			"throttles": func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", "3600")
				w.WriteHeader(http.StatusTooManyRequests)
			},
			"fails": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) },
		} {
			server := httptest.NewServer(answer)
			t.Cleanup(server.Close)
			main.AddPeer(name, server.URL, pushToken(t, name))
		}
		for i := range targets {
			name := fmt.Sprintf("branch-%d", i)
			good[name] = nodetest.Start(t, nodetest.Config{ID: name})
			main.AddPeer(name, good[name].URL(), good[name].TokenFor("main", auth.RoleNodePush))
			peers = append(peers, name)
		}
		started := fanOut(t, main, "once", peers, spec.StartOptions{})
		if u := started["unknown"]; u.SessionId != nil || u.Code == nil || *u.Code != "PEER_NOT_FOUND" || len(started) != len(peers) {
			t.Fatalf("started: %+v", started)
		}
		for name, node := range good {
			main.WaitEnd(*started[name].SessionId, spec.COMPLETED)
			nodetest.SameCatalog(t, main, node, "main")
		}
		main.WaitEnd(*started["fails"].SessionId, spec.FAILED)
		for _, name := range []string{"hangs", "throttles"} {
			s := main.Session(*started[name].SessionId)
			if nodetest.Ended(s) {
				t.Errorf("%s: %s", name, nodetest.Show(s))
			}
			if ended := main.Cancel(s, "").Session; ended.Status != spec.CANCELLED {
				t.Errorf("%s: %s", name, nodetest.Show(ended))
			}
		}

		// The same key again means the same sessions, whatever became of them.
		for name, again := range fanOut(t, main, "once", peers, spec.StartOptions{}) {
			if name != "unknown" && *again.SessionId != *started[name].SessionId {
				t.Errorf("%s has another session: %+v, was %+v", name, again, started[name])
			}
		}
	})
}

// pushToken is a token of a node that is not there.
func pushToken(t *testing.T, nodeID string) string {
	t.Helper()
	keys, err := auth.New([]byte("the secret of a node that is not there"), nodeID)
	if err != nil {
		t.Fatal(err)
	}
	token, err := keys.Issue("main", auth.RoleNodePush, nodetest.Patience*60)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestTargetPeersOfAStart(t *testing.T) {
	t.Parallel()
	n := nodetest.Start(t, nodetest.Config{ID: "main"})
	for body, want := range map[string]string{
		`{"action":"pull","targetPeers":["a"]}`:                   "targetPeers is for a push",
		`{"action":"push","targetPeers":["a"],"targetPeer":"b"}`:  "must not come together",
		`{"action":"push","targetPeers":[]}`:                      "targetPeers",
		`{"action":"push","targetPeers":"a"}`:                     "targetPeers",
		`{"action":"push"}`:                                       "Target peer is required",
		`{"action":"push","targetPeers":["a b"]}`:                 "targetPeers",
		`{"action":"push","targetPeers":["a"],"options":{"x":1}}`: "Option not available",
	} {
		a := n.Call("alice", http.MethodPost, nodetest.StartPath, body)
		if a.Status != http.StatusBadRequest && a.Status != http.StatusUnprocessableEntity || !strings.Contains(string(a.Body), want) {
			t.Errorf("%s: %d %s", body, a.Status, a.Body)
		}
	}
}
