package store

import (
	"context"
	"errors"
	"math"
	"slices"

	"fullsync/internal/catalog"
	"fullsync/internal/transfer"
)

// Compile-time proof of what a Side is.
var (
	_ transfer.Side       = (*Side)(nil)
	_ transfer.Rehasher   = (*Side)(nil)
	_ transfer.SpanReader = (*Side)(nil)
	_ transfer.Side       = (*Rehashed)(nil)
	_ transfer.Certifier  = (*Rehashed)(nil)
	_ transfer.Repairer   = (*Rehashed)(nil)
)

// Side is a catalog of this node as one end of a comparison. It is safe for concurrent use.
type Side struct {
	store   *Store
	catalog string
	// view says which content of the products counts.
	view view
}

// Side returns one of the node's catalogs for comparing.
func (s *Store) Side(catalogName string) *Side {
	return &Side{store: s, catalog: catalogName, view: asShown}
}

// AsCame returns one of the node's catalogs for comparing it with a source: every digest and hash is that of the product as it came, also where
// fields were kept. What it reads is what is shown.
func (s *Store) AsCame(catalogName string) *Side {
	return &Side{store: s, catalog: catalogName, view: asCame}
}

func (d *Side) stretch(after, through string) stretch { return stretch{d.catalog, after, through} }

// Spans implements [transfer.Side]. One page covers 2,000,000 products at most.
func (d *Side) Spans(ctx context.Context, after, through string, every, limit int) (page transfer.SpanPage, err error) {
	of := d.stretch(after, through)
	limit = max(1, min(limit, maxSpanProducts/every))
	err = d.healing(ctx, of, func() (known bool, err error) {
		m := &spanner{}
		if m.spans, m.more, err = d.store.spans(ctx, d.store, d.view.digest, of, every, limit); err != nil {
			return false, err
		}
		page = m.page(after)
		return !slices.ContainsFunc(page.Spans, func(s catalog.Span) bool { return !s.Known }), nil
	})
	return page, err
}

// Digests implements [transfer.Side]. It returns Invalid when the bounds do not ascend.
func (d *Side) Digests(ctx context.Context, after string, through []string) (digests []catalog.Digest, err error) {
	if len(through) == 0 {
		return nil, nil
	}
	if err := checkBounds(after, through); err != nil {
		return nil, err
	}
	of := d.stretch(after, through[len(through)-1])
	err = d.healing(ctx, of, func() (known bool, err error) {
		digests, err = d.store.intervals(ctx, d.store, d.view.digest, d.catalog, after, through)
		return !slices.ContainsFunc(digests, func(d catalog.Digest) bool { return !d.Known }), err
	})
	return digests, err
}

// healing answers a question. Where the answer is not wholly known because digests are missing, it puts some of them right
// and answers again. Trouble with that is no reason to give no answer.
func (d *Side) healing(ctx context.Context, of stretch, answer func() (known bool, err error)) error {
	known, err := answer()
	if err == nil && !known {
		if done, _ := d.store.Heal(ctx, of.catalog, of.after, of.through, healBeforeAnswer); done.Healed > 0 {
			_, err = answer()
		}
	}
	return d.store.translate(err)
}

// Entries implements [transfer.Side].
func (d *Side) Entries(ctx context.Context, of []catalog.Interval) ([]catalog.Entry, error) {
	return collect(ctx, of, d.EachShort)
}

// EachEntry calls each for the ids and hashes of the first limit products in intervals that ascend, in ascending order. A
// hash that is not to be believed is computed anew. An error of each ends the reading and is returned.
func (d *Side) EachEntry(ctx context.Context, of []catalog.Interval, limit int, each func(catalog.Entry) error) error {
	return d.store.translate(d.store.eachWithin(ctx, d.view.columns, d.catalog, of, limit, func(scan func(into ...any) error) error {
		e, err := d.scan(scan)
		if err != nil {
			return err
		}
		return each(e)
	}))
}

