package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	gormpostgres "gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"fullsync/internal/catalog"
	"fullsync/internal/fault"
)

// idleInTransaction is how long a process that froze inside a transaction, of a batch or of a claim, may hold its locks.
const idleInTransaction = "1s"

// lockTimeout bounds how long a start, a cancel or a heartbeat waits for a row. It is longer than idleInTransaction,
// after which a frozen worker holds none.
const lockTimeout = "5s"

// Connections of one replica besides its workers': enough for its API, few enough for many replicas.
const (
	controlConnections = 6
	jobsConnections    = 2 // and one more, which listens
	showConnections    = 4
	readConnections    = 6
)

type postgres struct {
	control, jobs, show, read *pgxpool.Pool
	// pooled says that a pooler is between this process and the server.
	pooled bool
}

// defaultConnectTimeout bounds the wait for a server where the options do not say.
const defaultConnectTimeout = 10 * time.Second

func openPostgres(ctx context.Context, opt Options) (*Store, error) {
	cfg, err := postgresConfig(opt)
	if err != nil {
		return nil, err
	}
	d := &postgres{}
	bounded, cancel := context.WithTimeout(ctx, cfg.ConnConfig.ConnectTimeout)
	err = d.examine(bounded, cfg.ConnConfig)
	cancel()
	if err != nil {
		return nil, d.openError(err)
	}
	s := &Store{dialect: d}
	var errs [5]error
	d.control, s.db, errs[0] = s.openPool(ctx, d, cfg, "control", controlConnections, controlSettings())
	d.jobs, s.jobs, errs[4] = s.openPool(ctx, d, cfg, "jobs", jobsConnections, controlSettings())
	d.show, s.show, errs[3] = s.openPool(ctx, d, cfg, "show", showConnections, showSettings())
	d.read, s.read, errs[1] = s.openPool(ctx, d, cfg, "read", readConnections, readSettings())
	_, s.work, errs[2] = s.openPool(ctx, d, cfg, "work", max(1, opt.Workers), workSettings())
	err = errors.Join(errs[:]...)
	if err == nil {
		err = d.control.Ping(ctx)
	}
	if err != nil {
		_ = s.Close()
		return nil, d.openError(err)
	}
	return s, nil
}

// postgresConfig reads the URL of opt.
func postgresConfig(opt Options) (*pgxpool.Config, error) {
	cfg, err := pgxpool.ParseConfig(opt.URL)
	if err != nil {
		// The parser's error may quote the URL with its password.
		return nil, fault.New(fault.Invalid, "BAD_DATABASE_URL", "Bad database URL",
			"FULLSYNC_DATABASE_URL is not a PostgreSQL URL. It should look like postgres://user:password@host:5432/database.")
	}
	cfg.ConnConfig.RuntimeParams["application_name"] = "fullsync"
	cfg.ConnConfig.ConnectTimeout = cmp.Or(opt.ConnectTimeout, defaultConnectTimeout)
	return cfg, nil
}

// openPool makes a pool whose every connection has the settings.
func (s *Store) openPool(ctx context.Context, d *postgres, cfg *pgxpool.Config, name string, size int, settings []sessionSetting) (*pgxpool.Pool, *gorm.DB, error) {
	cfg = cfg.Copy()
	cfg.MaxConns = int32(size) //nolint:gosec // sizes are small constants and a validated setting
	if name == "control" || name == "jobs" || name == "work" {
		cfg.BeforeConnect = guardCommits
	}
	cfg.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		// Whoever waits for the connection may have no deadline, and a pooler without a free one keeps it waiting.
		ctx, cancel := context.WithTimeout(ctx, cfg.ConnConfig.ConnectTimeout)
		defer cancel()
		return d.apply(ctx, conn, settings)
	}
	p, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, nil, err
	}
	s.watchPgx(name, p)
	db := stdlib.OpenDBFromPool(p)
	s.closers = append(s.closers, db, closePool{p})
	g, err := gorm.Open(gormpostgres.New(gormpostgres.Config{Conn: db}), gormConfig())
	return p, g, err
}

// closePool is a pool as an io.Closer.
type closePool struct{ pool *pgxpool.Pool }

// Close closes the pool.
func (c closePool) Close() error { c.pool.Close(); return nil }

var _ io.Closer = closePool{}

func (*postgres) name() string              { return "postgres" }
func (*postgres) nowSQL() string            { return "clock_timestamp()" }
func (*postgres) timeParam(t time.Time) any { return t }
func (d *postgres) listener() *pgxpool.Pool { return d.jobs }

func (*postgres) indexSQL() string { return "strpos" }

func (*postgres) agoSQL(ago time.Duration) string {
	return fmt.Sprintf("clock_timestamp() - interval '%d milliseconds'", ago.Milliseconds())
}

func (*postgres) agoExpr(ago time.Duration) clause.Expr {
	return gorm.Expr("clock_timestamp() - make_interval(secs => ?)", ago.Seconds())
}

func (*postgres) daySQL(column string) string { return "date_trunc('day', " + column + ", 'UTC')" }
func (*postgres) emptyHourSQL() string        { return "timestamptz 'epoch'" }

func (*postgres) parseNow(raw any) (time.Time, error) {
	t, ok := raw.(time.Time)
	if !ok {
		return t, fmt.Errorf("the database's time came as %T", raw)
	}
	return t.UTC(), nil
}

func (*postgres) preparedSQL() string { return "SELECT to_regclass('settings') IS NOT NULL" }

