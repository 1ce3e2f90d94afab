package cli_test

import (
	"context"
	"database/sql"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"fullsync/internal/postgrestest"
	"fullsync/internal/session"
	"fullsync/internal/store"
	"fullsync/internal/syncer"
)

// TestCommandsOnAReadOnlyDatabase: during a failover, commands that would change something say so in a sentence.
// cancel-stuck still shows what it found.
func TestCommandsOnAReadOnlyDatabase(t *testing.T) {
	t.Parallel()
	address := postgrestest.NewDatabase(t)
	env := onSQLite(t).with("FULLSYNC_DATABASE_URL="+address, "FULLSYNC_NODE_ID=main")
	run(t, env, "migrate").must(t)
	id := stuckIn(t, address)
	readOnly(t, address)
	for _, args := range [][]string{{"cancel-stuck", "--all"}, {"migrate"}, {"serve"}, {"adopt-secret"}} {
		said := run(t, env, args...)
		said.wants(t, 1, "read-only")
		if strings.Contains(said.out+said.err, "SQLSTATE") || args[0] == "cancel-stuck" && !strings.Contains(said.out, id) {
			t.Errorf("%s: %s%s", args, said.out, said.err)
		}
	}
}

// stuckIn puts an abandoned session into the database.
func stuckIn(t *testing.T, address string) (id string) {
	t.Helper()
	db, err := store.Open(t.Context(), store.Options{URL: address})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // what counts is below
	id = uuid.NewString()
	_, err = db.CreateSession(t.Context(), session.Session{
		ID: id, Catalog: "main", Direction: session.Pull, PeerID: "branch", SourceNodeID: "branch", TargetNodeID: "main",
		Method: session.MethodHTTP, Status: session.Preparing, Phase: session.PhaseQueued, StartedBy: "alice",
	}, syncer.Creation{Enqueue: func(context.Context, *sql.Tx, string, int64) (int64, error) { return 1, nil }})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// readOnly makes the database refuse changes from new connections.
func readOnly(t *testing.T, address string) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context()) //nolint:errcheck // what counts is below
	if _, err := conn.Exec(t.Context(), "ALTER DATABASE "+strings.TrimPrefix(u.Path, "/")+" SET default_transaction_read_only = on"); err != nil {
		t.Fatal(err)
	}
}
