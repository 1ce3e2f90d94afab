package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"

	"github.com/jackc/pgx/v5/pgconn"

	"fullsync/internal/fault"
)

// trouble is what callers see of a database that does not do what it should: always Unavailable, so that the API answers
// 503, the node is not ready, and workers wait and try again.
type trouble struct{ code, title, message string }

func (t trouble) because(cause error) error {
	return fault.New(fault.Unavailable, t.code, t.title, t.message).Because(cause)
}

// The kinds of trouble that both databases or several error codes have.
var (
	troubleAway = trouble{fault.CodeDatabaseUnavailable, "Database unavailable", "The database does not answer. Try again in a moment."}
	troubleBusy = trouble{"DATABASE_BUSY", "Database busy",
		"Others in the database were in the way of this for too long. Try again in a moment."}
	troubleSchema = trouble{"SCHEMA_CHANGED", "Database changed",
		"The database does not have the tables that this version of fullsync knows: it was changed, or is being restored. Run " +
			"fullsync migrate, or check that it is the right database."}
	troubleReadOnly = trouble{"DATABASE_READ_ONLY", "Database read-only",
		"The database takes no changes now: it is read-only, or another server is taking over from it. Try again in a moment; if it " +
			"stays like this, point FULLSYNC_DATABASE_URL at the primary server."}
	troubleDenied = trouble{codeDenied, "Database rights missing",
		"The role of FULLSYNC_DATABASE_URL may not do this to the tables of fullsync. Make it their owner, or grant it what is missing."}
)

const codeDenied = "DATABASE_DENIED"

// postgresTrouble is what each error of PostgreSQL means, by its SQLSTATE or the first two letters of it, which are its class;
// see https://www.postgresql.org/docs/current/errcodes-appendix.html. What is not here is a mistake of fullsync's own:
// a statement that cannot be, or data that may not.
func postgresTrouble() map[string]trouble {
	login := trouble{"DATABASE_LOGIN", "Database login refused",
		"PostgreSQL refuses the role or the password of FULLSYNC_DATABASE_URL. Correct them there or on the server."}
	gone := trouble{"DATABASE_MISSING", "Database missing",
		"The server does not have the database that FULLSYNC_DATABASE_URL names. Create it, or correct the name."}
	sessions := trouble{"DATABASE_SESSION_LOST", "Database session lost",
		"A pooler in front of PostgreSQL gave this connection another session. Give fullsync a pool in session mode " +
			"(PgBouncer: pool_mode = session), or connect to PostgreSQL itself."}
	damaged := trouble{"DATABASE_DAMAGED", "Database damaged",
		"PostgreSQL reports damaged data or a fault of its own. Look in the server's log; it may need repair or a restored backup."}
	storage := trouble{"DATABASE_STORAGE", "Database storage failed",
		"The PostgreSQL server cannot read or write its files. Look in the server's log and at its disk."}
	return map[string]trouble{
		"08":    troubleAway, // connection exception
		"25006": troubleReadOnly,
		"25P03": troubleAway, // idle_in_transaction_session_timeout: this process was frozen
		"25P04": troubleBusy, // transaction_timeout
		"26":    sessions,    // invalid statement name
		"28":    login,
		"34":    sessions, // invalid cursor name
		"3D":    gone,
		"3F":    troubleDenied, // invalid schema name: the search_path leads nowhere
		"40":    troubleBusy,
		"40003": troubleAway, // nobody knows whether the statement was completed
		"42501": troubleDenied,
		"42703": troubleSchema, // undefined column
		"42883": troubleSchema, // undefined function
		"42P01": troubleSchema, // undefined table
		"42P05": sessions,      // duplicate prepared statement
		"53":    {"DATABASE_EXHAUSTED", "Database exhausted", "The PostgreSQL server has reached a limit of its own. Look in its log, then raise the limit."},
		"53100": {codeDiskFull, "Disk full", "The disk of the PostgreSQL server is full. Free some space there."},
		"53200": {"DATABASE_MEMORY", "Database out of memory", "The PostgreSQL server is out of memory. Give it more, or less to do."},
		"53300": {"DATABASE_CONNECTIONS", "Too many database connections",
			"PostgreSQL takes no more connections. Raise max_connections on the server, or run fewer replicas or workers."},
		"55000": troubleBusy, // object not in prerequisite state: a database that takes no connections just now
		"55006": troubleBusy, // object in use
		"55P03": troubleBusy, // lock not available
		"57":    troubleAway, // operator intervention: shutdown, start, cancelled statements
		"57P04": gone,        // database dropped
		"58":    storage,
		"72":    troubleBusy, // snapshot too old
		"F0":    storage,     // configuration or lock file
		"XX":    damaged,
	}
}

// stalePlan is what PostgreSQL's source calls the place where it finds a plan void. The code alone, feature not supported,
// would say too little, and messages come in the server's language.
const stalePlan = "RevalidateCachedQuery"

// isStalePlan says whether a prepared statement's result has other columns since a newer replica changed its table.
func isStalePlan(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "0A000" && pg.Routine == stalePlan
}

// troubleOf returns what an error of PostgreSQL means, ok false where it is a mistake of our own.
func troubleOf(pg *pgconn.PgError) (t trouble, ok bool) {
	if isStalePlan(pg) {
		return troubleBusy, true // the next try makes a new plan
	}
	table := postgresTrouble()
	if t, ok = table[pg.Code]; ok {
		return t, true
	}
	if len(pg.Code) < 2 {
		return t, false
	}
	t, ok = table[pg.Code[:2]]
	return t, ok
}

// translate turns what the driver returns into faults, where it is one that callers tell apart.
func (*postgres) translate(err error) error {
	var f *fault.Error
	if err == nil || errors.As(err, &f) || errors.Is(err, context.Canceled) {
		return err
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		if pg.Code == pgCodeUnique {
			return duplicate(err)
		}
		if t, ok := troubleOf(pg); ok {
			return t.because(err)
		}
		return err
	}
	var connect *pgconn.ConnectError
	var network net.Error
	if errors.As(err, &connect) || errors.As(err, &network) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, sql.ErrConnDone) || errors.Is(err, driver.ErrBadConn) ||
		errors.Is(err, sql.ErrTxDone) || // database/sql rolls back at a deadline
		pgconn.Timeout(err) || pgconn.SafeToRetry(err) {
		return troubleAway.because(err)
	}
	return err
}

const pgCodeUnique = "23505"

// openError explains why the database could not be opened, without the URL's password.
func (d *postgres) openError(err error) error {
	var f *fault.Error
	if errors.As(err, &f) {
		return err
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		if t, ok := troubleOf(pg); ok && t != troubleAway && pg.Code[:2] != "28" && pg.Code[:2] != "3D" {
			return t.because(err)
		}
		return fault.New(fault.Unavailable, "DATABASE_REFUSED", "Database refused the connection",
			"PostgreSQL refused the connection of FULLSYNC_DATABASE_URL: %s.", pg.Message).Because(err)
	}
	return fault.New(fault.Unavailable, fault.CodeDatabaseUnavailable, "Database unavailable",
		"PostgreSQL does not answer at the address of FULLSYNC_DATABASE_URL. Is it running, and is the address right?").Because(err)
}
