package jobs

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riversqlite"

	"fullsync/internal/store"
)

// counted counts the fetches that reach the database.
type counted struct {
	riverdriver.Executor
	fetches int
}

// JobGetAvailable implements [riverdriver.Executor].
func (c *counted) JobGetAvailable(ctx context.Context, params *riverdriver.JobGetAvailableParams) (*riverdriver.JobGetAvailableResult, error) {
	c.fetches++
	return c.Executor.JobGetAvailable(ctx, params)
}

func TestSQLiteFetchesOnlyFromAQueueWithAJob(t *testing.T) {
	t.Parallel()
	s, err := store.Open(t.Context(), store.Options{SQLitePath: filepath.Join(t.TempDir(), "fullsync.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	d := Database{SQL: s.SQL()}
	if err := d.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, ok := d.driver().GetExecutor().(lookFirst); !ok {
		t.Errorf("River fetches with a %T, want lookFirst", d.driver().GetExecutor())
	}
	database := &counted{Executor: riversqlite.New(d.SQL).GetExecutor()}
	fetch := func(wantJobs, wantFetches int) {
		t.Helper()
		got, err := lookFirst{Executor: database, db: d.SQL}.JobGetAvailable(t.Context(), &riverdriver.JobGetAvailableParams{
			ClientID: "test", MaxAttemptedBy: 1, MaxToLock: 5, Queue: pushQueue,
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Jobs) != wantJobs || database.fetches != wantFetches {
			t.Errorf("got %d jobs with %d fetches, want %d with %d", len(got.Jobs), database.fetches, wantJobs, wantFetches)
		}
	}
	e, err := New(d, 0, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	insert := func(enqueue func(context.Context, *sql.Tx, string, int64) (int64, error)) {
		t.Helper()
		tx, err := d.SQL.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		_, err = enqueue(t.Context(), tx, "session", 1)
		if err := errors.Join(err, tx.Commit()); err != nil {
			t.Fatal(err)
		}
	}
	fetch(0, 0)
	insert(e.Enqueue) // into another queue
	fetch(0, 0)
	insert(e.EnqueuePush)
	fetch(1, 1)
	fetch(0, 1)
}
