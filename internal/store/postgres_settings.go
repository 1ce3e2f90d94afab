package store

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"fullsync/internal/fault"
)

// sessionSetting is a setting of a PostgreSQL session that fullsync relies on.
type sessionSetting struct {
	name, value string
	// instead is the only value that is replaced; where it is empty, every other one is.
	instead string
	// lately says that older servers do not know the setting.
	lately bool
}

// sessionSettings must hold on every connection, whatever the server, the database, the role or the URL say. They are
// given with SET and not when the connection is opened, because PgBouncer refuses, or is told to ignore, what it does not
// know there.
func sessionSettings() []sessionSetting {
	return []sessionSetting{
		// Under any other encoding every letter that is not ASCII is stored as something else, for good.
		{name: "client_encoding", value: "UTF8"},
		// What is written in quotes, and how values come back as text.
		{name: "standard_conforming_strings", value: "on"},
		{name: "bytea_output", value: "hex"},
		{name: "DateStyle", value: "ISO, MDY"},
		{name: "IntervalStyle", value: "postgres"},
		{name: "TimeZone", value: "UTC"},
		{name: "extra_float_digits", value: "1"},
		// Conditional updates expect to see the row as it is when they get to it.
		{name: "default_transaction_isolation", value: "read committed"},
		// Whatever takes too long is ended by us, where we know what to do about it.
		{name: "statement_timeout", value: "0"},
		{name: "transaction_timeout", value: "0", lately: true},
		{name: "idle_session_timeout", value: "0", lately: true},
		// Compiling a plan takes longer than any of them runs.
		{name: "jit", value: "off"},
		// Triggers write the log of transitions.
		{name: "session_replication_role", value: "origin"},
	}
}

// controlSettings are those of connections for starts, cancels and heartbeats.
func controlSettings() []sessionSetting {
	return append(sessionSettings(),
		sessionSetting{name: "lock_timeout", value: lockTimeout},
		sessionSetting{name: "idle_in_transaction_session_timeout", value: idleInTransaction},
		// A cancel that was answered must not be forgotten in a crash.
		sessionSetting{name: "synchronous_commit", value: "on", instead: "off"})
}

// workSettings are those of connections for batches, which wait for rows as long as a batch may take.
func workSettings() []sessionSetting {
	return append(sessionSettings(),
		sessionSetting{name: "lock_timeout", value: "0"},
		sessionSetting{name: "idle_in_transaction_session_timeout", value: idleInTransaction})
}

// readSettings are those of connections that read. During a first load the planner knows nothing of the table yet: it
// takes a catalog for a small part of it, and would rather fetch and sort all the rest of the catalog for every page than
// follow the key; and a plan made for the empty table would be kept while the table grows. A second process makes counting
// faster; starting more of them costs as much as they save.
func readSettings() []sessionSetting {
	return append(sessionSettings(),
		sessionSetting{name: "lock_timeout", value: "0"},
		sessionSetting{name: "enable_sort", value: "off"},
		sessionSetting{name: "enable_bitmapscan", value: "off"},
		sessionSetting{name: "max_parallel_workers_per_gather", value: "1"},
		sessionSetting{name: "plan_cache_mode", value: "force_custom_plan"})
}

// showSettings are those of connections for what is shown. It is small and asked for again and again, so its plans are kept;
// making one takes several times as long as following it. Kept plans must follow an index, also those that were made while
// the table was small.
func showSettings() []sessionSetting {
	return append(sessionSettings(),
		sessionSetting{name: "lock_timeout", value: "0"},
		sessionSetting{name: "enable_seqscan", value: "off"},
		sessionSetting{name: "enable_bitmapscan", value: "off"},
		sessionSetting{name: "plan_cache_mode", value: "auto"})
}

// apply gives a new connection its settings and reads them back, in a second question: through a pooler that takes sessions
// apart, the answer comes from another one. It returns Unavailable where a setting does not hold.
func (d *postgres) apply(ctx context.Context, conn *pgx.Conn, settings []sessionSetting) error {
	if d.pooled {
		// A pooler that does not tidy up hands over what the last client left: statements of the same name, locks, LISTEN.
		if _, err := simply(ctx, conn, "DISCARD ALL"); err != nil {
			return err
		}
	}
	wanted := make([]string, len(settings))
	for i, s := range settings {
		wanted[i] = fmt.Sprintf("(%d, '%s', '%s', '%s')", i, s.name, s.value, s.instead)
	}
	from := " FROM (VALUES " + strings.Join(wanted, ", ") + ") AS wanted (place, name, value, instead)"
	// Only what differs is set: not every role may set everything, and not every server knows everything.
	_, err := simply(ctx, conn, "SELECT set_config(name, value, false)"+from+
		" WHERE CASE instead WHEN '' THEN current_setting(name, true) <> value ELSE current_setting(name, true) = instead END")
	if err != nil {
		return err
	}
	held, err := simply(ctx, conn, "SELECT name, current_setting(name, true)"+from+" ORDER BY place")
	if err != nil {
		return err
	}
	for i, s := range settings {
		if i >= len(held) || !s.heldBy(held[i]) {
			return settingLost(s)
		}
	}
	return nil
}

// heldBy says whether the answer to what was read back, a name and a value, is as it must be.
func (s sessionSetting) heldBy(answer [][]byte) bool {
	switch {
	case len(answer) != 2 || string(answer[0]) != s.name:
		return false
	case answer[1] == nil:
		return s.lately
	case s.instead != "":
		return string(answer[1]) != s.instead
	default:
		return string(answer[1]) == s.value
	}
}

func settingLost(s sessionSetting) error {
	return fault.New(fault.Unavailable, "DATABASE_SETTING_LOST", "Database setting lost",
		"fullsync sets %s to %s on each connection to PostgreSQL, and it does not stay that way. If a pooler such as PgBouncer is in "+
			"between, give fullsync a pool in session mode (pool_mode = session) or connect to PostgreSQL itself; otherwise remove "+
			"what resets it.", s.name, s.value)
}

// simply runs one statement without arguments in PostgreSQL's simple protocol, which leaves no prepared statement behind,
// and returns its rows as text.
func simply(ctx context.Context, conn *pgx.Conn, statement string) ([][][]byte, error) {
	results, err := conn.PgConn().Exec(ctx, statement).ReadAll()
	if err != nil {
		return nil, err
	}
	return lastRows(results), nil
}

func lastRows(results []*pgconn.Result) [][][]byte {
	if len(results) == 0 {
		return nil
	}
	return results[len(results)-1].Rows
}
