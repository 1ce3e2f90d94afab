package store

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	gormpostgres "gorm.io/driver/postgres"
	"gorm.io/gorm"

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
	controlConnections = 8
	readConnections    = 8
)

type postgres struct {
	control, read *pgxpool.Pool
}

func openPostgres(ctx context.Context, opt Options) (*Store, error) {
	s := &Store{}
	d := &postgres{}
	pool := func(size int, tune func(*pgxpool.Config)) (*pgxpool.Pool, *gorm.DB, error) {
		cfg, err := pgxpool.ParseConfig(opt.URL)
		if err != nil {
			// The parser's error may quote the URL with its password.
			return nil, nil, fault.New(fault.Invalid, "BAD_DATABASE_URL", "Bad database URL",
				"FULLSYNC_DATABASE_URL is not a PostgreSQL URL. It should look like postgres://user:password@host:5432/database.")
		}
		cfg.MaxConns = int32(size) //nolint:gosec // sizes are small constants and a validated setting
		cfg.ConnConfig.RuntimeParams["application_name"] = "fullsync"
		if opt.ConnectTimeout > 0 {
			cfg.ConnConfig.ConnectTimeout = opt.ConnectTimeout
		}
		tune(cfg)
		p, err := pgxpool.NewWithConfig(ctx, cfg)
		if err != nil {
			return nil, nil, err
		}
		db := stdlib.OpenDBFromPool(p)
		g, err := gorm.Open(gormpostgres.New(gormpostgres.Config{Conn: db}), gormConfig())
		s.closers = append(s.closers, db, closePool{p})
		return p, g, err
	}
	var errs [3]error
	d.control, s.db, errs[0] = pool(controlConnections, func(cfg *pgxpool.Config) {
		cfg.ConnConfig.RuntimeParams["lock_timeout"] = lockTimeout
		cfg.ConnConfig.RuntimeParams["idle_in_transaction_session_timeout"] = idleInTransaction
	})
	d.read, s.read, errs[1] = pool(readConnections, func(cfg *pgxpool.Config) {
		maps.Copy(cfg.ConnConfig.RuntimeParams, readPlans())
	})
	_, s.work, errs[2] = pool(max(1, opt.Workers), func(cfg *pgxpool.Config) {
		cfg.ConnConfig.RuntimeParams["idle_in_transaction_session_timeout"] = idleInTransaction
	})
	s.dialect = d
	err := errors.Join(errs[:]...)
	if err == nil {
		err = d.control.Ping(ctx)
	}
	if err != nil {
		_ = s.Close()
		return nil, d.openError(err)
	}
	return s, nil
}

// readPlans are the settings of connections that read. During a first load the planner knows nothing of the table yet:
// it takes a catalog for a small part of it, and would rather fetch and sort all the rest of the catalog for every page
// than follow the key; and a plan made for the empty table would be kept while the table grows.
func readPlans() map[string]string {
	return map[string]string{"enable_sort": "off", "enable_bitmapscan": "off", "plan_cache_mode": "force_custom_plan"}
}

// openError explains why the database could not be opened, without the URL's password.
func (d *postgres) openError(err error) error {
	var f *fault.Error
	if errors.As(err, &f) {
		return err
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return fault.New(fault.Unavailable, "DATABASE_REFUSED", "Database refused the connection",
			"PostgreSQL refused the connection of FULLSYNC_DATABASE_URL: %s.", pg.Message).Because(err)
	}
	return fault.New(fault.Unavailable, "DATABASE_UNAVAILABLE", "Database unavailable",
		"PostgreSQL does not answer at the address of FULLSYNC_DATABASE_URL. Is it running, and is the address right?").Because(err)
}

// closePool is a pool as an io.Closer.
type closePool struct{ pool *pgxpool.Pool }

// Close closes the pool.
func (c closePool) Close() error { c.pool.Close(); return nil }

var _ io.Closer = closePool{}

