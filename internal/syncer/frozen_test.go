package syncer_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"fullsync/internal/catalog"
	"fullsync/internal/jobs"
	"fullsync/internal/peer"
	"fullsync/internal/postgrestest"
	"fullsync/internal/session"
	"fullsync/internal/store"
	"fullsync/internal/syncer"
	"fullsync/internal/transfer"
)

func TestMain(m *testing.M) { os.Exit(postgrestest.Main(m)) }

// patience bounds every wait; what is waited for takes milliseconds.
const patience = time.Minute

// TestFrozenWorkerWritesNothingAfterACancel freezes a worker between reading and committing a batch, in a way in which
// it notices nothing of what happens meanwhile, and releases it when the next session has long completed.
func TestFrozenWorkerWritesNothingAfterACancel(t *testing.T) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		frozenWorker(t, store.Options{SQLitePath: filepath.Join(t.TempDir(), "fullsync.db")})
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		frozenWorker(t, store.Options{URL: postgrestest.NewDatabase(t), Workers: 2})
	})
}

// ends connect a worker to a source of so many products, and to the database.
func ends(db *store.Store, total int) syncer.Ends {
	return syncer.Ends{
		Source: func(peer.Target, session.Session) (transfer.Source, error) { return numbers{total: total}, nil },
		Local:  func(name string, _ bool) syncer.LocalSide { return db.Side(name) },
	}
}

func frozenWorker(t *testing.T, opt store.Options) {
	ctx := t.Context()
	db, engine := database(t, opt)
	cfg := syncer.Config{
		NodeID: "main", Worker: "worker", BatchSize: 10, HeartbeatInterval: 50 * time.Millisecond,
		BatchTimeout: patience, SessionTimeout: patience,
		Limits:  session.Limits{StaleAfter: patience, StalledAfter: patience, IdleAfter: patience},
		Backoff: transfer.Backoff{Tries: 1}, Logger: slog.New(slog.DiscardHandler),
	}
	service := syncer.New(cfg, db, peers{}, engine, nil)
	ledger := &freezer{Ledger: db, at: 4, frozen: make(chan struct{}), thaw: make(chan struct{}), outcome: make(chan error, 1)}
	worker := syncer.NewWorker(cfg, ledger, peers{}, engine, ends(db, 100))

	first, err := service.Start(ctx, syncer.StartRequest{Catalog: "main", PeerID: "branch", By: "alice"})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- worker.Run(ctx, first.Session.ID, 0) }()
	await(t, ledger.frozen)

	cancelled, err := service.Cancel(ctx, first.Session.ID, syncer.Cancellation{By: "alice", Reason: "it hangs"})
	if err != nil || cancelled.Already || cancelled.Session.Status != session.Cancelled || cancelled.Session.TransferredRecords != 30 {
		t.Fatalf("cancel: %+v, %v", cancelled, err)
	}
	if held := count(t, db); held != 30 {
		t.Fatalf("%d products after three batches of 10", held)
	}

	second, err := service.Start(ctx, syncer.StartRequest{Catalog: "main", PeerID: "branch", By: "bob"})
	if err != nil {
		t.Fatalf("start right after the cancel: %v", err)
	}
	other := syncer.NewWorker(cfg, db, peers{}, engine, ends(db, 50)) // the frozen batch is products 30 to 39; what lies behind 50 must not come
	if err := other.Run(ctx, second.Session.ID, 0); err != nil {
		t.Fatal(err)
	}
	completed, err := service.Get(ctx, second.Session.ID)
	if err != nil || completed.Status != session.Completed || completed.Unchanged != 30 || completed.Created != 20 {
		t.Fatalf("the next session: %+v, %v", completed, err)
	}
	before := stored(t, db)

	close(ledger.thaw)
	if err := await(t, ledger.outcome); !errors.Is(err, transfer.ErrFenced) {
		t.Errorf("the frozen commit ended with %v, want ErrFenced", err)
	}
	if err := await(t, done); err != nil {
		t.Errorf("the released worker ended with %v", err)
	}
	after := stored(t, db)
	if len(after) != len(before) {
		t.Fatalf("%d products before the worker was released, %d after", len(before), len(after))
	}
	for i := range after {
		if after[i] != before[i] {
			t.Errorf("the released worker wrote %+v, before %+v", after[i], before[i])
		}
	}
	last, err := service.Get(ctx, first.Session.ID)
	if err != nil || last.Status != session.Cancelled || last.BatchSeq != 3 || last.Cursor != cancelled.Session.Cursor ||
		last.Counts != cancelled.Session.Counts || last.ErrorMessage != "Cancelled by alice: it hangs" ||
		!last.CompletedAt.Equal(*cancelled.Session.CompletedAt) || !last.LastHeartbeatAt.Equal(*cancelled.Session.LastHeartbeatAt) {
		t.Errorf("the cancelled session is now %+v, was %+v; %v", last.Session, cancelled.Session.Session, err)
	}
}

