package store_test

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"fullsync/internal/fault"
	"fullsync/internal/postgrestest"
	"fullsync/internal/store"
)

// foreign are settings that a database may have for its other clients. Every one of them breaks something here.
const foreign = `
	ALTER DATABASE %[1]s SET client_encoding = 'LATIN1';
	ALTER DATABASE %[1]s SET standard_conforming_strings = off;
	ALTER DATABASE %[1]s SET bytea_output = 'escape';
	ALTER DATABASE %[1]s SET DateStyle = 'SQL, DMY';
	ALTER DATABASE %[1]s SET IntervalStyle = 'iso_8601';
	ALTER DATABASE %[1]s SET TimeZone = 'Asia/Tokyo';
	ALTER DATABASE %[1]s SET extra_float_digits = 0;
	ALTER DATABASE %[1]s SET default_transaction_isolation = 'serializable';
	ALTER DATABASE %[1]s SET statement_timeout = '20s';
	ALTER DATABASE %[1]s SET lock_timeout = '1ms';
	ALTER DATABASE %[1]s SET synchronous_commit = off;
	ALTER DATABASE %[1]s SET session_replication_role = 'replica'`

// held is what must hold on a connection all the same.
func held() map[string]string {
	return map[string]string{
		"client_encoding": "UTF8", "standard_conforming_strings": "on", "bytea_output": "hex", "DateStyle": "ISO, MDY",
		"IntervalStyle": "postgres", "TimeZone": "UTC", "extra_float_digits": "1",
		"default_transaction_isolation": "read committed", "statement_timeout": "0", "session_replication_role": "origin",
	}
}

// TestSettingsOfTheDatabaseDoNotReachUs: whatever the database or its role set for their sessions, every connection has the
// settings that fullsync relies on, and letters arrive as they were sent.
func TestSettingsOfTheDatabaseDoNotReachUs(t *testing.T) {
	t.Parallel()
	address := postgrestest.NewDatabase(t)
	direct := connect(t, address)
	if _, err := direct.Exec(t.Context(), fmt.Sprintf(foreign, databaseOf(t, address))); err != nil {
		t.Fatal(err)
	}
	s := openStore(t, store.Options{URL: address})
	migrate(t, s)
	row := transferring(t, s, "s-1")
	const name = "ÉCLAIR – Größe 7½, 日本"
	if err := s.CommitBatch(t.Context(), &row, batch(t, 0, 3, name)); err != nil {
		t.Fatal(err)
	}
	var stored string
	var bytes, transitions int
	if _, err := direct.Exec(t.Context(), "SET client_encoding = 'UTF8'"); err != nil {
		t.Fatal(err)
	}
	err := direct.QueryRow(t.Context(), "SELECT name, octet_length(name) FROM products LIMIT 1").Scan(&stored, &bytes)
	if err != nil || stored != name || bytes != len(name) {
		t.Errorf("%q was stored as %q in %d bytes, %v", name, stored, bytes, err)
	}
	err = direct.QueryRow(t.Context(), "SELECT count(*) FROM sync_transitions").Scan(&transitions)
	if err != nil || transitions == 0 {
		t.Errorf("triggers wrote %d transitions, %v", transitions, err)
	}
	for pool, settings := range s.Settings(t.Context(), t) {
		for name, want := range held() {
			if got := settings[name]; got != want {
				t.Errorf("%s connections have %s = %q, want %q", pool, name, got, want)
			}
		}
	}
	control := s.Settings(t.Context(), t)["control"]
	if control["synchronous_commit"] != "on" || control["lock_timeout"] != "5s" || control["idle_in_transaction_session_timeout"] != "1s" {
		t.Errorf("control connections have %v", control)
	}
}

// TestUnfitDatabasesAreRefused opens databases that cannot work.
func TestUnfitDatabasesAreRefused(t *testing.T) {
	t.Parallel()
	for _, encoding := range []string{"LATIN1", "SQL_ASCII", "EUC_JP"} {
		t.Run(encoding, func(t *testing.T) {
			t.Parallel()
			address := encoded(t, encoding)
			refused(t, store.Options{URL: address}, "DATABASE_ENCODING", encoding, "createdb --encoding UTF8")
		})
	}
}

