// Package store keeps sessions, products and peers in PostgreSQL or SQLite, through GORM. What differs between the
// two databases is in postgres.go and sqlite.go; everything else is written once.
package store

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/logger"

	"fullsync/internal/catalog"
	"fullsync/internal/fault"
	"fullsync/internal/metrics"
	"fullsync/internal/session"
	"fullsync/internal/token"
)

// Options say which database to open.
type Options struct {
	// URL is postgres://…; empty means SQLite.
	URL string
	// SQLitePath is the file used when URL is empty.
	SQLitePath string
	// MustExist refuses a SQLite file that is not there, instead of making it.
	MustExist bool
	// Workers is how many sessions may commit batches at once.
	Workers int
	// ConnectTimeout bounds the wait for a database that does not answer at the start.
	ConnectTimeout time.Duration
}

// Store is an open database.
type Store struct {
	dialect
	// db is for what must not wait behind anything: starts, cancels, heartbeats. show is for what people and pages look at
	// again and again: sessions, peers, users. read is for products. work is for batches.
	db, jobs, show, read, work *gorm.DB
	closers                    []io.Closer
	// pools say how the pools of connections stand.
	pools []func() metrics.Pool
	// oneSQL is sessionSQL's and statusSQL catalogStatusSQL's, made once; many ask them at the same time.
	oneSQL, statusSQL         string
	oneSession, catalogStatus together[shownSessions]
	tokenUsers                together[tokenUser]
	namedTokens               together[token.Token]
	// planLimit is how many changes a dry run lists.
	planLimit int64
	// edits has room for those that are made at the same time.
	edits chan struct{}
	// searched is how many products a search looks at for one page, and sortable how many are sorted by anything but their ids.
	searched, sortable int
}

// dialect is what differs between the databases.
type dialect interface {
	// name is the directory of the migrations and the dialect's name for goose.
	name() string
	// nowSQL is an expression for the database's wall clock at this moment, in the form in which times are stored.
	nowSQL() string
	// indexSQL is the function that finds a text in another: where it begins, from 1.
	indexSQL() string
	// agoSQL is an expression for the database's wall clock that long ago (to come, where negative), in the form in which times
	// are stored.
	agoSQL(ago time.Duration) string
	// contains returns the operator, and the pattern to put behind it, that finds texts containing q in letters of either case.
	contains(q string) (operator, text string)
	// sortKey is an expression for what products are sorted by, made of the column that has it or of a placeholder.
	sortKey(by, operand string) string
	// agoExpr is agoSQL with a parameter, for what differs from call to call: statements are prepared by their text.
	agoExpr(ago time.Duration) clause.Expr
	// daySQL is an expression for the first moment of the day, in UTC, of a time as it is stored, and emptyHourSQL one for the
	// first moment of all.
	daySQL(column string) string
	emptyHourSQL() string
	// parseNow reads what nowSQL yields.
	parseNow(raw any) (time.Time, error)
	// timeParam is t in the form in which times are stored, so that comparisons in SQL are exact.
	timeParam(t time.Time) any
	// translate turns a driver's error into a fault, where it is one that callers tell apart.
	translate(err error) error
	// preparedSQL is a statement whose one value says whether the database has tables of fullsync.
	preparedSQL() string
	// mayMigrate returns a fault where the database takes no changes, before any of them is tried.
	mayMigrate(ctx context.Context) error
	// ready returns a fault where the database answers, and yet takes no changes.
	ready(ctx context.Context) error
	// isThere returns a fault where what was opened is no longer the database: a write to it would be lost.
	isThere() error
	// keepRoom sees to it that there is room for more than batches; it returns a fault where there is none. giveRoom gives
	// it up, and says whether there was any.
	keepRoom() error
	giveRoom() bool
	// lockMigrations lets one process at a time past; release is never nil when err is.
	lockMigrations(ctx context.Context) (release func(), err error)
	// upsert writes the products of one batch, which are ascending and unique by id, inside a transaction.
	// conn is the connection under tx.
	upsert(tx *gorm.DB, conn *sql.Conn, w upsert) (upserted, error)
	// recordUpdates writes down what write does to those of the products that are here.
	recordUpdates(tx *gorm.DB, r *recording, catalogName string, products []catalog.Product, write func() error) error
	// lockRows returns the rowColumns of those products that are here, in order, and keeps others from changing them in this transaction.
	lockRows(tx *gorm.DB, conn *sql.Conn, catalogName string, products []catalog.Product) (*sql.Rows, error)
	// noteCame stores what came of products.
	noteCame(tx *gorm.DB, conn *sql.Conn, catalogName string, notes []note) error
	// spans adds up the first spans of every products, up to limit, by the digest of a [view]. more says that something is left behind them.
	spans(ctx context.Context, s *Store, digest string, of stretch, every, limit int) (spans []catalog.Span, more bool, err error)
	// intervals adds up given intervals, see [Side.Digests].
	intervals(ctx context.Context, s *Store, digest, catalogName, after string, through []string) ([]catalog.Digest, error)
	// digests lists the first limit products in intervals that ascend, with their short hashes by the digest of a [view], and "" for one that is
	// not to be believed.
	digests(ctx context.Context, s *Store, digest, catalogName string, of []catalog.Interval, limit int) ([]catalog.Entry, error)
	// heal is one step of [Store.Heal].
	heal(ctx context.Context, s *Store, of stretch, limit int) (Healing, error)
	// distrust empties the digests of up to a few thousand products, except of those that a batch is just writing.
	distrust(ctx context.Context, s *Store, catalogName string, ids []string) error
	// prepare does what a batch needs read beforehand, outside its transaction.
	prepare(ctx context.Context, w *upsert) error
	// query runs a statement with $1, $2 … on a connection for what is shown.
	query(ctx context.Context, query string, values ...any) (pageRows, error)
	// holdCatalog keeps every other start and edit of the catalog waiting until the transaction ends, and waits for
	// theirs. It returns Unavailable when that takes too long.
	holdCatalog(tx *gorm.DB, catalogName string) error
	// listener is a pool that can LISTEN, nil where the database has no such thing.
	listener() *pgxpool.Pool
}