// freezer is a ledger whose commit number at blocks, and then goes on as if its context had never ended.
type freezer struct {
	syncer.Ledger
	at           int64
	frozen, thaw chan struct{}
	outcome      chan error
}

// CommitBatch freezes.
func (f *freezer) CommitBatch(ctx context.Context, s *session.Session, batch catalog.Batch) error {
	if s.BatchSeq+1 != f.at {
		return f.Ledger.CommitBatch(ctx, s, batch)
	}
	close(f.frozen)
	<-f.thaw
	err := f.Ledger.CommitBatch(context.WithoutCancel(ctx), s, batch)
	f.outcome <- err
	return err
}

// numbers is a source of that many products, all of which name the session that brought them by their number alone.
type numbers struct{ total int }

func (n numbers) Describe(context.Context) (transfer.Description, error) {
	return transfer.Description{NodeID: "branch", Total: int64(n.total)}, nil
}

func (n numbers) Read(_ context.Context, after string, limit int) (transfer.Page, error) {
	page := transfer.Page{Next: after, Bytes: 1}
	for i := range n.total {
		id := fmt.Sprintf("p-%04d", i)
		if id <= after {
			continue
		}
		if len(page.Products) == limit {
			page.More = true
			return page, nil
		}
		p, err := catalog.Parse(fmt.Appendf(nil, `{"id":%q,"name":"product %d"}`, id, i))
		if err != nil {
			return transfer.Page{}, err
		}
		page.Products, page.Next = append(page.Products, p), id
	}
	return page, nil
}

func (numbers) Close() error { return nil }

// peers knows every peer.
type peers struct{}

func (peers) Target(_ context.Context, nodeID string) (peer.Target, error) {
	return peer.Target{NodeID: nodeID}, nil
}

func (peers) Seen(context.Context, string, error) error { return nil }

// SawMark forgets.
func (peers) SawMark(context.Context, string, string) error { return nil }

func (peers) NoteFeed(context.Context, peer.Target, peer.FeedSeen) error { return nil }

// database opens a database and brings it up to date, and returns it with an engine that only inserts jobs: the test
// runs the workers itself.
func database(t *testing.T, opt store.Options) (*store.Store, *jobs.Engine) {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	db, err := store.Open(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	tables := jobs.In(db)
	if err := db.Migrate(t.Context(), tables.Migrate, nil); err != nil {
		t.Fatal(err)
	}
	engine, err := jobs.New(tables, 0, log)
	if err != nil {
		t.Fatal(err)
	}
	return db, engine
}

func count(t *testing.T, db *store.Store) int { return len(stored(t, db)) }

func stored(t *testing.T, db *store.Store) []catalog.Stored {
	t.Helper()
	products, err := db.ListProducts(t.Context(), "main", "", "", 1000)
	if err != nil {
		t.Fatal(err)
	}
	return products
}

func await[T any](t *testing.T, c <-chan T) (v T) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	select {
	case v = <-c:
	case <-deadline.C:
		t.Fatalf("waited %s in vain", patience)
	}
	return v
}
