package app_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"fullsync/api/spec"
	"fullsync/internal/auth"
	"fullsync/internal/nodetest"
)

// TestLateOpening: a request to open a push that arrives after its cancel was confirmed opens nothing, and keeps nobody from the catalog.
func TestLateOpening(t *testing.T) {
	onBothSides(t, func(t *testing.T, from, to nodetest.Kind) {
		pair := newPusher(t, from, to, 50, nodetest.Config{})
		late := make(chan string, 1)
		var once sync.Once
		pair.Wire.Reach(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if !strings.HasSuffix(r.URL.Path, nodetest.PushPath) {
				next.ServeHTTP(w, r)
				return
			}
			body, _ := io.ReadAll(r.Body)
			once.Do(func() { late <- string(body) })
			<-r.Context().Done()
		})
		s := pair.Main.Pull(push(10, spec.StartOptions{}))
		opening, _ := nodetest.Await(t, "the request to open", late)
		answer := pair.Main.Cancel(s, "wrong catalog")
		if c := answer.Session.TargetConfirmed; c == nil || !*c {
			t.Fatalf("the answer: %+v", answer)
		}

		token := pair.Branch.TokenFor(pair.Main.NodeID(), auth.RoleNodePush)
		a, err := pair.Branch.Raw(t.Context(), token, http.MethodPost, nodetest.PushPath, opening)
		var said spec.NodeConflict
		if err != nil || a.Status != http.StatusConflict || json.Unmarshal(a.Body, &said) != nil || said.Code != "SESSION_FINISHED" ||
			*said.Status != spec.CANCELLED || *said.CancelledBy != "alice at main" || *said.Reason != "wrong catalog" {
			t.Errorf("the late opening: %d %s %v", a.Status, a.Body, err)
		}
		there := pair.Branch.Session(s.SessionId)
		if there.Status != spec.CANCELLED || !there.Incoming || there.SourceNodeId != "main" || there.TransferredRecords != 0 ||
			there.CurrentStep != "Ended before it was opened" || *there.ErrorMessage != "Cancelled by alice at main: wrong catalog" {
			t.Errorf("at the target: %s", nodetest.Show(there))
		}
		pair.Wire.Reach(nil)
		pair.Main.Sync(push(10, spec.StartOptions{}))
		nodetest.SameCatalog(t, pair.Main, pair.Branch, "main")
	})
}

// TestLateOpeningOfAnOlderPush: a push that has failed while neither its target nor anybody else could be told is opened late. It does not end the newer
// push of the same node that has the catalog by now. Where the order is not known, because the pusher is of an earlier version, the later request wins.
func TestLateOpeningOfAnOlderPush(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := newPusher(t, kind, kind, 50, nodetest.Config{})
		late := make(chan string, 1)
		pair.Wire.Reach(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			switch {
			case strings.HasSuffix(r.URL.Path, nodetest.PushPath):
				body, _ := io.ReadAll(r.Body)
				select {
				case late <- string(body):
				default:
				}
				_, _ = w.Write([]byte("{"))
			case strings.Contains(r.URL.Path, nodetest.PushPath): // it fails, and cannot tell
				w.WriteHeader(http.StatusBadGateway)
			default:
				next.ServeHTTP(w, r)
			}
		})
		pair.Main.WaitEnd(pair.Main.Pull(push(10, spec.StartOptions{})).SessionId, spec.FAILED)
		opening, _ := nodetest.Await(t, "the request to open", late)
		pair.Wire.Reach(nil)
		open := func(body string) nodetest.Answer {
			a, err := pair.Branch.Raw(t.Context(), pair.Branch.TokenFor(pair.Main.NodeID(), auth.RoleNodePush), http.MethodPost, nodetest.PushPath, body)
			if err != nil {
				t.Fatal(err)
			}
			return a
		}

		newer, gate := heldPush(t, pair, 2)
		if a := open(opening); a.Status != http.StatusConflict || !strings.Contains(string(a.Body), "SYNC_IN_PROGRESS") {
			t.Errorf("the late opening: %d %s", a.Status, a.Body)
		}
		gate.Open()
		pair.Main.WaitEnd(newer.SessionId, spec.COMPLETED)
		nodetest.SameCatalog(t, pair.Main, pair.Branch, "main")

		pair.Main.Put("main", "P-0000001", "Renamed")
		newer, gate = heldPush(t, pair, 1)
		var earlier map[string]any
		if err := json.Unmarshal([]byte(opening), &earlier); err != nil || earlier["startedAt"] == nil {
			t.Fatalf("%s: %v", opening, err)
		}
		delete(earlier, "startedAt")
		body, _ := json.Marshal(earlier)
		if a := open(string(body)); a.Status != http.StatusCreated {
			t.Errorf("the opening by an earlier version: %d %s", a.Status, a.Body)
		}
		gate.Open()
		if s := pair.Main.WaitEnd(newer.SessionId, spec.FAILED); value(s.ErrorCode) != "PUSHER_LOST" {
			t.Errorf("the newer push: %s", nodetest.Show(s))
		}
	})
}

