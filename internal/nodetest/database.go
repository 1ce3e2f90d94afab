package nodetest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"fullsync/internal/app"
	"fullsync/internal/config"
	"fullsync/internal/postgrestest"
)

// Database is where a node keeps its data and secret. If several nodes use the same Database one after another, they are
// one node restarted; if they use it at the same time, they are its replicas.
type Database struct {
	// URL is postgres://…, empty for SQLite.
	URL string
	// Dir is the data directory.
	Dir string
}

// NewDatabase returns a new database with the current schema. It is removed when the test ends.
func NewDatabase(t testing.TB, kind Kind) Database {
	t.Helper()
	db := Database{Dir: filepath.Join(t.TempDir(), "data")}
	if kind == Postgres {
		db.URL = postgrestest.NewDatabaseFrom(t, "nodetest", func(url string) error {
			return prepare(config.Config{DatabaseURL: config.Secret(url), SyncWorkers: 1})
		})
		return db
	}
	file, err := sqliteTemplate()
	if err == nil {
		err = os.Mkdir(db.Dir, 0o700)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(db.Dir, sqliteFile), file, 0o600)
	}
	if err != nil {
		t.Fatalf("preparing a SQLite database: %v", err)
	}
	return db
}

// sqliteFile is the database's file name in the data directory.
const sqliteFile = "fullsync.db"

// sqliteTemplate returns the content of a SQLite database with the current schema. It is made once per process, because the
// migrations take longer than most tests.
var sqliteTemplate = sync.OnceValues(func() (file []byte, err error) {
	dir, err := os.MkdirTemp("", "nodetest-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := prepare(config.Config{DataDir: dir, SyncWorkers: 1}); err != nil {
		return nil, err
	}
	return os.ReadFile(filepath.Join(dir, sqliteFile)) //nolint:gosec // a file that this function made
})

// prepare migrates the database that the others are copied from.
func prepare(cfg config.Config) error {
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	db, err := app.OpenDatabase(ctx, cfg)
	if err != nil {
		return err
	}
	return errors.Join(app.Migrate(ctx, db, nil), db.Close())
}