// TestDatabasesThatTakeNoChangesAreRefused migrates databases that may not be written.
func TestDatabasesThatTakeNoChangesAreRefused(t *testing.T) {
	t.Parallel()
	t.Run("read-only", func(t *testing.T) {
		t.Parallel()
		address := postgrestest.NewDatabase(t)
		run(t, address, "ALTER DATABASE "+databaseOf(t, address)+" SET default_transaction_read_only = on")
		s := openStore(t, store.Options{URL: address})
		sentence(t, s.Migrate(t.Context(), engineOf(s).Migrate, nil), "DATABASE_READ_ONLY", "read-only", "primary")
		sentence(t, s.Ready(t.Context()), "DATABASE_READ_ONLY", "read-only")
		if err := s.Answers(t.Context()); err != nil {
			t.Errorf("a database that is read-only answers: %v", err)
		}
	})
	t.Run("no rights", func(t *testing.T) {
		t.Parallel()
		address := postgrestest.NewDatabase(t)
		role := databaseOf(t, address) + "_guest"
		run(t, address, "REVOKE CREATE ON SCHEMA public FROM PUBLIC; CREATE ROLE "+role+" LOGIN")
		t.Cleanup(func() { run(t, address, "DROP ROLE "+role) })
		s, err := store.Open(t.Context(), store.Options{URL: as(t, address, role)})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close() //nolint:errcheck // nothing was written
		sentence(t, s.Migrate(t.Context(), engineOf(s).Migrate, nil), "DATABASE_DENIED", "may not create", "owner")
	})
	t.Run("no schema", func(t *testing.T) {
		t.Parallel()
		address := postgrestest.NewDatabase(t)
		run(t, address, "DROP SCHEMA public")
		s := openStore(t, store.Options{URL: address})
		sentence(t, s.Migrate(t.Context(), engineOf(s).Migrate, nil), "DATABASE_DENIED", "may not create", "owner")
	})
}

// refused fails the test unless the database is refused in a sentence with these words.
func refused(t *testing.T, opt store.Options, code string, words ...string) {
	t.Helper()
	s, err := store.Open(context.Background(), opt)
	if err == nil {
		_ = s.Close()
	}
	sentence(t, err, code, words...)
}

// sentence fails the test unless err is a fault of that code whose sentence has these words, and nothing that is not for people.
func sentence(t *testing.T, err error, code string, words ...string) {
	t.Helper()
	text := fault.Sentence(err, "")
	if fault.CodeOf(err) != code || text == "" {
		t.Errorf("got %q, %v; want %s", fault.CodeOf(err), err, code)
	}
	for _, word := range words {
		if !strings.Contains(text, word) {
			t.Errorf("%q does not say %q", text, word)
		}
	}
	for _, inside := range []string{"SELECT", "SQLSTATE", "pgx", "/dev/shm", "postgres://"} {
		if strings.Contains(text, inside) {
			t.Errorf("%q shows %q", text, inside)
		}
	}
}

// encoded returns the URL of a new database of an encoding.
func encoded(t *testing.T, encoding string) string {
	t.Helper()
	address := postgrestest.NewDatabase(t)
	name := databaseOf(t, address) + "_" + strings.ToLower(encoding)
	template := "TEMPLATE template0 LOCALE 'C'"
	if connect(t, address).PgConn().ParameterStatus("server_version") >= "15" {
		template += " LOCALE_PROVIDER libc"
	}
	run(t, address, fmt.Sprintf("CREATE DATABASE %s ENCODING '%s' %s", name, encoding, template))
	t.Cleanup(func() { run(t, address, "DROP DATABASE "+name+" WITH (FORCE)") })
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + name
	return u.String()
}

// as returns the URL with another role.
func as(t *testing.T, address, role string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.User(role)
	return u.String()
}

func databaseOf(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimPrefix(u.Path, "/")
}

// connect opens a connection past the store, closed at the test's end.
func connect(t *testing.T, address string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// run runs statements past the store, on a connection of its own.
func run(t *testing.T, address, statements string) {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background()) //nolint:errcheck // what counts is below
	if _, err := conn.Exec(context.Background(), statements); err != nil {
		t.Fatalf("%s: %v", statements, err)
	}
}
