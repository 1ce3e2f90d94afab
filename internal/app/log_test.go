package app_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"

	"fullsync/api/spec"
	"fullsync/internal/auth"
	"fullsync/internal/nodetest"
)

// logged is the log of a node, which can be read while it is being written.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// handler is for [nodetest.Config].
func (l *logged) handler() slog.Handler {
	return slog.NewJSONHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug})
}

// await waits for a line with that message and these members, given in pairs, and returns it.
func (l *logged) await(t *testing.T, message string, want ...string) (found map[string]any) {
	t.Helper()
	nodetest.Eventually(t, "a line "+message+" with "+strings.Join(want, " "), func() bool {
		for line := range strings.Lines(l.String()) {
			found = nil
			if err := json.Unmarshal([]byte(line), &found); err != nil {
				continue // it is still being written
			}
			fits := found["msg"] == message
			for i := 0; i < len(want); i += 2 {
				fits = fits && found[want[i]] == want[i+1]
			}
			if fits {
				return true
			}
		}
		return false
	}, l.String)
	return found
}

// TestTheLogTiesRequestsAndSessions follows a start, a refused one, one that replaces, and a cancel.
func TestTheLogTiesRequestsAndSessions(t *testing.T) {
	t.Parallel()
	log := &logged{}
	pair := nodetest.NewPair(t, nodetest.SQLite, full, nodetest.Config{Log: log.handler()})
	gate := pair.Wire.HoldPage(t, nodetest.ProductsPath, 2)
	defer gate.Open()
	post := func(request, path, body string, status int) string {
		t.Helper()
		a, _ := send(t, pair.Main, http.MethodPost, pair.Main.URL()+path, body, "X-Request-Id", request)
		s, err := nodetest.Decode[struct{ Session spec.Session }](a)
		if a.Status != status || err != nil {
			t.Fatalf("%s: %d %s %v", request, a.Status, a.Body, err)
		}
		return s.Session.SessionId.String()
	}
	const replacing = `{"action":"pull","targetPeer":"branch","ifRunning":"replace"}`

	first := post("r-start", nodetest.StartPath, nodetest.Pull{}.Body(), http.StatusAccepted)
	log.await(t, "session started", "request", "r-start", "session", first, "by", "alice")
	log.await(t, "request", "request", "r-start", "session", first)

	// A worker's own lines belong to no request.
	if line := log.await(t, "session claimed", "session", first); line["request"] != nil {
		t.Errorf("%v", line)
	}

	post("r-refused", nodetest.StartPath, nodetest.Pull{}.Body(), http.StatusConflict)
	log.await(t, "request", "request", "r-refused", "session", first)

	second := post("r-replace", nodetest.StartPath, replacing, http.StatusAccepted)
	log.await(t, "session cancelled", "request", "r-replace", "session", first, "by", "alice", "reason", "replaced by session "+second)
	log.await(t, "session started", "request", "r-replace", "session", second)
	log.await(t, "request", "request", "r-replace", "session", second)

	cancel := `{"sessionId":"` + second + `","reason":"wrong peer"}`
	post("r-cancel", nodetest.CancelPath, cancel, http.StatusOK)
	log.await(t, "session cancelled", "request", "r-cancel", "session", second, "by", "alice", "reason", "wrong peer")
	log.await(t, "request", "request", "r-cancel", "session", second)

	resumed := post("r-resume", nodetest.StartPath+"/"+second+"/resume", "", http.StatusAccepted)
	log.await(t, "session started", "request", "r-resume", "session", resumed, "resumedFrom", second)
	log.await(t, "request", "request", "r-resume", "session", resumed)
	post("r-end", nodetest.CancelPath, `{"sessionId":"`+resumed+`"}`, http.StatusOK)
}

// TestNoSecretInTheLog does everything that involves a secret, and looks for secrets in the most detailed log.
func TestNoSecretInTheLog(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		log := &logged{}
		const signing, password, wrong = "signing-secret-0123456789abcdef0123456789", "correct horse battery", "wrong horse battery"
		pair := nodetest.NewPair(t, kind, 10, nodetest.Config{
			Log: log.handler(), Settings: map[string]string{"LOG_LEVEL": "debug", "JWT_SECRET": signing},
		})
		pair.Main.AddUser("bob", auth.RoleOperator, password)
		secrets := []string{signing, password, wrong, pair.Main.TokenFor("alice", auth.RoleAdmin), pair.Branch.TokenFor(nodetest.MainNode, auth.RoleNode)}

		pair.Main.Sync(nodetest.Pull{})
		pair.Main.Call("alice", http.MethodPost, "/api/admin/sync/peers/branch/check", "")
		pair.Main.Call("alice", http.MethodPatch, "/api/admin/sync/peers/branch", `{"token":"a-token-that-branch-refuses"}`)
		s := pair.Main.Pull(nodetest.Pull{})
		pair.Main.WaitEnd(s.SessionId, spec.FAILED)
		secrets = append(secrets, "a-token-that-branch-refuses")

		for _, sent := range []struct{ name, password string }{{"bob", password}, {"bob", wrong}, {wrong, password}, {password, wrong}} {
			a := pair.Main.Call("alice", http.MethodPost, "/api/auth/login", `{"name":"`+sent.name+`","password":"`+sent.password+`"}`)
			if in, err := nodetest.Decode[struct{ Token string }](a); err == nil && in.Token != "" {
				secrets = append(secrets, in.Token)
			}
		}
		send(t, pair.Main, http.MethodGet, pair.Main.URL()+"/api/admin/sync/peers?token=in-the-query", "", "Authorization", "Bearer two-headers")
		secrets = append(secrets, "in-the-query", "two-headers")
		pair.Main.Down()
		for _, secret := range secrets {
			// The signature alone would be enough, and the header is the same in all tokens.
			if parts := strings.Split(secret, "."); len(parts) == 3 {
				secret = parts[2]
			}
			if strings.Contains(log.String(), secret) {
				t.Errorf("%q is in the log:\n%s", secret, log)
			}
		}
	})
}
