package app_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"fullsync/api/spec"
	"fullsync/internal/auth"
	"fullsync/internal/nodetest"
)

// heard is a log that can be searched while it is written.
type heard struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (h *heard) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.text.Write(p)
}

func (h *heard) has(text string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return strings.Contains(h.text.String(), text)
}

// checked lets a node check a peer, and returns what is wrong with that; empty for nothing.
func checked(t *testing.T, n *nodetest.Node, id string) string {
	t.Helper()
	a := n.Call("alice", http.MethodPost, "/api/admin/sync/peers/"+id+"/check", "")
	found, err := nodetest.Decode[spec.PeerCheckResponse](a)
	if err != nil || a.Status != http.StatusOK {
		t.Fatalf("check: %d %s %v", a.Status, a.Body, err)
	}
	return value(found.Check.Problem)
}

// copied returns a copy of a database that nobody has open.
func copied(t *testing.T, db nodetest.Database) nodetest.Database {
	t.Helper()
	second := nodetest.Database{Dir: filepath.Join(t.TempDir(), "copy")}
	restore(t, db.Dir, second.Dir)
	return second
}

// restore copies a data directory.
func restore(t *testing.T, from, to string) {
	t.Helper()
	err := os.CopyFS(to, os.DirFS(from))
	if err == nil {
		err = os.Chmod(filepath.Join(to, "secret"), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

const (
	twins   = "two nodes use the id branch"
	ownFork = "this node has another history"
)

// TestSecondNodeOnACopyIsNoticed: a second branch runs on a copy of the first one's database, and asks main who it is. Main, which only ever calls the
// first one, notices, and so does the second one.
func TestSecondNodeOnACopyIsNoticed(t *testing.T) {
	t.Parallel()
	pair := nodetest.NewPair(t, nodetest.SQLite, 3, nodetest.Config{})
	main, branch := pair.Main, pair.Branch
	branch.AddPeer("main", main.URL(), main.TokenFor("branch", auth.RoleNode))
	for range 2 {
		if problem := checked(t, main, "branch") + checked(t, branch, "main"); problem != "" {
			t.Fatalf("before there was a copy: %s", problem)
		}
	}
	branch.Down()
	other := copied(t, branch.Database())
	branch = branch.Restart()
	if problem := checked(t, main, "branch") + checked(t, branch, "main"); problem != "" {
		t.Fatalf("after a restart: %s", problem)
	}
	log := &heard{}
	second := nodetest.Start(t, nodetest.Config{ID: "branch", Database: other, Log: slog.NewTextHandler(log, nil)})
	checked(t, second, "main")
	if !log.has(ownFork) {
		t.Error("the second node did not notice that main has seen another history of it")
	}
	if at, err := second.Store.OwnFork(t.Context()); at.IsZero() || err != nil {
		t.Errorf("nor would doctor say it: %v", err)
	}
	if problem := checked(t, main, "branch"); !strings.Contains(problem, twins) {
		t.Errorf("main did not notice: %q", problem)
	}
	if p := main.Peer("branch"); !strings.Contains(value(p.LastError), twins) {
		t.Errorf("nor does it show it: %+v", p)
	}
}

// TestRestoredDumpIsNoticed restores yesterday's database, in which a pull is active. The pull goes on and brings what the dump did not have, and peers
// say that what they have seen is gone.
func TestRestoredDumpIsNoticed(t *testing.T) {
	t.Parallel()
	pair := nodetest.NewPair(t, nodetest.SQLite, 300, nodetest.Config{ID: "main", Settings: map[string]string{"STALE_AFTER": "1s"}})
	main, branch := pair.Main, pair.Branch
	branch.AddPeer("main", main.URL(), main.TokenFor("branch", auth.RoleNode))
	size := 20
	gate := pair.Wire.HoldPage(t, nodetest.ProductsPath, 6)
	s := main.Pull(nodetest.Pull{Options: spec.StartOptions{BatchSize: &size}})
	nodetest.Await(t, "the middle of the pull", gate.Reached)
	main.WaitFor(s.SessionId, "five batches", func(s spec.Session) bool { return s.TransferredRecords == 100 })
	main.Down()
	dump := copied(t, main.Database())
	gate.Open()
	main = main.Restart()
	main.WaitEnd(s.SessionId, spec.COMPLETED)
	if problem := checked(t, branch, "main"); problem != "" {
		t.Fatalf("before the dump was restored: %s", problem)
	}
	main.Down()
	if err := os.RemoveAll(main.Database().Dir); err != nil {
		t.Fatal(err)
	}
	restore(t, dump.Dir, main.Database().Dir)
	held := pair.Wire.HoldPage(t, nodetest.ProductsPath, 1)
	main = main.Restart()
	if now := main.Session(s.SessionId); now.Status != spec.TRANSFERRING || now.TransferredRecords != 100 || main.Count("main") != 100 {
		t.Errorf("%d products, and the session is %s", main.Count("main"), nodetest.Show(now))
	}
	held.Open()
	main.WaitEnd(s.SessionId, spec.COMPLETED)
	nodetest.SameCatalog(t, branch, main, "main")
	if problem := checked(t, branch, "main"); !strings.Contains(problem, "does not have all that this node has seen of it") {
		t.Errorf("the peer did not notice: %q", problem)
	}
	if at, err := main.Store.OwnFork(t.Context()); at.IsZero() || err != nil {
		t.Errorf("nor did the node: %v", err)
	}
}

// TestATokenNamedAfterAPeerSpeaksForNoOther: with the token of one peer nobody can tell lies about another one.
func TestATokenNamedAfterAPeerSpeaksForNoOther(t *testing.T) {
	t.Parallel()
	pair := nodetest.NewPair(t, nodetest.SQLite, 0, nodetest.Config{})
	main := pair.Main
	main.AddPeer("harbour", "http://127.0.0.1:1", main.TokenFor("x", auth.RoleNode))
	lie := func(subject string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, main.URL()+"/api/node?catalogs=false&mark=999999.0123456789abcdef", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+main.TokenFor(subject, auth.RoleNode))
		req.Header.Set("X-Fullsync-Node", "branch")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if err := resp.Body.Close(); err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%d %v", resp.StatusCode, err)
		}
	}
	lie("harbour")
	if problem := checked(t, main, "branch"); problem != "" {
		t.Errorf("harbour spoke for branch: %s", problem)
	}
	lie("branch")
	if problem := checked(t, main, "branch"); !strings.Contains(problem, twins) {
		t.Errorf("branch cannot speak for itself: %q", problem)
	}
}
