package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"fullsync/internal/catalog"
	"fullsync/internal/jobs"
	"fullsync/internal/peer"
	"fullsync/internal/postgrestest"
	"fullsync/internal/session"
	"fullsync/internal/sqlitetest"
	"fullsync/internal/store"
	"fullsync/internal/syncer"
)

func TestMain(m *testing.M) { os.Exit(postgrestest.Main(m)) }

// onBoth runs the same test on a fresh, migrated database of each kind: the conformance suite.
func onBoth(t *testing.T, test func(t *testing.T, open func() *store.Store)) {
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "fullsync.db")
		test(t, func() *store.Store { return openStore(t, store.Options{SQLitePath: path}) })
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		url := postgrestest.NewDatabase(t)
		test(t, func() *store.Store { return openStore(t, store.Options{URL: url, Workers: 2}) })
	})
}

// onMigrated is onBoth for tests that need one database, ready for use. It is a copy of one, because the migrations take longer than most tests.
func onMigrated(t *testing.T, test func(t *testing.T, s *store.Store)) {
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "fullsync.db")
		if err := copySQLite(path); err != nil {
			t.Fatal(err)
		}
		test(t, openStore(t, store.Options{SQLitePath: path}))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		url := postgrestest.NewDatabaseFrom(t, "store", func(url string) error { return prepare(store.Options{URL: url}) })
		test(t, openStore(t, store.Options{URL: url, Workers: 2}))
	})
}

// copySQLite writes a migrated SQLite database to a file.
var copySQLite = sqlitetest.Template(func(dir string) error { return prepare(store.Options{SQLitePath: filepath.Join(dir, sqlitetest.File)}) })

// prepare migrates the database that the others are copied from.
func prepare(opt store.Options) error {
	s, err := store.Open(context.Background(), opt)
	if err != nil {
		return err
	}
	return errors.Join(s.Migrate(context.Background(), engineOf(s).Migrate, nil), s.Close())
}

func openStore(t *testing.T, opt store.Options) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func migrate(t *testing.T, s *store.Store) {
	t.Helper()
	if err := s.Migrate(t.Context(), engineOf(s).Migrate, nil); err != nil {
		t.Fatal(err)
	}
}

func engineOf(s *store.Store) jobs.Database {
	return jobs.In(s)
}

// noJob stands in for the engine where a test is about the row alone.
func noJob(context.Context, *sql.Tx, string, int64) (int64, error) { return 7, nil }

// otherJob is the job after noJob.
func otherJob(context.Context, *sql.Tx, string, int64) (int64, error) { return 8, nil }

// plainly is how a session starts that replaces nothing and has no key.
func plainly() syncer.Creation { return syncer.Creation{Enqueue: noJob} }

// by is a cancel by alice.
func by(reason string) syncer.Cancellation { return syncer.Cancellation{By: "alice", Reason: reason} }

// prepared is a session row as a start makes it.
func prepared(id, catalogName string) session.Session {
	return session.Session{
		ID: id, Catalog: catalogName, Direction: session.Pull, PeerID: "branch", SourceNodeID: "branch", TargetNodeID: "main",
		Method: session.MethodHTTP, Status: session.Preparing, Phase: session.PhaseQueued, CurrentStep: "Preparing",
		StartedBy: "alice", Options: session.Options{BatchSize: 10, VerifyAfterSync: true},
	}
}

// transferring creates a session, claims it and moves it to TRANSFERRING.
func transferring(t *testing.T, s *store.Store, id string) session.Session {
	t.Helper()
	ctx := t.Context()
	if c, err := s.CreateSession(ctx, prepared(id, "main"), plainly()); err != nil || !c.OK {
		t.Fatalf("create: %+v, %v", c, err)
	}
	row, ok, err := s.ClaimSession(ctx, id, 0, "main-1")
	if err != nil || !ok {
		t.Fatalf("claim: ok %v, err %v", ok, err)
	}
	total := int64(100)
	to := session.Progressed{Status: session.Transferring, Phase: session.PhaseTransferring, Step: "Transferring 100 products", Total: &total}
	if err := s.Advance(ctx, claimOf(row), to); err != nil {
		t.Fatal(err)
	}
	row.Status, row.TotalRecords = session.Transferring, &total
	return row
}

func claimOf(row session.Session) session.Claim {
	return session.Claim{SessionID: row.ID, Fence: row.Fence}
}

// batch makes a batch of products p-from … p-(to-1), all with the given name.
func batch(t *testing.T, from, to int, name string) catalog.Batch {
	t.Helper()
	b := catalog.Batch{Bytes: 1000, Cursor: catalog.Cursor{NodeID: "branch", Catalog: "main", After: fmt.Sprintf("p-%04d", to-1)}}
	for i := from; i < to; i++ {
		b.Products = append(b.Products, parse(t, fmt.Sprintf(`{"id":"p-%04d","name":%q,"price":"12.50","currency":"EUR","tags":["a"]}`, i, name)))
	}
	return b
}

func parse(t *testing.T, line string) catalog.Product {
	t.Helper()
	p, err := catalog.Parse([]byte(line))
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return p
}

func get(t *testing.T, s *store.Store, id string) session.Session {
	t.Helper()
	row, now, err := s.GetSession(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if now.Sub(row.StartedAt) < 0 || now.Sub(row.StartedAt) > 24*time.Hour {
		t.Fatalf("the database's time %s does not fit a session started at %s", now, row.StartedAt)
	}
	return row
}

func count(t *testing.T, s *store.Store, catalogName string) int64 {
	t.Helper()
	counts, err := s.CountCatalogs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range counts {
		if c.Catalog == catalogName {
			return c.Products
		}
	}
	return 0
}

func addPeer(t *testing.T, s *store.Store, nodeID string) {
	t.Helper()
	p := peer.Peer{NodeID: nodeID, NodeName: nodeID, Kind: peer.KindNode, URL: "http://127.0.0.1:1", IsActive: true}
	if err := s.AddPeer(t.Context(), &p); err != nil {
		t.Fatal(err)
	}
}