// mayMigrate implements [dialect].
func (d *postgres) mayMigrate(ctx context.Context) error {
	var readOnly, noSchema bool
	err := d.control.QueryRow(ctx, "SELECT "+readOnlySQL+", current_schema() IS NULL").Scan(&readOnly, &noSchema)
	switch {
	case err != nil:
		return d.translate(err)
	case readOnly:
		return troubleReadOnly.because(nil)
	case noSchema:
		return troubleDenied.because(nil)
	}
	return nil
}

// ready implements [dialect].
func (d *postgres) ready(ctx context.Context) error {
	var readOnly bool
	err := d.read.QueryRow(ctx, "SELECT "+readOnlySQL).Scan(&readOnly)
	if err == nil && readOnly {
		return troubleReadOnly.because(nil)
	}
	return d.translate(err)
}

// The server's files are its own business, and its administrators watch its disk.
func (*postgres) isThere() error  { return nil }
func (*postgres) keepRoom() error { return nil }
func (*postgres) giveRoom() bool  { return false }

// readOnlySQL says whether the server takes no changes: it follows another one, or was told to take none.
const readOnlySQL = "pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean"

// migrationLock is the advisory lock of fullsync's migrations: "fullsync" in ASCII.
const migrationLock = 0x66756c6c73796e63

func (d *postgres) lockMigrations(ctx context.Context) (func(), error) {
	conn, err := d.control.Acquire(ctx)
	if err != nil {
		return nil, d.openError(err)
	}
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1)", int64(migrationLock)); err != nil {
		conn.Release()
		return nil, d.translate(err)
	}
	return func() {
		// Closing the connection is what surely releases the lock, whatever state it is in.
		_ = conn.Conn().Close(context.WithoutCancel(ctx))
		conn.Release()
	}, nil
}

// pgCodeLocked is what a statement ends with that has waited for a lock for too long.
const pgCodeLocked = "55P03"

// catalogLocks is the class of the advisory locks on catalogs: "cata" in ASCII.
const catalogLocks = 0x63617461

// holdCatalog takes an advisory lock. Two catalogs may share one, which costs a little waiting and nothing else.
func (*postgres) holdCatalog(tx *gorm.DB, catalogName string) error {
	sum := fnv.New32a()
	_, _ = sum.Write([]byte(catalogName))                                                               // never fails
	err := tx.Exec("SELECT pg_advisory_xact_lock(?, ?)", int32(catalogLocks), int32(sum.Sum32())).Error //nolint:gosec // any 32 bits will do
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == pgCodeLocked {
		return fault.New(fault.Unavailable, "BUSY", "Catalog is busy",
			"Another change of catalog %s is taking long. Try again in a few seconds.", catalogName).Because(err)
	}
	return err
}

// fromPage is what follows SELECT and the columns in readPage's query; fromSpan the same up to an id.
const (
	fromPage = " FROM products WHERE catalog = $1 AND id > $2 ORDER BY catalog, id LIMIT $3"
	fromSpan = " FROM products WHERE catalog = $1 AND id > $2 AND id <= $4 ORDER BY catalog, id LIMIT $3"
)

// readPage implements [pager].
func (d *postgres) readPage(ctx context.Context, columns, catalogName, after, through string, limit int) (pageRows, error) {
	query, args := fromPage, []any{catalogName, after, limit}
	if through != "" {
		query, args = fromSpan, append(args, through)
	}
	rows, err := d.read.Query(ctx, "SELECT "+columns+query, args...)
	return nativeRows{rows}, err
}

// behindAllIDs sorts behind the id of every product: those have 255 bytes at most.
var behindAllIDs = strings.Repeat("\U0010FFFF", 64)

// readIntervals implements [pager]. The outer side of a join with LATERAL comes in order, and so does the inner one for each.
func (d *postgres) readIntervals(ctx context.Context, columns, catalogName string, of []catalog.Interval, limit int) (pageRows, error) {
	rows, err := d.intervalRows(ctx, columns, catalogName, of, limit)
	return nativeRows{rows}, err
}

func (d *postgres) intervalRows(ctx context.Context, columns, catalogName string, of []catalog.Interval, limit int) (pgx.Rows, error) {
	after, through := make([]string, len(of)), make([]string, len(of))
	for i, in := range of {
		after[i], through[i] = in.After, cmp.Or(in.Through, behindAllIDs)
	}
	return d.read.Query(ctx, fromIntervals(columns), catalogName, after, through, limit)
}

func fromIntervals(columns string) string {
	return "SELECT p.* FROM unnest($2::text[], $3::text[]) AS b (after, through) CROSS JOIN LATERAL (SELECT " + columns +
		" FROM products WHERE catalog = $1 AND id > b.after AND id <= b.through ORDER BY catalog, id LIMIT $4) AS p LIMIT $4"
}

// readProducts implements [pager]; OFFSET 0 keeps it a look by the key for each.
func (d *postgres) readProducts(ctx context.Context, columns, catalogName string, ids []string) (pageRows, error) {
	rows, err := d.read.Query(ctx, "SELECT p.* FROM unnest($2::text[]) AS b (wanted) CROSS JOIN LATERAL (SELECT "+columns+
		" FROM products WHERE catalog = $1 AND id = b.wanted OFFSET 0) AS p", catalogName, ids)
	return nativeRows{rows}, err
}

func (d *postgres) query(ctx context.Context, query string, values ...any) (pageRows, error) {
	rows, err := d.show.Query(ctx, query, values...)
	return nativeRows{rows}, err
}

// nativeRows are the driver's rows as [pageRows].
type nativeRows struct{ pgx.Rows }

// Close ends the reading; what went wrong is in Err.
func (r nativeRows) Close() error { r.Rows.Close(); return nil }
