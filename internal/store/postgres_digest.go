package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"fullsync/internal/catalog"
)

// How products without a digest are put right. They are read without a lock; what is written is only what has not changed
// since (xmin is the transaction that wrote the row), and nothing that a batch has locked: a batch never waits for this
// longer than the one statement, and this never waits for a batch.
const (
	readDistrusted = `SELECT ` + rowColumns + `, xmin::text FROM products
		WHERE catalog = $1 AND id > $2 AND ($3 = '' OR id <= $3) AND digest IS NULL ORDER BY catalog, id LIMIT $4`
	writeProven = `UPDATE products AS p SET hash = b.hash, digest = b.digest
		FROM (SELECT free.place, b.hash, b.digest
			FROM unnest($2::text[], $3::text[], $4::text[], $5::bigint[]) AS b (id, version, hash, digest)
			CROSS JOIN LATERAL (SELECT ctid AS place FROM products WHERE catalog = $1 AND id = b.id AND digest IS NULL
				AND xmin::text = b.version FOR UPDATE SKIP LOCKED) AS free) AS b
		WHERE p.ctid = b.place`
	emptyDigests = `UPDATE products AS p SET digest = NULL, theirs = NULL, their_digest = NULL
		FROM (SELECT free.place FROM unnest($2::text[]) AS b (id)
			CROSS JOIN LATERAL (SELECT ctid AS place FROM products WHERE catalog = $1 AND id = b.id AND digest IS NOT NULL
				FOR UPDATE SKIP LOCKED) AS free) AS b
		WHERE p.ctid = b.place`
)

// heal implements [dialect].
func (d *postgres) heal(ctx context.Context, _ *Store, of stretch, limit int) (Healing, error) {
	step := Healing{Next: of.after}
	rows, err := d.read.Query(ctx, readDistrusted, of.catalog, of.after, of.through, limit)
	if err != nil {
		return step, err
	}
	var ids, versions, hashes []string
	var digests []*int64
	n := 0
	err = eachRow(nativeRows{rows}, func(scan func(into ...any) error) error {
		var version string
		r, err := scanRow(scan, &version)
		if err != nil {
			return err
		}
		n++
		if step.take(&r) {
			ids, versions = append(ids, r.ID), append(versions, version)
			hashes, digests = append(hashes, r.fresh), append(digests, digestOf(r.fresh))
		}
		return nil
	})
	if err != nil {
		return step, err
	}
	step.More = n == limit
	if len(ids) == 0 {
		return step, nil
	}
	done, err := d.control.Exec(ctx, writeProven, of.catalog, ids, versions, hashes, digests)
	step.Healed = int(done.RowsAffected())
	return step, err
}

// distrust implements [dialect].
func (d *postgres) distrust(ctx context.Context, _ *Store, catalogName string, ids []string) error {
	_, err := d.control.Exec(ctx, emptyDigests, catalogName, ids)
	return err
}

// How spans are added up, with the digest of a [view] for %s. The database does it, one span after the other along the key: a million products take less than half
// a second, two thirds of what it takes to number them and group them by that.
const (
	spanDigests = `WITH RECURSIVE spans (n, through, products, digested, sum) AS (
			SELECT 0, $2::text COLLATE "C", 0::bigint, 0::bigint, 0::numeric
		UNION ALL
			SELECT s.n + 1, next.* FROM spans AS s CROSS JOIN LATERAL (
				SELECT max(id) AS through, count(*), count(digest), sum(digest) FROM (
					SELECT id, %s AS digest FROM products WHERE catalog = $1 AND id > s.through AND ($3 = '' OR id <= $3)
					ORDER BY catalog, id LIMIT $4) AS products) AS next
			WHERE s.n < $5 AND next.through IS NOT NULL
		)
		SELECT through, products, digested, coalesce(sum, 0)::text, CASE WHEN n = $5 THEN EXISTS (
			SELECT FROM products WHERE catalog = $1 AND id > spans.through AND ($3 = '' OR id <= $3)) ELSE false END
		FROM spans WHERE n > 0`
	// The sum is of signed numbers, which modulo 2^64 is the same.
	intervalDigests = `SELECT b.n, d.* FROM unnest($2::text[], $3::text[]) WITH ORDINALITY AS b (after, through, n)
		CROSS JOIN LATERAL (SELECT count(*), count(%[1]s), coalesce(sum(%[1]s), 0)::text FROM products
			WHERE catalog = $1 AND id > b.after AND id <= b.through OFFSET 0) AS d`
)

