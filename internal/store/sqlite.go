package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
	"github.com/jackc/pgx/v5/pgxpool"
	gormsqlite "gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	sqlitedriver "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"fullsync/internal/catalog"
	"fullsync/internal/fault"
)

// sqliteTime is how times are stored: sortable text with milliseconds, which the driver reads back as time.Time.
const sqliteTime = "2006-01-02 15:04:05.000-07:00"

// sqliteReaders is how many connections read beside the one that writes.
const sqliteReaders = 4

// CodeLocked is the code of the fault that another process does not let go of the SQLite file; [LockHolder] names it.
const CodeLocked = "DATABASE_LOCKED"

// sqlitePragmas are mandatory: write-ahead logging so that readers and the writer do not wait for each other, and
// transactions that take the write lock when they begin, so that none fails half-way.
const sqlitePragmas = "_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)" +
	"&_pragma=foreign_keys(1)&_txlock=immediate&_time_format=sqlite"

type sqlite struct{ path string }

func openSQLite(opt Options) (*Store, error) {
	if _, err := os.Stat(opt.SQLitePath); opt.MustExist && errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.Impossible, "NO_DATABASE", "No database",
			"There is no database %s in the data directory. Set FULLSYNC_DATA_DIR (or --data-dir) to the node's, or "+
				"FULLSYNC_DATABASE_URL for PostgreSQL.", filepath.Base(opt.SQLitePath))
	}
	if err := os.MkdirAll(filepath.Dir(opt.SQLitePath), 0o700); err != nil {
		return nil, fault.New(fault.Unavailable, "DATA_DIR", "Data directory unusable",
			"The data directory cannot be created. Set FULLSYNC_DATA_DIR to one that this user may write to.").Because(err)
	}
	s := &Store{dialect: &sqlite{path: opt.SQLitePath}}
	write, err := s.openPool(opt.SQLitePath, 1)
	if err != nil {
		return nil, err
	}
	read, err := s.openPool(opt.SQLitePath, sqliteReaders)
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.db, s.work, s.read = write, write, read
	return s, nil
}

func (s *Store) openPool(path string, size int) (*gorm.DB, error) {
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: sqlitePragmas}).String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(size)
	db.SetMaxIdleConns(size)
	s.closers = append(s.closers, db)
	g, err := gorm.Open(gormsqlite.Dialector{DriverName: "sqlite", Conn: db}, gormConfig())
	if err != nil {
		return nil, s.translate(err)
	}
	return g, nil
}

func (*sqlite) name() string                           { return "sqlite" }
func (*sqlite) nowSQL() string                         { return "strftime('%Y-%m-%d %H:%M:%f+00:00', 'now')" }
func (*sqlite) timeParam(t time.Time) any              { return t.UTC().Format(sqliteTime) }
func (*sqlite) listener() *pgxpool.Pool                { return nil }
func (*sqlite) prepare(context.Context, *upsert) error { return nil }

func (*sqlite) indexSQL() string { return "instr" }

func (*sqlite) agoSQL(ago time.Duration) string {
	return fmt.Sprintf("strftime('%%Y-%%m-%%d %%H:%%M:%%f+00:00', 'now', '-%.3f seconds')", ago.Seconds())
}

func (*sqlite) parseNow(raw any) (time.Time, error) {
	text, ok := raw.(string)
	if !ok {
		return time.Time{}, fmt.Errorf("the database's time came as %T", raw)
	}
	t, err := time.Parse(sqliteTime, text)
	return t.UTC(), err
}

