package staging

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"strings"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"fullsync/internal/catalog"
	"fullsync/internal/duplicate"
	"fullsync/internal/transfer"
)

// File is a feed in a temporary file, sorted by id: a source, and a side like any other. Of several products with the same id, the last one counts. It is
// safe for concurrent use.
type File struct {
	room *room
	db   *sql.DB
	// nodeID is what the file calls itself as a source.
	nodeID string
	// listed is how many ids it has, loose how many refusals without a place among them.
	listed, loose int64
	duplicates    string
}

// Compile-time proof of what a File is.
var (
	_ transfer.Lister     = (*File)(nil)
	_ transfer.Introducer = (*File)(nil)
	_ transfer.Side       = (*File)(nil)
	_ transfer.SpanReader = (*File)(nil)
)

// A product has a digest; a record that was refused has none, and its reason is the body. Refusals that have no id, or the id of another record, are
// loose.
const schema = `CREATE TABLE records (seq INTEGER PRIMARY KEY, id TEXT NOT NULL, line INTEGER NOT NULL, digest INTEGER, body BLOB NOT NULL);
	CREATE TABLE loose (n INTEGER PRIMARY KEY, id TEXT NOT NULL, reason TEXT NOT NULL)`

const (
	pageBytes = 4096
	// cacheKB is the memory of each connection, in KiB.
	cacheKB = 8 << 10
	readers = 4
	// perInsert is how many records one statement inserts.
	perInsert = 16
)

// Stage reads everything into a temporary file. The errors are those of from, that of ctx, and Impossible where there is no room. The caller closes the
// file.
func (a Area) Stage(ctx context.Context, nodeID string, from Records) (_ *File, err error) {
	room, err := a.room()
	if err != nil {
		return nil, err
	}
	f := &File{room: room, nodeID: nodeID}
	defer func() {
		if err != nil {
			_ = f.Close()
		}
	}()
	if err := f.open(ctx, a.Limit); err != nil {
		return nil, err
	}
	if err := f.fill(ctx, from); err != nil {
		return nil, err
	}
	if err := f.sort(ctx); err != nil {
		return nil, because(ctx, explain(err))
	}
	f.db.SetMaxOpenConns(readers)
	f.db.SetMaxIdleConns(readers)
	return f, nil
}

func (f *File) open(ctx context.Context, limit int64) (err error) {
	// Nothing is to survive a crash, so nothing is synchronised and there is no journal.
	pragmas := fmt.Sprintf("_pragma=page_size(%d)&_pragma=journal_mode(OFF)&_pragma=synchronous(OFF)&_pragma=cache_size(-%d)", pageBytes, cacheKB)
	if limit > 0 {
		pragmas += fmt.Sprintf("&_pragma=max_page_count(%d)", max(1, limit/pageBytes))
	}
	path := (&url.URL{Path: filepath.Join(f.room.dir, fileName)}).EscapedPath()
	if f.db, err = sql.Open("sqlite", (&url.URL{Scheme: "file", Opaque: path, RawQuery: pragmas}).String()); err != nil {
		return err
	}
	f.db.SetMaxOpenConns(1)
	_, err = f.db.ExecContext(ctx, schema)
	return because(ctx, explain(err))
}

// fill inserts the records as they come.
func (f *File) fill(ctx context.Context, from Records) error {
	tx, err := f.db.BeginTx(ctx, nil)
	if err != nil {
		return explain(err)
	}
	defer tx.Rollback() //nolint:errcheck // after an error there is nothing to save
	in, err := newInserter(ctx, tx)
	if err != nil {
		return explain(err)
	}
	parts, stop := ahead(from)
	defer stop()
	for part := range parts {
		for _, r := range part.records {
			if err := in.add(ctx, r); err != nil {
				return because(ctx, explain(err))
			}
		}
		if part.err != nil {
			return because(ctx, part.err)
		}
	}
	if err := in.flush(ctx); err != nil {
		return because(ctx, explain(err))
	}
	f.loose = in.loose
	return explain(tx.Commit())
}

// part is some records, and what ended them, nil for the end.
type part struct {
	records []catalog.Record
	err     error
}

// perPart is how many records are read ahead at once.
const perPart = 500

// ahead reads records in the background, so that reading and writing have a processor each. stop waits for the reading to end.
func ahead(from Records) (parts <-chan part, stop func()) {
	out, quit := make(chan part, 1), make(chan struct{})
	go func() {
		defer close(out)
		for more := true; more; {
			p := part{records: make([]catalog.Record, 0, perPart)}
			for len(p.records) < perPart && more {
				r, err := from.Next()
				if more = err == nil; more {
					p.records = append(p.records, r)
				} else if !errors.Is(err, io.EOF) {
					p.err = err
				}
			}
			select {
			case out <- p:
			case <-quit:
				return
			}
		}
	}()
	return out, func() {
		close(quit)
		for range out { // draining is how we wait for the reading to end
		}
	}
}

