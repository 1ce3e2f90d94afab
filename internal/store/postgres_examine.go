package store

import (
	"context"
	"crypto/rand"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"fullsync/internal/fault"
)

// oldestServer is the oldest version of PostgreSQL that is accepted, as server_version_num.
const oldestServer = 130000

// notifyPatience bounds the wait for a notification that arrives within milliseconds where it arrives at all.
const notifyPatience = 5 * time.Second

// examine looks at the server before anything is done with it, on connections of its own. It returns Impossible for one
// that fullsync cannot work with, in a sentence that says what to do. It notes whether a pooler is in between.
func (d *postgres) examine(ctx context.Context, cfg *pgx.ConnConfig) error {
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // it was only read
	// Alone and first: other databases that speak PostgreSQL's protocol know this much.
	version, err := ask(ctx, conn, "SELECT version()")
	if err != nil {
		return err
	}
	if err := checkProduct(version[0]); err != nil {
		return err
	}
	facts, err := ask(ctx, conn, "SELECT current_setting('server_version_num'), current_setting('server_encoding'), pg_backend_pid()")
	if err != nil {
		return err
	}
	if err := checkServer(facts[0], facts[1]); err != nil {
		return err
	}
	// Whoever connects directly is told the number of the process that serves the connection. A pooler makes one up.
	if facts[2] == strconv.FormatUint(uint64(conn.PgConn().PID()), 10) {
		return nil
	}
	d.pooled = true
	return checkPooler(ctx, cfg, conn, facts[2])
}

// checkProduct refuses databases that only resemble PostgreSQL, by what they call themselves.
func checkProduct(version string) error {
	for _, product := range []struct{ mark, name string }{
		{"CockroachDB", "CockroachDB"}, {"-YB-", "YugabyteDB"}, {"Redshift", "Amazon Redshift"},
		{"Greenplum", "Greenplum"}, {"QuestDB", "QuestDB"},
	} {
		if strings.Contains(version, product.mark) {
			return fault.New(fault.Impossible, "DATABASE_PRODUCT", "Unknown database",
				"FULLSYNC_DATABASE_URL leads to %s, which speaks PostgreSQL's language but does not have the locks and notifications that "+
					"fullsync needs. Use PostgreSQL 13 or newer.", product.name)
		}
	}
	return nil
}

// checkServer refuses servers that are too old, and databases of another encoding.
func checkServer(versionNumber, encoding string) error {
	if n, err := strconv.Atoi(versionNumber); err != nil || n < oldestServer {
		return fault.New(fault.Impossible, "DATABASE_TOO_OLD", "Database too old",
			"FULLSYNC_DATABASE_URL leads to PostgreSQL %s, and fullsync needs 13 or newer. Upgrade the server or use another one.",
			majorVersion(n))
	}
	if encoding != "UTF8" {
		return fault.New(fault.Impossible, "DATABASE_ENCODING", "Wrong database encoding",
			"The database of FULLSYNC_DATABASE_URL has the encoding %s, which cannot hold every product; fullsync needs UTF8. Make a new one "+
				"with createdb --encoding UTF8 --template template0, and use that.", encoding)
	}
	return nil
}

// majorVersion renders server_version_num as people write it: 12, 9.6.
func majorVersion(number int) string {
	if number >= 100000 {
		return strconv.Itoa(number / 10000)
	}
	return strconv.Itoa(number/10000) + "." + strconv.Itoa(number/100%100)
}

// checkPooler refuses a pooler that does not keep a session of the server for each connection. conn is a connection through
// it, pid the process that answered its last question.
//
// A connection that listens is told of a notification although it asks nothing. That works only while a session of its own
// is behind it, whatever else the pooler is busy with, so the proof does not depend on which session it would pick next. The
// looks at process ids before that are only quicker.
func checkPooler(ctx context.Context, cfg *pgx.ConnConfig, conn *pgx.Conn, pid string) error {
	other, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return err
	}
	defer other.Close(context.WithoutCancel(ctx)) //nolint:errcheck // nothing is pending
	theirs, err := ask(ctx, other, "SELECT pg_backend_pid()")
	if errors.Is(err, context.DeadlineExceeded) {
		return fault.New(fault.Unavailable, "POOL_TOO_SMALL", "Pool too small",
			"The pooler in front of PostgreSQL gave fullsync no second connection in time. Raise its pool size (default_pool_size): each "+
				"replica takes up to 16 connections and one per worker.")
	}
	if err != nil {
		return err
	}
	ours, err := ask(ctx, conn, "SELECT pg_backend_pid()")
	if err != nil {
		return err
	}
	if theirs[0] == pid || ours[0] != pid {
		return sessionsApart()
	}
	channel := "fullsync_" + strings.ToLower(rand.Text())
	if _, err := simply(ctx, conn, "LISTEN "+channel); err != nil {
		return err
	}
	if _, err := simply(ctx, other, "NOTIFY "+channel); err != nil {
		return err
	}
	bounded, cancel := context.WithTimeout(ctx, notifyPatience)
	defer cancel()
	if err := conn.PgConn().WaitForNotification(bounded); pgconn.Timeout(err) {
		return sessionsApart()
	} else if err != nil {
		return err
	}
	return nil
}

func sessionsApart() error {
	return fault.New(fault.Impossible, "POOLER_MODE", "Wrong pooler mode",
		"The pooler in front of PostgreSQL shares database sessions between its clients (transaction or statement mode), and fullsync "+
			"needs one session per connection. Give it a pool in session mode (PgBouncer: pool_mode = session), or connect to PostgreSQL itself.")
}

// ask returns the first row of the answer to a statement, at least one value.
func ask(ctx context.Context, conn *pgx.Conn, statement string) ([]string, error) {
	rows, err := simply(ctx, conn, statement)
	if err != nil {
		return nil, err
	}
	if len(rows) != 1 || len(rows[0]) == 0 {
		return nil, errors.New("the database answered with " + strconv.Itoa(len(rows)) + " rows to a question that has one answer")
	}
	answer := make([]string, len(rows[0]))
	for i, value := range rows[0] {
		answer[i] = string(value)
	}
	return answer, nil
}