func (*postgres) name() string              { return "postgres" }
func (*postgres) nowSQL() string            { return "clock_timestamp()" }
func (*postgres) timeParam(t time.Time) any { return t }
func (d *postgres) listener() *pgxpool.Pool { return d.control }

func (*postgres) indexSQL() string { return "strpos" }

func (*postgres) agoSQL(ago time.Duration) string {
	return fmt.Sprintf("clock_timestamp() - interval '%d milliseconds'", ago.Milliseconds())
}

func (*postgres) parseNow(raw any) (time.Time, error) {
	t, ok := raw.(time.Time)
	if !ok {
		return t, fmt.Errorf("the database's time came as %T", raw)
	}
	return t.UTC(), nil
}

// translate knows the errors of https://www.postgresql.org/docs/current/errcodes-appendix.html that callers tell apart.
func (*postgres) translate(err error) error {
	var f *fault.Error
	if err == nil || errors.As(err, &f) || errors.Is(err, context.Canceled) {
		return err
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		switch pg.Code[:2] {
		case "08", "53", "57": // connection, resources, operator intervention
			return unavailable(err)
		case "40": // serialization failure, deadlock
			return unavailable(err)
		}
		switch pg.Code {
		case pgCodeUnique:
			return duplicate(err)
		case "25P03", "55P03": // idle in transaction, lock not available
			return unavailable(err)
		}
		return err
	}
	var connect *pgconn.ConnectError
	var network net.Error
	if errors.As(err, &connect) || errors.As(err, &network) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, sql.ErrConnDone) || errors.Is(err, driver.ErrBadConn) ||
		pgconn.Timeout(err) || pgconn.SafeToRetry(err) {
		return unavailable(err)
	}
	return err
}

const pgCodeUnique = "23505"

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

// fromPage is what follows SELECT and the columns in readPage's query; fromSpan the same up to an id.
const (
	fromPage = " FROM products WHERE catalog = $1 AND id > $2 ORDER BY catalog, id LIMIT $3"
	fromSpan = " FROM products WHERE catalog = $1 AND id > $2 AND id <= $4 ORDER BY catalog, id LIMIT $3"
)

// readPage is a [pager]'s.
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

// readIntervals is a [pager]'s. The outer side of a join with LATERAL comes in order, and so does the inner one for each.
func (d *postgres) readIntervals(ctx context.Context, columns, catalogName string, of []catalog.Interval, limit int) (pageRows, error) {
	after, through := make([]string, len(of)), make([]string, len(of))
	for i, in := range of {
		after[i], through[i] = in.After, cmp.Or(in.Through, behindAllIDs)
	}
	rows, err := d.read.Query(ctx, fromIntervals(columns), catalogName, after, through, limit)
	return nativeRows{rows}, err
}

func fromIntervals(columns string) string {
	return "SELECT p.* FROM unnest($2::text[], $3::text[]) AS b (after, through) CROSS JOIN LATERAL (SELECT " + columns +
		" FROM products WHERE catalog = $1 AND id > b.after AND id <= b.through ORDER BY catalog, id LIMIT $4) AS p LIMIT $4"
}

// readProducts is a [pager]'s; OFFSET 0 keeps it a look by the key for each.
func (d *postgres) readProducts(ctx context.Context, columns, catalogName string, ids []string) (pageRows, error) {
	rows, err := d.read.Query(ctx, "SELECT p.* FROM unnest($2::text[]) AS b (wanted) CROSS JOIN LATERAL (SELECT "+columns+
		" FROM products WHERE catalog = $1 AND id = b.wanted OFFSET 0) AS p", catalogName, ids)
	return nativeRows{rows}, err
}

// nativeRows are the driver's rows as [pageRows].
type nativeRows struct{ pgx.Rows }

// Close ends the reading; what went wrong is in Err.
func (r nativeRows) Close() error { r.Rows.Close(); return nil }
