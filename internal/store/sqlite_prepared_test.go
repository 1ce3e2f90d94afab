package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"gorm.io/gorm"
)

func TestTheInsertOfProductsStaysPrepared(t *testing.T) {
	s, err := Open(t.Context(), Options{SQLitePath: filepath.Join(t.TempDir(), "fullsync.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // it was only read
	insert := s.db.Session(&gorm.Session{DryRun: true}).Clauses(overwrite(overwrittenColumns...)).Create(make([]product, sqliteRows)).Statement.SQL.String()
	if !strings.HasPrefix(insert, "INSERT INTO") || len(insert) > longestPrepared {
		t.Errorf("%d bytes, and at most %d are kept: %.200s", len(insert), longestPrepared, insert)
	}
}

// countedConn counts what it prepares.
type countedConn struct {
	sqliteConn
	prepared int
}

// PrepareContext implements [driver.ConnPrepareContext].
func (c *countedConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	c.prepared++
	return c.sqliteConn.PrepareContext(ctx, query)
}

// counting is a connector whose last connection can be looked at.
type counting struct {
	driver.Connector
	conn *preparedConn
}

// Connect implements [driver.Connector].
func (c *counting) Connect(ctx context.Context) (driver.Conn, error) {
	opened, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	c.conn = opened.(*preparedConn)
	c.conn.sqliteConn = &countedConn{sqliteConn: c.conn.sqliteConn}
	return c.conn, nil
}

// prepared returns how many statements were prepared so far.
func (c *counting) prepared() int { return c.conn.sqliteConn.(*countedConn).prepared }

// oneConnection opens the only connection to a new file with a table of three products.
func oneConnection(t *testing.T) (*sql.DB, *counting, string) {
	t.Helper()
	dsn := "file:" + filepath.Join(t.TempDir(), "fullsync.db") + "?" + sqlitePragmas
	connector, err := newSQLiteConnector(dsn)
	if err != nil {
		t.Fatal(err)
	}
	c := &counting{Connector: connector}
	db := sql.OpenDB(c)
	db.SetMaxOpenConns(1)
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	run(t, db, "CREATE TABLE products (id integer PRIMARY KEY, name text)")
	run(t, db, "INSERT INTO products VALUES (1, 'one'), (2, 'two'), (3, 'three')")
	return db, c, dsn
}

type querier interface {
	ExecContext(ctx context.Context, query string, values ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, values ...any) (*sql.Rows, error)
}

func run(t *testing.T, db querier, query string, values ...any) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), query, values...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// all returns every row, with its columns beside each other.
func all(t *testing.T, db querier, query string, values ...any) string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query, values...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err below is what counts
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for rows.Next() {
		row, into := make([]sql.NullString, len(columns)), make([]any, len(columns))
		for i := range row {
			into[i] = &row[i]
		}
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		line := make([]string, len(row))
		for i := range row {
			line[i] = row[i].String
		}
		lines = append(lines, strings.Join(line, " "))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return strings.Join(lines, ", ")
}

func expect(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

const above = "SELECT id FROM products WHERE id > ? ORDER BY id"

func TestSQLitePreparesAStatementOnce(t *testing.T) {
	t.Parallel()
	db, c, _ := oneConnection(t)
	before := c.prepared()
	for i, want := range []string{"1, 2, 3", "2, 3", "3", ""} {
		expect(t, "a query", all(t, db, above, i), want)
		run(t, db, "UPDATE products SET name = ? WHERE id = ?", fmt.Sprint("name ", i), i)
		expect(t, "a query with a name", all(t, db, "-- name: Above\n-- of a number\nSELECT\n\tid FROM products WHERE id > ?", i), want)
	}
	expect(t, "the updates", all(t, db, "SELECT name FROM products"), "name 1, name 2, name 3")
	if n := c.prepared() - before; n != 4 {
		t.Errorf("%d statements were prepared, want 4", n)
	}
}

func TestSQLiteRunsAStatementInTheRowsOfItself(t *testing.T) {
	t.Parallel()
	db, _, _ := oneConnection(t)
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback() //nolint:errcheck // it only reads
	rows, err := tx.QueryContext(t.Context(), above, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err below is what counts
	for _, want := range []string{"2, 3", "3", ""} {
		var id int
		if !rows.Next() {
			t.Fatal("the outer rows end early")
		}
		if err := rows.Scan(&id); err != nil {
			t.Fatal(err)
		}
		expect(t, "the inner rows", all(t, tx, above, id), want)
	}
	if rows.Next() || rows.Err() != nil {
		t.Errorf("the outer rows go on, or %v", rows.Err())
	}
}

func TestSQLiteSeesTheColumnsThatAnotherProcessAdds(t *testing.T) {
	t.Parallel()
	db, _, dsn := oneConnection(t)
	const query, insert = "SELECT * FROM products WHERE id = 3", "INSERT INTO products (id) VALUES (?)"
	expect(t, "before", all(t, db, query), "3 three")
	run(t, db, insert, 4)
	other, err := sql.Open("sqlite", dsn)
	if err != nil {
		t.Fatal(err)
	}
	run(t, other, "ALTER TABLE products ADD COLUMN price text DEFAULT '5.00'")
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	expect(t, "after", all(t, db, query), "3 three 5.00")
	run(t, db, insert, 5)
	expect(t, "what was inserted", all(t, db, "SELECT price FROM products WHERE id > 3"), "5.00, 5.00")
}

func TestSQLiteKeepsAFewStatements(t *testing.T) {
	t.Parallel()
	db, c, _ := oneConnection(t)
	for i := range 2 * maxPrepared {
		expect(t, "a new text", all(t, db, fmt.Sprintf("SELECT %d", i)), fmt.Sprint(i))
		expect(t, "one that is used all the time", all(t, db, above, 2), "3")
	}
	run(t, db, "INSERT INTO products (id) VALUES "+strings.Repeat("(NULL), ", longestPrepared/8)+"(NULL)")
	if len(c.conn.idle) != maxPrepared {
		t.Errorf("%d statements are kept, want %d", len(c.conn.idle), maxPrepared)
	}
	if c.conn.idle[above] == nil {
		t.Error("the statement that is used all the time is not kept")
	}
	for query := range c.conn.idle {
		if len(query) > longestPrepared {
			t.Errorf("a statement of %d bytes is kept", len(query))
		}
	}
}

func TestSQLiteStatementWorksAfterAnError(t *testing.T) {
	t.Parallel()
	db, _, _ := oneConnection(t)
	const insert = "INSERT INTO products VALUES (?, ?) RETURNING id"
	for i := range 3 {
		if _, err := db.ExecContext(t.Context(), insert, 1, "twice"); err == nil {
			t.Error("the same id was taken twice")
		}
		expect(t, "the next insert", all(t, db, insert, 10+i, "new"), fmt.Sprint(10+i))
		stopInTheMiddle(t, db)
		expect(t, "the next query", all(t, db, above, 2), []string{"3, 10", "3, 10, 11", "3, 10, 11, 12"}[i])
	}
}

// stopInTheMiddle ends the context of a query between two of its rows.
func stopInTheMiddle(t *testing.T, db *sql.DB) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	rows, err := db.QueryContext(ctx, above, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close() //nolint:errcheck // it may be told that the context ended
	if !rows.Next() || rows.Err() != nil {
		t.Fatalf("no rows, %v", rows.Err())
	}
	stop()
}

// A PRAGMA acts when it is prepared, so one that is kept would do nothing the second time.
func TestSQLiteRunsEveryPragma(t *testing.T) {
	t.Parallel()
	db, _, _ := oneConnection(t)
	for range 2 {
		for _, want := range []string{"0", "1"} {
			run(t, db, "PRAGMA foreign_keys = "+want)
			expect(t, "foreign_keys", all(t, db, "PRAGMA foreign_keys"), want)
		}
	}
}
