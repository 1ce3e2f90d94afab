package app_test

import (
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"

	"fullsync/api/spec"
	"fullsync/internal/auth"
	"fullsync/internal/fault"
	"fullsync/internal/nodetest"
)

func TestStopTwice(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		n := nodetest.Start(t, nodetest.Config{ID: "main", Database: nodetest.NewDatabase(t, kind)})
		token := n.TokenFor("alice", auth.RoleAdmin)
		if a, err := n.Raw(t.Context(), token, http.MethodGet, "/readyz", ""); err != nil || a.Status != http.StatusOK {
			t.Fatalf("readyz: %d %s, %v", a.Status, a.Body, err)
		}
		for range 2 {
			if err := n.Stop(t.Context()); err != nil {
				t.Errorf("stop: %v", err)
			}
		}
		if _, err := n.Raw(t.Context(), token, http.MethodGet, "/healthz", ""); err == nil {
			t.Error("a stopped node answers")
		}
		select {
		case err := <-n.Failed():
			t.Errorf("a node that was stopped says that it failed: %v", err)
		default:
		}
	})
}

// TestStopOfANodeThatNeverStarted gives back the database.
func TestStopOfANodeThatNeverStarted(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		c := nodetest.Config{ID: "main", Database: nodetest.NewDatabase(t, kind)}
		a, err := nodetest.Build(t, c)
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Stop(t.Context()); err != nil {
			t.Errorf("stop: %v", err)
		}
		nodetest.Start(t, c)
	})
}

func TestStartOnATakenPort(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close() //nolint:errcheck // it is the end of the test
	a, err := nodetest.Build(t, nodetest.Config{ID: "main", Settings: map[string]string{"LISTEN": taken.Addr().String()}})
	if err != nil {
		t.Fatal(err)
	}
	err = a.Start(t.Context())
	says(t, err, "CANNOT_LISTEN", taken.Addr().String(), "FULLSYNC_LISTEN")
	if err := a.Stop(t.Context()); err != nil {
		t.Errorf("stop: %v", err)
	}
}

// TestDatabaseOfAnotherNode: a node refuses to start if the settings do not match the database, before it changes anything.
func TestDatabaseOfAnotherNode(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		db := nodetest.NewDatabase(t, kind)
		good := nodetest.Config{ID: "main", Database: db, Settings: map[string]string{"JWT_SECRET": strings.Repeat("s", 40)}}
		n := nodetest.Start(t, good)
		n.AddPeer("branch", "http://127.0.0.1:1", "a-token")
		n.Down()

		other := good
		other.Settings = map[string]string{"JWT_SECRET": strings.Repeat("x", 40)}
		_, err := nodetest.Build(t, other)
		says(t, err, "WRONG_SECRET", "The secret does not fit this database", "FULLSYNC_JWT_SECRET")

		other = good
		other.ID = "branch"
		_, err = nodetest.Build(t, other)
		says(t, err, "NODE_ID_MISMATCH", "the database belongs to node main", "FULLSYNC_NODE_ID")

		unnamed := good
		unnamed.ID = ""
		if again := nodetest.Start(t, unnamed); again.NodeID() != "main" {
			t.Errorf("node id %q", again.NodeID())
		}
	})
}

// TestDatabaseThatNeedsANewerBinary: it is refused, and left as it is.
func TestDatabaseThatNeedsANewerBinary(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		c := nodetest.Config{ID: "main", Database: nodetest.NewDatabase(t, kind)}
		n := nodetest.Start(t, c)
		if _, err := n.Store.SQL().ExecContext(t.Context(), "UPDATE settings SET value = '999' WHERE name = 'oldest_schema'"); err != nil {
			t.Fatal(err)
		}
		n.Down()
		_, err := nodetest.Build(t, c)
		says(t, err, "BINARY_TOO_OLD", "schema 999", "Install a newer fullsync")
	})
}

// TestTwoReplicas: two replicas share one PostgreSQL. What one starts, the other shows and cancels.
func TestTwoReplicas(t *testing.T) {
	t.Parallel()
	db := nodetest.NewDatabase(t, nodetest.Postgres)
	pair := nodetest.NewPair(t, nodetest.SQLite, 100, nodetest.Config{ID: "main", Database: db})
	second := nodetest.Start(t, nodetest.Config{ID: "main", Database: db})
	size := 10
	for range 4 {
		gate := pair.Wire.HoldPage(t, nodetest.ProductsPath, 3)
		s := pair.Main.Pull(nodetest.Pull{Options: spec.StartOptions{BatchSize: &size, ReadEverything: new(true)}})
		nodetest.Await(t, "the middle of the pull", gate.Reached)
		answer := second.Cancel(s, "from the other replica")
		nodetest.Await(t, "the end of the request", gate.Left)
		if shown := pair.Main.Session(s.SessionId); nodetest.Show(shown) != nodetest.Show(answer.Session) {
			t.Errorf("one replica shows %s, the other %s", nodetest.Show(shown), nodetest.Show(answer.Session))
		}
	}
	pair.Wire.Reach(nil)
	second.Sync(nodetest.Pull{})
	nodetest.SameCatalog(t, pair.Branch, pair.Main, "main")
}

// says checks that err is a fault with that code whose sentence contains all parts.
func says(t *testing.T, err error, code string, parts ...string) {
	t.Helper()
	var f *fault.Error
	if !errors.As(err, &f) || f.Code != code {
		t.Fatalf("got %v, want a fault %s", err, code)
	}
	for _, part := range parts {
		if !strings.Contains(f.Sentence(), part) {
			t.Errorf("%q does not say %q", f.Sentence(), part)
		}
	}
}