// scan reads a row of the view's columns. One that is no valid product equals none, not even the same one elsewhere: nobody may take it for transferred.
func (d *Side) scan(scan func(into ...any) error) (catalog.Entry, error) {
	e, err := d.view.scan(scan)
	if e.refused != nil {
		e.Hash = noHash
	}
	return e.Entry, err
}

// EachShort is EachEntry with short hashes, which it takes from the digests.
func (d *Side) EachShort(ctx context.Context, of []catalog.Interval, limit int, each func(catalog.Entry) error) error {
	entries, err := d.store.digests(ctx, d.store, d.view.digest, d.catalog, of, limit)
	if err != nil {
		return d.store.translate(err)
	}
	if err := d.believe(ctx, entries); err != nil {
		return d.store.translate(err)
	}
	for _, e := range entries {
		if e.Hash == "" { // gone meanwhile
			continue
		}
		if err := each(e); err != nil {
			return err
		}
	}
	return nil
}

// believe computes the hashes that are missing among entries, because the stored ones are not to be believed.
func (d *Side) believe(ctx context.Context, entries []catalog.Entry) error {
	places := map[string]int{}
	var ids []string
	for i, e := range entries {
		if e.Hash == "" {
			places[e.ID], ids = i, append(ids, e.ID)
		}
	}
	for part := range slices.Chunk(ids, catalog.MaxBatchProducts) {
		rows, err := d.store.products(ctx, d.view.columns, d.catalog, part)
		if err != nil {
			return err
		}
		err = eachRow(rows, func(scan func(into ...any) error) error {
			e, err := d.scan(scan)
			entries[places[e.ID]].Hash = catalog.Short(e.Hash)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// shortened gives each short hashes.
func shortened(each func(catalog.Entry) error) func(catalog.Entry) error {
	return func(e catalog.Entry) error {
		e.Hash = catalog.Short(e.Hash)
		return each(e)
	}
}

// eachEntry is a side's EachEntry.
type eachEntry func(ctx context.Context, of []catalog.Interval, limit int, each func(catalog.Entry) error) error

func collect(ctx context.Context, of []catalog.Interval, read eachEntry) (entries []catalog.Entry, err error) {
	err = read(ctx, of, math.MaxInt32, func(e catalog.Entry) error {
		entries = append(entries, e)
		return nil
	})
	return entries, err
}

// ReadSpan implements [transfer.SpanReader].
func (d *Side) ReadSpan(ctx context.Context, after, through string, limit int) (transfer.Page, error) {
	rows, err := d.store.page(ctx, rowColumns, d.catalog, after, through, limit+1)
	if err != nil {
		return transfer.Page{}, d.store.translate(err)
	}
	return d.read(rows, after, limit)
}

// ReadProducts implements [transfer.SpanReader].
func (d *Side) ReadProducts(ctx context.Context, ids []string) (transfer.Page, error) {
	rows, err := d.store.products(ctx, rowColumns, d.catalog, ids)
	if err != nil {
		return transfer.Page{}, d.store.translate(err)
	}
	return d.read(rows, "", len(ids))
}

// read makes a page of up to limit rows of rowColumns and about 4 MiB.
func (d *Side) read(rows pageRows, after string, limit int) (transfer.Page, error) {
	page := transfer.Page{Next: after}
	n := 0
	err := eachRow(rows, func(scan func(into ...any) error) error {
		if n == limit || page.Bytes > catalog.MaxBatchBytes {
			page.More = true
			return errEnough
		}
		n++
		r, err := scanRow(scan)
		if err != nil {
			return err
		}
		page.Next = r.ID
		page.Bytes += int64(len(r.Name) + len(r.Attributes))
		if r.refused == nil {
			r.Hash = r.fresh
			page.Products = append(page.Products, r.Product)
		} else {
			page.Rejects = append(page.Rejects, *r.refused)
		}
		return nil
	})
	return page, d.store.translate(ended(err))
}

// ended is nil for the end of a reading that has what it takes.
func ended(err error) error {
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}
