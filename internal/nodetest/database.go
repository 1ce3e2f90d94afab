package nodetest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"fullsync/internal/app"
	"fullsync/internal/config"
	"fullsync/internal/postgrestest"
	"fullsync/internal/sqlitetest"
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
	err := os.Mkdir(db.Dir, 0o700)
	if err == nil {
		err = copySQLite(filepath.Join(db.Dir, sqlitetest.File))
	}
	if err != nil {
		t.Fatalf("preparing a SQLite database: %v", err)
	}
	return db
}

// copySQLite writes a SQLite database with the current schema to a file.
var copySQLite = sqlitetest.Template(func(dir string) error { return prepare(config.Config{DataDir: dir, SyncWorkers: 1}) })

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