// Open connects to the database. It changes nothing in it; see [Store.Migrate].
func Open(ctx context.Context, opt Options) (s *Store, err error) {
	if opt.URL != "" {
		s, err = openPostgres(ctx, opt)
	} else {
		s, err = openSQLite(opt)
	}
	if err != nil {
		return nil, err
	}
	s.oneSQL, s.statusSQL = s.sessionSQL(), s.catalogStatusSQL()
	s.planLimit = session.MaxPlanned
	s.searched, s.sortable = searchedAtOnce, sortedAtMost
	s.edits = make(chan struct{}, editsAtOnce)
	return s, nil
}

// Close closes all connections.
func (s *Store) Close() error {
	var errs []error
	for _, c := range s.closers {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}

// Ready returns Unavailable when the database does not answer, or takes no changes.
func (s *Store) Ready(ctx context.Context) error {
	if err := s.Answers(ctx); err != nil {
		return err
	}
	return s.ready(ctx)
}

// Answers returns Unavailable when the database does not answer.
func (s *Store) Answers(ctx context.Context) error {
	return s.translate(s.show.WithContext(ctx).Exec("SELECT 1").Error)
}

// withRoom runs a write to a session, and once more with the room that is kept for it when the disk is full.
func (s *Store) withRoom(write func() error) error {
	if err := s.isThere(); err != nil {
		return err
	}
	err := write()
	if fault.CodeOf(err) == codeDiskFull && s.giveRoom() {
		err = write()
	}
	return err
}

// Explain returns what an error of the database means, for work that shares its connections.
func (s *Store) Explain(err error) error { return s.translate(err) }

// SQL returns the pool for control.
func (s *Store) SQL() *sql.DB { return poolOf(s.db) }

// JobsSQL returns the pool in which the job engine lives.
func (s *Store) JobsSQL() *sql.DB { return poolOf(s.jobs) }

func poolOf(g *gorm.DB) *sql.DB {
	db, err := g.DB()
	if err != nil {
		panic(err) // the handle was made from a *sql.DB in this package
	}
	return db
}

// Listener returns the pool in which the job engine may LISTEN, nil on SQLite.
func (s *Store) Listener() *pgxpool.Pool { return s.listener() }

// Now returns the database's time.
func (s *Store) Now(ctx context.Context) (time.Time, error) {
	now, err := s.now(s.show.WithContext(ctx))
	return now, s.translate(err)
}

// now returns the database's time.
func (s *Store) now(db *gorm.DB) (time.Time, error) {
	var raw any
	if err := db.Raw("SELECT " + s.nowSQL()).Row().Scan(&raw); err != nil {
		return time.Time{}, err
	}
	return s.parseNow(raw)
}

// gormConfig is common to both databases: no hidden transactions, times in UTC, columns by name, and no log of its own: every error is
// returned, and statements may hold what belongs in no log.
func gormConfig() *gorm.Config {
	return &gorm.Config{
		SkipDefaultTransaction: true,
		DisableAutomaticPing:   true,
		// Every column by name: the result of SELECT * changes when a newer replica adds a column, and PostgreSQL then refuses
		// what was prepared before.
		QueryFields: true,
		NowFunc:     func() time.Time { return time.Now().UTC() },
		Logger:      logger.Discard,
	}
}

// sqlTx returns the *sql.Tx behind a GORM transaction, for work that shares it.
func sqlTx(tx *gorm.DB) *sql.Tx {
	switch pool := tx.Statement.ConnPool.(type) {
	case *sql.Tx:
		return pool
	case *gorm.PreparedStmtTX:
		return pool.Tx.(*sql.Tx)
	default:
		panic("store: not a transaction")
	}
}

// inTx runs fn in a transaction of db and translates what comes out. It runs fn once more where a prepared statement did not
// fit the tables any longer: a newer replica changed them.
func (s *Store) inTx(ctx context.Context, db *gorm.DB, fn func(tx *gorm.DB) error) error {
	if err := s.isThere(); err != nil {
		return err
	}
	err := db.WithContext(ctx).Transaction(fn)
	if isStalePlan(err) {
		err = db.WithContext(ctx).Transaction(fn)
	}
	return s.translate(err)
}

// roomyTx is inTx on the control connections for a write to a session, as in withRoom.
func (s *Store) roomyTx(ctx context.Context, fn func(tx *gorm.DB) error) error {
	return s.withRoom(func() error { return s.inTx(ctx, s.db, fn) })
}
