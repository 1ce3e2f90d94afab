package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"

	sqlitedriver "modernc.org/sqlite"
)

const (
	// maxPrepared is how many statements each connection keeps prepared. They take a few megabytes in all.
	maxPrepared = 64
	// longestPrepared leaves out statements of many values, which take much memory and are seldom repeated.
	longestPrepared = 4 << 10
)

// sqliteConnector opens connections that keep their statements prepared. SQLite takes longer to parse most of our statements than to
// run them.
type sqliteConnector struct{ driver.Connector }

func newSQLiteConnector(dsn string) (driver.Connector, error) {
	c, err := sqlitedriver.NewConnector(dsn)
	return sqliteConnector{c}, err
}

// Connect implements [driver.Connector].
func (c sqliteConnector) Connect(ctx context.Context) (driver.Conn, error) {
	opened, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	conn, ok := opened.(sqliteConn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("SQLite's driver opened a %T, which lacks methods", opened), opened.Close())
	}
	return &preparedConn{sqliteConn: conn, idle: map[string]*preparedStmt{}}, nil
}

// sqliteConn is what every connection of SQLite's driver can do.
type sqliteConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// preparedConn is a connection that keeps its statements prepared. database/sql lets only one goroutine at a time use it. SQLite itself
// prepares a statement anew after a change of the tables.
type preparedConn struct {
	sqliteConn
	// idle are the statements that nothing uses right now, by their text.
	idle map[string]*preparedStmt
	// uses counts up, to find the statement that was not used for longest.
	uses int64
}

// sqliteStmt is what every statement of SQLite's driver can do.
type sqliteStmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

type preparedStmt struct {
	sqliteStmt
	query string
	used  int64
}

// Unwrap is where the driver looks for its connection.
func (c *preparedConn) Unwrap() driver.Conn { return c.sqliteConn }

// ExecContext implements [driver.ExecerContext].
func (c *preparedConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if !worthKeeping(query) {
		return c.sqliteConn.ExecContext(ctx, query, args)
	}
	s, err := c.take(ctx, query)
	if err != nil {
		return nil, err
	}
	result, err := s.ExecContext(ctx, args)
	if err != nil {
		_ = s.Close() // it reports the same error again
		return nil, err
	}
	return result, c.giveBack(s)
}

// QueryContext implements [driver.QueryerContext].
func (c *preparedConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if !worthKeeping(query) {
		return c.sqliteConn.QueryContext(ctx, query, args)
	}
	s, err := c.take(ctx, query)
	if err != nil {
		return nil, err
	}
	rows, err := s.QueryContext(ctx, args)
	if err != nil {
		_ = s.Close() // as above
		return nil, err
	}
	all, ok := rows.(typedRows)
	if !ok {
		return nil, errors.Join(fmt.Errorf("SQLite's driver returned a %T, which lacks methods", rows), rows.Close(), s.Close())
	}
	return &preparedRows{typedRows: all, conn: c, stmt: s}, nil
}

// Close closes the statements and the connection.
func (c *preparedConn) Close() error {
	var errs []error
	for _, s := range c.idle {
		errs = append(errs, s.Close())
	}
	c.idle = nil
	return errors.Join(append(errs, c.sqliteConn.Close())...)
}

// worthKeeping leaves out what is rare, and PRAGMA, which may act when it is prepared.
func worthKeeping(query string) bool {
	if len(query) > longestPrepared {
		return false
	}
	const space = " \t\n"
	query = strings.TrimLeft(query, space)
	for strings.HasPrefix(query, "--") { // the job engine writes the names of its statements before them
		_, rest, _ := strings.Cut(query, "\n")
		query = strings.TrimLeft(rest, space)
	}
	verb := query
	if end := strings.IndexAny(query, space); end >= 0 {
		verb = query[:end]
	}
	switch verb {
	case "SELECT", "INSERT", "UPDATE", "DELETE", "WITH":
		return true
	}
	return false
}

// take returns a statement that nothing else uses: the same text may run twice at once on one connection, one in the rows of the other.
func (c *preparedConn) take(ctx context.Context, query string) (*preparedStmt, error) {
	if s := c.idle[query]; s != nil {
		delete(c.idle, query)
		return s, nil
	}
	made, err := c.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	s, ok := made.(sqliteStmt)
	if !ok {
		return nil, errors.Join(fmt.Errorf("SQLite's driver prepared a %T, which lacks methods", made), made.Close())
	}
	return &preparedStmt{sqliteStmt: s, query: query}, nil
}

// giveBack keeps a statement for the next time.
func (c *preparedConn) giveBack(s *preparedStmt) error {
	if c.idle == nil || c.idle[s.query] != nil { // closed, or the same text ran twice at once
		return s.Close()
	}
	c.uses++
	s.used = c.uses
	c.idle[s.query] = s
	if len(c.idle) <= maxPrepared {
		return nil
	}
	oldest := s
	for _, other := range c.idle {
		if other.used < oldest.used {
			oldest = other
		}
	}
	delete(c.idle, oldest.query)
	return oldest.Close()
}

// typedRows is what all rows of SQLite's driver can do.
type typedRows interface {
	driver.Rows
	driver.RowsColumnTypeDatabaseTypeName
	driver.RowsColumnTypeLength
	driver.RowsColumnTypeNullable
	driver.RowsColumnTypePrecisionScale
	driver.RowsColumnTypeScanType
}

// preparedRows gives the statement back when the rows are closed.
type preparedRows struct {
	typedRows
	conn *preparedConn
	stmt *preparedStmt
}

// Close implements [driver.Rows].
func (r *preparedRows) Close() error {
	if err := r.typedRows.Close(); err != nil {
		_ = r.stmt.Close() // as above
		return err
	}
	return r.conn.giveBack(r.stmt)
}
