package staging

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"fullsync/internal/catalog"
	"fullsync/internal/transfer"
)

// refusedHash is the hash of a record that was refused. It equals none, and no digest is made of it.
const refusedHash = "0:refused"

// Total is how many records count: one for each id, and every refusal.
func (f *File) Total() int64 { return f.listed + f.loose }

// Loose returns up to limit refusals behind the first skip ones that have no place among the ids: they have no id, or another record with the same id
// counts.
func (f *File) Loose(ctx context.Context, skip int64, limit int) (rejects []catalog.Reject, err error) {
	if f.loose == 0 {
		return nil, nil
	}
	err = f.each(ctx, func(scan func(...any) error) error {
		var r catalog.Reject
		err := scan(&r.ID, &r.Reason)
		rejects = append(rejects, r)
		return err
	}, "SELECT id, CAST(reason AS TEXT) FROM loose WHERE n > ? ORDER BY n LIMIT ?", skip, limit)
	return rejects, err
}

// Describe implements [transfer.Source].
func (f *File) Describe(context.Context) (transfer.Description, error) {
	return transfer.Description{NodeID: f.nodeID, Total: f.Total()}, nil
}

// Introduce implements [transfer.Introducer].
func (f *File) Introduce(ctx context.Context) (transfer.Description, error) { return f.Describe(ctx) }

// Read implements [transfer.Source]. It leaves out what is loose.
func (f *File) Read(ctx context.Context, after string, limit int) (transfer.Page, error) {
	return f.ReadSpan(ctx, after, "", limit)
}

const (
	nextSpan = "SELECT max(id), " + catalog.SumOfHalves + " FROM (SELECT id, digest FROM records WHERE id > ? AND id <= ? ORDER BY id LIMIT ?)"
	interval = "SELECT " + catalog.SumOfHalves + " FROM records WHERE id > ? AND id <= ?"
)

// last is a text that no id comes after: no UTF-8 begins with this byte.
const last = "\xff"

// bound is the upper bound of an interval as the database compares it.
func bound(through string) string {
	if through == "" {
		return last
	}
	return through
}

// Spans implements [transfer.Side].
func (f *File) Spans(ctx context.Context, after, through string, every, limit int) (page transfer.SpanPage, err error) {
	total := f.Total()
	page.Next, page.Total, page.More = after, &total, true
	for len(page.Spans) < limit {
		var last sql.NullString
		var h catalog.Halves
		row := f.db.QueryRowContext(ctx, nextSpan, page.Next, bound(through), every)
		if err := row.Scan(append([]any{&last}, h.Into()...)...); err != nil {
			return page, err
		}
		if h.Count > 0 {
			page.Spans = append(page.Spans, catalog.Span{Through: last.String, Digest: h.Digest()})
			page.Next = last.String
		}
		if h.Count < int64(every) {
			page.More = false
			break
		}
	}
	return page, nil
}

// Digests implements [transfer.Side].
func (f *File) Digests(ctx context.Context, after string, through []string) ([]catalog.Digest, error) {
	digests := make([]catalog.Digest, len(through))
	statement, err := f.db.PrepareContext(ctx, interval)
	if err != nil {
		return nil, err
	}
	defer statement.Close() //nolint:errcheck // it was only read
	for i, to := range through {
		var h catalog.Halves
		if err := statement.QueryRowContext(ctx, after, bound(to)).Scan(h.Into()...); err != nil {
			return nil, err
		}
		digests[i], after = h.Digest(), to
	}
	return digests, nil
}

// State returns a text that stands for all records. It changes with them, but not with their order, nor with the reasons of refusals.
func (f *File) State(ctx context.Context) (string, error) {
	var h catalog.Halves
	err := f.db.QueryRowContext(ctx, interval+" AND digest IS NOT NULL", "", last).Scan(h.Into()...)
	products := h.Digest()
	return fmt.Sprintf("%d:%016x:%d", products.Count, products.Sum, f.Total()-products.Count), err
}

// Entries implements [transfer.Side], with short hashes.
func (f *File) Entries(ctx context.Context, of []catalog.Interval) (entries []catalog.Entry, err error) {
	for _, in := range of {
		err = f.each(ctx, func(scan func(...any) error) error {
			e, err := scanEntry(scan)
			entries = append(entries, e)
			return err
		}, "SELECT id, digest FROM records WHERE id > ? AND id <= ? ORDER BY id", in.After, bound(in.Through))
		if err != nil {
			return nil, err
		}
	}
	return entries, nil
}

func scanEntry(scan func(...any) error) (e catalog.Entry, err error) {
	var digest sql.NullInt64
	err = scan(&e.ID, &digest)
	if e.Hash = refusedHash; digest.Valid {
		e.Hash = catalog.ShortOf(uint64(digest.Int64)) //nolint:gosec // the same 64 bits
	}
	return e, err
}

// Hashes implements [transfer.Comparer]. Unlike entries, these hashes are whole.
func (f *File) Hashes(ctx context.Context, after string, limit int) (page transfer.HashPage, err error) {
	products, err := f.ReadSpan(ctx, after, "", limit)
	total := f.Total()
	page.Next, page.More, page.Total = products.Next, products.More, &total
	for _, p := range products.Products {
		page.Entries = append(page.Entries, catalog.Entry{ID: p.ID, Hash: p.Hash})
	}
	return page, err
}

// columns are what [pager.add] reads.
const columns = "SELECT id, digest IS NULL, CAST(body AS TEXT) FROM records "

// ReadSpan implements [transfer.SpanReader].
func (f *File) ReadSpan(ctx context.Context, after, through string, limit int) (transfer.Page, error) {
	return f.page(ctx, after, limit, columns+"WHERE id > ? AND id <= ? ORDER BY id LIMIT ?", after, bound(through), limit+1)
}

// ReadProducts implements [transfer.SpanReader].
func (f *File) ReadProducts(ctx context.Context, ids []string) (transfer.Page, error) {
	list, err := json.Marshal(ids)
	if err != nil {
		return transfer.Page{}, err
	}
	return f.page(ctx, "", math.MaxInt, columns+"WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id", string(list))
}

// page reads up to limit records, and about 4 MiB.
func (f *File) page(ctx context.Context, after string, limit int, query string, values ...any) (page transfer.Page, err error) {
	total := f.Total()
	page.Next, page.Total = after, &total
	n := 0
	err = f.each(ctx, func(scan func(...any) error) error {
		if n == limit || page.Bytes > catalog.MaxBatchBytes {
			page.More = true
			return errEnough
		}
		n++
		var id, body string
		var refused bool
		if err := scan(&id, &refused, &body); err != nil {
			return err
		}
		page.Next = id
		if refused {
			page.Rejects = append(page.Rejects, catalog.Reject{ID: id, Reason: strings.ToValidUTF8(body, "\uFFFD")})
			return nil
		}
		page.Bytes += int64(len(id) + len(body))
		p, err := parseBody(id, body)
		page.Products = append(page.Products, p)
		return err
	}, query, values...)
	return page, err
}

// each calls do for every row of a query, until it returns an error. errEnough is none.
func (f *File) each(ctx context.Context, do func(scan func(...any) error) error, query string, values ...any) error {
	rows, err := f.db.QueryContext(ctx, query, values...)
	if err != nil {
		return err
	}
	defer rows.Close() //nolint:errcheck // rows.Err is what counts
	for rows.Next() {
		if err := do(rows.Scan); err != nil {
			if err == errEnough { //nolint:errorlint // nothing wraps it
				return nil
			}
			return err
		}
	}
	return rows.Err()
}
