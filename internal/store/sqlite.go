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
	"sync"
	"syscall"
	"time"

	"github.com/gofrs/flock"
	"github.com/jackc/pgx/v5/pgxpool"
	gormsqlite "gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"fullsync/internal/catalog"
	"fullsync/internal/fault"
)

// sqliteTime is how times are stored: sortable text with milliseconds, which the driver reads back as time.Time.
const sqliteTime = "2006-01-02 15:04:05.000-07:00"

// sqliteReaders is how many connections read beside the one that writes.
const sqliteReaders = 4

// sqlitePragmas are mandatory: write-ahead logging so that readers and the writer do not wait for each other, and
// transactions that take the write lock when they begin, so that none fails half-way.
const sqlitePragmas = "_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)" +
	"&_pragma=foreign_keys(1)&_txlock=immediate&_time_format=sqlite"

type sqlite struct {
	path string
	// opened is the file as it was opened, to notice when it is taken away.
	opened  fs.FileInfo
	roomMu  sync.Mutex
	readers *sql.DB
}

// CodeNoDatabase is the code of the fault that the SQLite file is not there.
const CodeNoDatabase = "NO_DATABASE"

func openSQLite(opt Options) (*Store, error) {
	if _, err := os.Stat(opt.SQLitePath); opt.MustExist && errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.Impossible, CodeNoDatabase, "No database",
			"There is no database %s in the data directory. Set FULLSYNC_DATA_DIR (or --data-dir) to the node's, or "+
				"FULLSYNC_DATABASE_URL for PostgreSQL.", filepath.Base(opt.SQLitePath))
	}
	d := &sqlite{path: opt.SQLitePath}
	if err := d.makeFile(); err != nil {
		return nil, err
	}
	_ = d.keepRoom() // a full disk is no reason not to start: syncs wait, everything else works
	s, err := d.open()
	if fault.CodeOf(err) == codeDiskFull && d.giveRoom() {
		s, err = d.open()
	}
	return s, err
}

// makeFile makes the file where there is none, for nobody else to read: SQLite would leave that to the umask, and gives the
// files beside it the same mode. Earlier versions did leave it to SQLite, so a file that everybody may read is closed.
func (d *sqlite) makeFile() error {
	unusable := fault.New(fault.Unavailable, "DATA_DIR", "Data directory unusable",
		"The data directory cannot be written to. Set FULLSYNC_DATA_DIR to one that this user may write to.")
	if err := os.MkdirAll(filepath.Dir(d.path), 0o700); err != nil {
		return unusable.Because(err)
	}
	// Only one that is new is ever opened here: closing it would release the locks that this process holds on it.
	switch file, err := os.OpenFile(d.path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600); {
	case err == nil:
		if err := file.Close(); err != nil {
			return unusable.Because(err)
		}
	case errors.Is(err, syscall.ENOSPC):
		return troubleFull.because(err)
	case !errors.Is(err, fs.ErrExist):
		return unusable.Because(err)
	}
	var err error
	if d.opened, err = os.Stat(d.path); err != nil {
		return unusable.Because(err)
	}
	for _, path := range []string{d.path, d.path + "-wal", d.path + "-shm"} {
		if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o007 != 0 {
			_ = os.Chmod(path, 0o600) // whoever does not own it cannot, and does not have to
		}
	}
	return nil
}

// open opens both pools.
func (d *sqlite) open() (*Store, error) {
	s := &Store{dialect: d}
	write, err := s.openFile(d.path, "write", 1)
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	read, err := s.openFile(d.path, "read", sqliteReaders)
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.db, s.jobs, s.work, s.read, s.show = write, write, write, read, read
	d.readers, err = read.DB()
	return s, err
}

func (s *Store) openFile(path, name string, size int) (*gorm.DB, error) {
	connector, err := newSQLiteConnector((&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: sqlitePragmas}).String())
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(size)
	db.SetMaxIdleConns(size)
	s.closers = append(s.closers, db)
	s.watchSQL(name, db)
	g, err := gorm.Open(gormsqlite.Dialector{DriverName: "sqlite", Conn: db}, gormConfig())
	if err != nil {
		return nil, s.translate(err)
	}
	return g, nil
}

func (*sqlite) name() string                           { return "sqlite" }
func (*sqlite) nowSQL() string                         { return "strftime('%Y-%m-%d %H:%M:%f+00:00', 'now')" }
func (*sqlite) timeParam(t time.Time) any              { return t.UTC().Format(sqliteTime) }
func (*sqlite) holdCatalog(*gorm.DB, string) error     { return nil } // its transactions are one after the other
func (*sqlite) listener() *pgxpool.Pool                { return nil }
func (*sqlite) prepare(context.Context, *upsert) error { return nil }
func (*sqlite) mayMigrate(context.Context) error       { return nil }

func (d *sqlite) query(ctx context.Context, query string, values ...any) (pageRows, error) {
	return d.readers.QueryContext(ctx, query, values...) //nolint:rowserrcheck // whoever reads the rows does
}

func (*sqlite) preparedSQL() string {
	return "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'settings')"
}

func (*sqlite) indexSQL() string { return "instr" }

func (*sqlite) agoSQL(ago time.Duration) string {
	return fmt.Sprintf("strftime('%%Y-%%m-%%d %%H:%%M:%%f+00:00', 'now', '%+.3f seconds')", -ago.Seconds())
}

func (*sqlite) agoExpr(ago time.Duration) clause.Expr {
	return gorm.Expr("strftime('%Y-%m-%d %H:%M:%f+00:00', 'now', ?)", fmt.Sprintf("%+.3f seconds", -ago.Seconds()))
}

func (*sqlite) daySQL(column string) string {
	return "strftime('%Y-%m-%d 00:00:00.000+00:00', " + column + ")"
}
func (*sqlite) emptyHourSQL() string { return "'1970-01-01 00:00:00.000+00:00'" }

func (*sqlite) parseNow(raw any) (time.Time, error) {
	text, ok := raw.(string)
	if !ok {
		return time.Time{}, fmt.Errorf("the database's time came as %T", raw)
	}
	t, err := time.Parse(sqliteTime, text)
	return t.UTC(), err
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

// sqliteRows is how many products one INSERT carries: so few that the statement stays prepared. With more of them, parsing it takes a quarter of a
// first load.
const sqliteRows = 50

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
	if w.record == nil {
		return n, d.write(tx, w)
	}
	return n, d.writeRecorded(tx, w, known)
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
	return tx.Clauses(overwrite(overwrittenColumns...)).CreateInBatches(rows, sqliteRows).Error
}
