package store

import (
	"context"
	"database/sql"
	"fmt"

	"gorm.io/gorm"

	"fullsync/internal/catalog"
)

// heal reads and writes in one transaction, which is the only writer: nothing changes in between.
func (*sqlite) heal(ctx context.Context, s *Store, of stretch, limit int) (step Healing, err error) {
	step.Next = of.after
	err = s.inTx(ctx, s.db, func(tx *gorm.DB) error {
		rows, err := within(tx.Model(&product{}), of).Where("digest IS NULL").Order("catalog, id").Limit(limit).Select(rowColumns).
			Rows() //nolint:rowserrcheck // eachRow does
		if err != nil {
			return err
		}
		n, size := 0, 0
		var proven []catalog.Entry
		err = eachRow(rows, func(scan func(into ...any) error) error {
			r, err := scanRow(scan)
			if err != nil {
				return err
			}
			n, size = n+1, size+len(r.Attributes)
			if step.take(&r) {
				proven = append(proven, catalog.Entry{ID: r.ID, Hash: r.fresh})
			}
			if size > catalog.MaxBatchBytes { // nobody else can write meanwhile
				step.More = true
				return errEnough
			}
			return nil
		})
		if err != nil && err != errEnough { //nolint:errorlint // nothing wraps it
			return err
		}
		step.More = step.More || n == limit
		for _, p := range proven {
			if err := putRight(tx, of.catalog, p.ID, p.Hash); err != nil {
				return err
			}
		}
		step.Healed = len(proven)
		return nil
	})
	return step, err
}

// distrust empties the digests of products, which is no change to them.
func (*sqlite) distrust(ctx context.Context, s *Store, catalogName string, ids []string) error {
	return s.db.WithContext(ctx).Model(&product{}).Where("catalog = ? AND id IN ?", catalogName, ids).
		UpdateColumns(map[string]any{"digest": nil, "theirs": nil, "their_digest": nil}).Error
}

// How spans are added up, one statement each, which costs next to nothing here, with the digest of a [view] for %s.
const (
	nextSpan     = "SELECT max(id), " + catalog.SumOfHalves + " FROM (SELECT id, %s AS digest FROM products WHERE catalog = ? AND id > ? ORDER BY catalog, id LIMIT ?)"
	nextSpanUpTo = "SELECT max(id), " + catalog.SumOfHalves + " FROM (SELECT id, %s AS digest FROM products WHERE catalog = ? AND id > ? AND id <= ? ORDER BY catalog, id LIMIT ?)"
	oneInterval  = "SELECT " + catalog.SumOfHalves + " FROM (SELECT %s AS digest FROM products WHERE catalog = ? AND id > ? AND id <= ?)"
	lastInterval = "SELECT " + catalog.SumOfHalves + " FROM (SELECT %s AS digest FROM products WHERE catalog = ? AND id > ?)"
)

// spans implements [dialect].
func (*sqlite) spans(ctx context.Context, s *Store, digest string, of stretch, every, limit int) (spans []catalog.Span, more bool, err error) {
	query, args := nextSpan, []any{of.catalog, of.after, every}
	if of.through != "" {
		query, args = nextSpanUpTo, []any{of.catalog, of.after, of.through, every}
	}
	err = prepared(ctx, s, fmt.Sprintf(query, digest), func(next *sql.Stmt) error {
		for {
			var through sql.NullString
			var sum catalog.Halves
			if err := next.QueryRowContext(ctx, args...).Scan(append([]any{&through}, sum.Into()...)...); err != nil {
				return err
			}
			if more = through.Valid && len(spans) == limit; more || !through.Valid {
				return nil
			}
			spans = append(spans, catalog.Span{Through: through.String, Digest: sum.Digest()})
			args[1] = through.String
			if len(spans) == limit {
				args[len(args)-1] = 1 // is there one more?
			}
		}
	})
	return spans, more, err
}

// intervals implements [dialect].
func (*sqlite) intervals(ctx context.Context, s *Store, digest, catalogName, after string, through []string) (digests []catalog.Digest, err error) {
	ask := func(in *sql.Stmt, args ...any) error {
		var sum catalog.Halves
		err := in.QueryRowContext(ctx, args...).Scan(sum.Into()...)
		digests = append(digests, sum.Digest())
		return err
	}
	err = prepared(ctx, s, fmt.Sprintf(oneInterval, digest), func(in *sql.Stmt) error {
		for _, bound := range through {
			if bound == "" {
				return prepared(ctx, s, fmt.Sprintf(lastInterval, digest), func(in *sql.Stmt) error { return ask(in, catalogName, after) })
			}
			if err := ask(in, catalogName, after, bound); err != nil {
				return err
			}
			after = bound
		}
		return nil
	})
	return digests, err
}

// digests implements [dialect].
func (*sqlite) digests(ctx context.Context, s *Store, digest, catalogName string, of []catalog.Interval, limit int) (entries []catalog.Entry, err error) {
	err = s.eachWithin(ctx, "id, "+digest, catalogName, of, limit, func(scan func(into ...any) error) error {
		var id string
		var digest *int64
		err := scan(&id, &digest)
		entries = append(entries, shortEntry(id, digest))
		return err
	})
	return entries, err
}

// prepared calls use with a statement on the connections that read.
func prepared(ctx context.Context, s *Store, query string, use func(*sql.Stmt) error) error {
	db, err := s.read.DB()
	if err != nil {
		return err
	}
	statement, err := db.PrepareContext(ctx, query)
	if err != nil {
		return err
	}
	defer statement.Close() //nolint:errcheck // it only read
	return use(statement)
}