// smallSpan is up to how many products a span is added up here: the database takes longer to begin one than to hand out its digests.
const smallSpan = 100

// digestsOf are the ids and digests of a stretch, in order.
const digestsOf = `SELECT id, %s FROM products WHERE catalog = $1 AND id > $2 AND ($3 = '' OR id <= $3) ORDER BY catalog, id LIMIT $4`

// smallSpans is spans for small ones.
func (d *postgres) smallSpans(ctx context.Context, digest string, of stretch, every, limit int) (spans []catalog.Span, more bool, err error) {
	rows, err := d.read.Query(ctx, fmt.Sprintf(digestsOf, digest), of.catalog, of.after, of.through, every*limit+1)
	if err != nil {
		return nil, false, err
	}
	m := &spanner{every: every, limit: limit}
	err = eachDigest(rows, m.add)
	return m.spans, m.more, err
}

// digests implements [dialect].
func (d *postgres) digests(ctx context.Context, _ *Store, digest, catalogName string, of []catalog.Interval, limit int) (entries []catalog.Entry, err error) {
	rows, err := d.intervalRows(ctx, "id, "+digest, catalogName, of, limit)
	if err != nil {
		return nil, err
	}
	err = eachDigest(rows, func(id string, digest *int64) error {
		entries = append(entries, shortEntry(id, digest))
		return nil
	})
	return entries, err
}

// eachDigest calls each for rows of an id and a digest, and closes them. They come a million at a time, so they are taken as they are: in
// binary form, without the driver's scanning.
func eachDigest(rows pgx.Rows, each func(id string, digest *int64) error) (err error) {
	defer rows.Close()
	for rows.Next() {
		raw := rows.RawValues()
		var digest *int64
		if raw[1] != nil {
			n := number(raw[1])
			digest = &n
		}
		if err := each(string(raw[0]), digest); err != nil {
			return ended(err)
		}
	}
	return rows.Err()
}

// spans implements [dialect].
func (d *postgres) spans(ctx context.Context, _ *Store, digest string, of stretch, every, limit int) (spans []catalog.Span, more bool, err error) {
	if every <= smallSpan {
		return d.smallSpans(ctx, digest, of, every, limit)
	}
	rows, err := d.read.Query(ctx, fmt.Sprintf(spanDigests, digest), of.catalog, of.after, of.through, every, limit)
	if err != nil {
		return nil, false, err
	}
	var s catalog.Span
	var a added
	var behind bool
	_, err = pgx.ForEachRow(rows, []any{&s.Through, &a.products, &a.digested, &a.sum, &behind}, func() (err error) {
		s.Digest, err = a.digest()
		spans, more = append(spans, s), more || behind
		return err
	})
	slices.SortFunc(spans, func(a, b catalog.Span) int { return strings.Compare(a.Through, b.Through) })
	return spans, more, err
}

// intervals implements [dialect].
func (d *postgres) intervals(ctx context.Context, _ *Store, digest, catalogName, after string, through []string) ([]catalog.Digest, error) {
	digests := make([]catalog.Digest, len(through))
	from := append([]string{after}, through[:len(through)-1]...)
	upTo := slices.Clone(through)
	last := len(upTo) - 1
	upTo[last] = cmp.Or(upTo[last], behindAllIDs)
	rows, err := d.read.Query(ctx, fmt.Sprintf(intervalDigests, digest), catalogName, from, upTo)
	if err != nil {
		return nil, err
	}
	var n int
	var a added
	_, err = pgx.ForEachRow(rows, []any{&n, &a.products, &a.digested, &a.sum}, func() (err error) {
		digests[n-1], err = a.digest()
		return err
	})
	return digests, err
}

// added is what the database added up.
type added struct {
	products, digested int64
	sum                string
}

func (a *added) digest() (catalog.Digest, error) {
	sum, ok := new(big.Int).SetString(a.sum, 10)
	if !ok {
		return catalog.Digest{}, errors.New("the sum of the digests came as no number")
	}
	d := catalog.Digest{Count: a.products, Known: a.products == a.digested}
	if d.Known {
		d.Sum = sum.And(sum, new(big.Int).SetUint64(1<<64-1)).Uint64() // And is that of two's complement: modulo 2^64
	}
	return d, nil
}
