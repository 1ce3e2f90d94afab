package app_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/jackc/pgx/v5"

	"fullsync/api/spec"
	"fullsync/internal/auth"
	"fullsync/internal/nodetest"
)

// TestNewerReplicaAddsColumns: during a rolling update a newer replica adds columns while an older one is running, which carries
// on without a single failed request or session.
func TestNewerReplicaAddsColumns(t *testing.T) {
	t.Parallel()
	pair := nodetest.NewPair(t, nodetest.Postgres, 60, nodetest.Config{})
	pair.Main.AddUser("alice", auth.RoleOperator, alicesPassword)
	everything(t, pair)
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, pair.Main.Database().URL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx) //nolint:errcheck // the checks below are what counts
	_, err = conn.Exec(ctx, `DO $$ DECLARE found regclass; BEGIN
		FOR found IN SELECT oid FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace LOOP
			EXECUTE format('ALTER TABLE %s ADD COLUMN added_later integer DEFAULT 1', found);
		END LOOP; END $$`)
	if err != nil {
		t.Fatal(err)
	}
	everything(t, pair)
}

// everything does everything that a node can do, and all of it must succeed.
func everything(t *testing.T, pair *nodetest.Pair) {
	t.Helper()
	main := pair.Main
	size := 20
	done := main.Sync(nodetest.Pull{Options: spec.StartOptions{BatchSize: &size}})
	gate := pair.Wire.HoldPage(t, nodetest.ProductsPath, 1)
	held := main.Pull(nodetest.Pull{Options: spec.StartOptions{BatchSize: &size, ReadEverything: new(true)}})
	nodetest.Await(t, "the second pull", gate.Reached)
	for _, call := range [][3]string{
		{http.MethodGet, nodetest.StatusPath, ""},
		{http.MethodGet, nodetest.StartPath, ""},
		{http.MethodGet, nodetest.StartPath + "?status=COMPLETED&peer=branch&catalog=main", ""},
		{http.MethodGet, nodetest.StartPath + "/" + done.SessionId.String(), ""},
		{http.MethodGet, nodetest.StartPath + "/" + done.SessionId.String() + "/rejects", ""},
		{http.MethodGet, "/api/admin/sync/peers", ""},
		{http.MethodGet, "/api/admin/sync/peers/" + nodetest.Branch, ""},
		{http.MethodPost, "/api/admin/sync/peers/" + nodetest.Branch + "/check", ""},
		{http.MethodGet, "/api/catalogs/main/products?q=a", ""},
		{http.MethodGet, "/api/sync/stats", ""},
		{http.MethodGet, "/readyz", ""},
		{http.MethodPost, nodetest.CancelPath, `{"sessionId":"` + held.SessionId.String() + `"}`},
	} {
		if a := main.Call("alice", call[0], call[1], call[2]); a.Status != http.StatusOK {
			t.Errorf("%s %s: %d %s", call[0], call[1], a.Status, a.Body)
		}
	}
	gate.Open()
	alice := main.SignIn("alice", alicesPassword)
	if a := main.As(alice, http.MethodGet, nodetest.MePath, ""); a.Status != http.StatusOK {
		t.Errorf("who am I: %d %s", a.Status, a.Body)
	}
}

const alicesPassword = "correct horse battery staple"