// because is why ctx has ended, or else err.
func because(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// inserter inserts records, several with one statement.
type inserter struct {
	many, one, refuse *sql.Stmt
	rows              []any
	bodies            []byte
	loose             int64
}

const insertOne = "(?, ?, ?, ?)"

func newInserter(ctx context.Context, tx *sql.Tx) (in *inserter, err error) {
	const into = "INSERT INTO records (id, line, digest, body) VALUES "
	in = &inserter{}
	if in.many, err = tx.PrepareContext(ctx, into+strings.Repeat(insertOne+", ", perInsert-1)+insertOne); err != nil {
		return nil, err
	}
	if in.one, err = tx.PrepareContext(ctx, into+insertOne); err != nil {
		return nil, err
	}
	in.refuse, err = tx.PrepareContext(ctx, "INSERT INTO loose (id, reason) VALUES (?, ?)")
	return in, err
}

const insertedColumns = 4

func (in *inserter) add(ctx context.Context, r catalog.Record) error {
	if r.Reject != nil {
		reject := refusal(&r)
		if reject.ID == "" {
			in.loose++
			_, err := in.refuse.ExecContext(ctx, reject.ID, reject.Reason)
			return err
		}
		in.rows = append(in.rows, reject.ID, r.Line, nil, []byte(reject.Reason))
	} else {
		digest, ok := catalog.DigestOf(r.Product.Hash)
		if !ok {
			return errDamaged
		}
		start := len(in.bodies)
		in.bodies = appendBody(in.bodies, &r.Product)
		in.rows = append(in.rows, r.Product.ID, r.Line, int64(digest), in.bodies[start:len(in.bodies):len(in.bodies)]) //nolint:gosec // the same 64 bits
	}
	if len(in.rows) < perInsert*insertedColumns {
		return nil
	}
	_, err := in.many.ExecContext(ctx, in.rows...)
	in.rows, in.bodies = in.rows[:0], in.bodies[:0]
	return err
}

func (in *inserter) flush(ctx context.Context) error {
	for i := 0; i < len(in.rows); i += insertedColumns {
		if _, err := in.one.ExecContext(ctx, in.rows[i:i+insertedColumns]...); err != nil {
			return err
		}
	}
	return nil
}

// sort makes the index in which the ids are in order, and leaves one record of each.
func (f *File) sort(ctx context.Context) error {
	if _, err := f.db.ExecContext(ctx, "CREATE INDEX by_id ON records (id, line, digest)"); err != nil {
		return err
	}
	var names duplicate.Tally
	for after, more := "", true; more; {
		ids, err := f.severals(ctx, after)
		if err != nil {
			return err
		}
		for _, id := range ids {
			if err := f.settle(ctx, id, &names); err != nil {
				return err
			}
			after = id
		}
		more = len(ids) > 0
	}
	f.duplicates = names.String()
	return f.db.QueryRowContext(ctx, "SELECT (SELECT count(*) FROM records), (SELECT count(*) FROM loose)").Scan(&f.listed, &f.loose)
}

// severals returns some ids that several records have, in order.
func (f *File) severals(ctx context.Context, after string) (ids []string, err error) {
	rows, err := f.db.QueryContext(ctx, "SELECT id FROM records WHERE id > ? GROUP BY id HAVING count(*) > 1 ORDER BY id LIMIT 1000", after)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // rows.Err is what counts
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}

// settle leaves the last product with an id, or the last refusal where there is no product.
func (f *File) settle(ctx context.Context, id string, names *duplicate.Tally) error {
	rows, err := f.db.QueryContext(ctx, "SELECT line FROM records WHERE id = ? AND digest IS NOT NULL ORDER BY line, seq", id)
	if err != nil {
		return err
	}
	defer rows.Close() //nolint:errcheck // rows.Err is what counts
	for rows.Next() {
		var line int
		if err := rows.Scan(&line); err != nil {
			return err
		}
		names.Add(id, line)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return err
	}
	for _, statement := range []string{
		"DELETE FROM records WHERE id = ?1 AND digest IS NOT NULL AND seq <> (SELECT max(seq) FROM records WHERE id = ?1 AND digest IS NOT NULL)",
		"INSERT INTO loose (id, reason) SELECT id, body FROM records WHERE " + shadowed + " ORDER BY seq",
		"DELETE FROM records WHERE " + shadowed,
	} {
		if _, err := f.db.ExecContext(ctx, statement, id); err != nil {
			return err
		}
	}
	return nil
}

// shadowed selects the refusals of an id that another record stands for.
const shadowed = `id = ?1 AND digest IS NULL AND seq <> coalesce((SELECT max(seq) FROM records WHERE id = ?1 AND digest IS NOT NULL),
	(SELECT max(seq) FROM records WHERE id = ?1))`

// Duplicates says which ids several products had, as in "1 duplicate id: d-1 (lines 1 and 3); the last line counts". It is empty if none did.
func (f *File) Duplicates() string { return f.duplicates }

// Close removes the file. It is safe to call twice.
func (f *File) Close() error {
	var err error
	if f.db != nil {
		err = f.db.Close()
	}
	f.room.leave()
	return err
}

// explain turns the errors of a file that does not fit into faults.
func explain(err error) error {
	var e *sqlite.Error
	if errors.As(err, &e) && (e.Code()&0xff == sqlite3.SQLITE_FULL || e.Code()&0xff == sqlite3.SQLITE_IOERR) {
		return full(err)
	}
	return err
}