// TestDuplicatedOpening: a request to open a push that arrives twice does not stop the worker that is at work.
func TestDuplicatedOpening(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := newPusher(t, kind, kind, 50, nodetest.Config{})
		var again func() nodetest.Answer
		pair.Wire.Reach(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			switch {
			case strings.HasSuffix(r.URL.Path, nodetest.PushPath):
				body, _ := io.ReadAll(r.Body)
				once := r.Clone(t.Context())
				again = func() nodetest.Answer {
					once.Body = io.NopCloser(bytes.NewReader(body))
					return nodetest.Answered(once, next)
				}
				r.Body = io.NopCloser(bytes.NewReader(body))
			case strings.HasSuffix(r.URL.Path, nodetest.BatchesPath) && r.URL.Query().Get("seq") == "2":
				if a := again(); a.Status != http.StatusOK {
					t.Errorf("the second opening: %d %s", a.Status, a.Body)
				}
			}
			next.ServeHTTP(w, r)
		})
		s := pair.Main.Sync(push(10, spec.StartOptions{}))
		if there := pair.Branch.Session(s.SessionId); there.Attempts != 1 || s.Attempts != 1 {
			t.Errorf("at the pusher: %s\nat the target: %s", nodetest.Show(s), nodetest.Show(there))
		}
	})
}

// TestFailedOpening: a push that fails while it is being opened frees its target's catalog at once, whether the pusher has heard that it was opened or not.
func TestFailedOpening(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		for name, fail := range map[string]func(t *testing.T, pair *nodetest.Pair){
			"the answer makes no sense": func(_ *testing.T, pair *nodetest.Pair) {
				pair.Wire.OnPage(nodetest.PushPath, 1, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
					nodetest.Answered(r, next)
					_, _ = w.Write([]byte("{"))
				})
			},
			"the request never arrives": func(_ *testing.T, pair *nodetest.Pair) {
				pair.Wire.OnPage(nodetest.PushPath, 1, func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { _, _ = w.Write([]byte("{")) })
			},
			"the pusher cannot write it down": func(t *testing.T, pair *nodetest.Pair) {
				pair.Main.Sync(push(50, spec.StartOptions{}))
				_, err := pair.Main.Store.SQL().ExecContext(t.Context(), "CREATE UNIQUE INDEX one_lease ON sync_sessions (lease_seconds) WHERE lease_seconds > 0")
				if err != nil {
					t.Fatal(err)
				}
			},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				pair := newPusher(t, kind, kind, 50, nodetest.Config{})
				fail(t, pair)
				s := pair.Main.WaitEnd(pair.Main.Pull(push(10, spec.StartOptions{})).SessionId, spec.FAILED)
				// It is told before the end is written down here.
				there := pair.Branch.Session(s.SessionId)
				if there.Status != spec.FAILED || *there.ErrorCode != *s.ErrorCode || *there.ErrorMessage != *s.ErrorMessage {
					t.Errorf("at the pusher: %s\nat the target: %s", nodetest.Show(s), nodetest.Show(there))
				}
			})
		}
	})
}