// translate knows the result codes of https://www.sqlite.org/rescode.html that callers tell apart.
func (d *sqlite) translate(err error) error {
	var f *fault.Error
	var lite *sqlitedriver.Error
	if err == nil || errors.As(err, &f) || !errors.As(err, &lite) {
		if errors.Is(err, context.DeadlineExceeded) {
			return unavailable(err)
		}
		return err
	}
	switch lite.Code() {
	case sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_UNIQUE:
		return duplicate(err)
	}
	switch lite.Code() & 0xff {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return fault.New(fault.Unavailable, CodeLocked, "Database locked",
			"Another process holds the SQLite file in the data directory and does not let go. End that process, or try again.").Because(err)
	case sqlite3.SQLITE_FULL:
		return fault.New(fault.Unavailable, "DISK_FULL", "Disk full", "The disk that holds the SQLite file is full. Free some space.").Because(err)
	case sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT:
		return fault.New(fault.Unavailable, "DATABASE_UNUSABLE", "Database unusable",
			"The SQLite file in the data directory cannot be used: it may be missing, read-only or no database. Check FULLSYNC_DATA_DIR.").Because(err)
	case sqlite3.SQLITE_IOERR:
		return unavailable(err)
	}
	return err
}

// lockMigrations uses a lock file beside the database: unlike a transaction it spans several migrations.
func (d *sqlite) lockMigrations(ctx context.Context) (func(), error) {
	lock := flock.New(d.path + ".lock")
	if _, err := lock.TryLockContext(ctx, 20*time.Millisecond); err != nil {
		return nil, fault.New(fault.Unavailable, CodeLocked, "Database locked",
			"Another process is bringing the SQLite file up to date and does not finish.").Because(err)
	}
	return func() { _ = lock.Unlock() }, nil
}

// sqliteRows is how many products one INSERT carries; 13 values each stay far below SQLite's limit of 32,766.
const sqliteRows = 250

// upsert looks up the stored hashes inside the transaction, which is the only writer, and writes what differs.
func (d *sqlite) upsert(tx *gorm.DB, _ *sql.Conn, w upsert) (n upserted, err error) {
	ids, err := jsonIDs(w.products)
	if err != nil {
		return n, err
	}
	rows, err := tx.Raw("SELECT "+entryColumns+" FROM products WHERE catalog = ? AND id IN (SELECT value FROM json_each(?))", w.catalog, ids).
		Rows() //nolint:rowserrcheck // eachRow does
	if err != nil {
		return n, err
	}
	var known []entry
	err = eachRow(rows, func(scan func(into ...any) error) error {
		e, err := scanEntry(scan)
		known = append(known, e)
		return err
	})
	if err != nil {
		return n, err
	}
	n.updated = w.keepChanged(known)
	n.created = int64(len(w.products)) - n.updated
	n.unchanged = w.unchanged
	for i := range w.mend {
		if err := putRight(tx, w.catalog, w.mend[i].ID, w.mend[i].Hash); err != nil {
			return n, err
		}
	}
	return n, d.write(tx, w)
}

// putRight writes hash and digest of a product whose content is what the hash was computed from.
func putRight(tx *gorm.DB, catalogName, id, hash string) error {
	return tx.Exec("UPDATE products SET hash = ?, digest = ? WHERE catalog = ? AND id = ?", hash, digestOf(hash), catalogName, id).Error
}

// write inserts or overwrites products.
func (d *sqlite) write(tx *gorm.DB, w upsert) error {
	if len(w.products) == 0 {
		return nil
	}
	var now string
	if err := tx.Raw("SELECT " + d.nowSQL()).Row().Scan(&now); err != nil {
		return err
	}
	at, err := d.parseNow(now)
	if err != nil {
		return err
	}
	rows := make([]product, len(w.products))
	for i := range w.products {
		rows[i] = product{
			Stored: catalog.Stored{Product: w.products[i], Catalog: w.catalog, OriginNodeID: w.origin, CreatedAt: at, UpdatedAt: at},
			Digest: digestOf(w.products[i].Hash),
		}
	}
	return tx.Clauses(clause.OnConflict{
		Columns:   []clause.Column{{Name: "catalog"}, {Name: "id"}},
		DoUpdates: clause.AssignmentColumns([]string{"sku", "name", "price", "currency", "active", "attributes", "hash", "digest", "origin_node_id", "updated_at"}),
	}).CreateInBatches(rows, sqliteRows).Error
}
