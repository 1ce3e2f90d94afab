package store

import (
	"context"
	"math"
	"sync/atomic"

	"fullsync/internal/catalog"
	"fullsync/internal/transfer"
)

// maxRepairs is how many products one question puts right on the way.
const maxRepairs = 5000

// Rehashed is a [Side] that believes no stored hash. What it finds wrong it puts right, so that the next batch compares
// with what is really there. It is safe for concurrent use.
type Rehashed struct {
	Side
	transfer.Certificates
	repaired atomic.Int64
}

// Rehashed implements [transfer.Rehasher].
func (d *Side) Rehashed() transfer.Side { return d.Anew() }

// Anew is Rehashed with all that it can do.
func (d *Side) Anew() *Rehashed { return &Rehashed{Side: *d} }

// Repaired implements [transfer.Repairer].
func (d *Rehashed) Repaired() int64 { return d.repaired.Load() }

// Spans implements [transfer.Side]. One page covers 100,000 products and 256 MiB at most.
func (d *Rehashed) Spans(ctx context.Context, after, through string, every, limit int) (transfer.SpanPage, error) {
	m := &spanner{every: every, limit: max(1, limit)}
	certificate := d.After(after)
	err := d.each(ctx, d.stretch(after, through), maxRehashProducts, func(r *row) error {
		hash := d.view.rehash(r)
		if err := m.add(r.ID, r.digestOf(hash)); err != nil {
			return err
		}
		if certificate != nil {
			certificate.Add(r.ID, hash)
		}
		return nil
	}, &m.more)
	if err != nil {
		return transfer.SpanPage{}, err
	}
	page := m.page(after)
	if page.Next != "" {
		d.Reached(page.Next, certificate)
	}
	if !page.More && through == "" {
		d.Reached("", certificate)
	}
	return page, nil
}

// Digests implements [transfer.Side]. It reads everything in the intervals, however much that is.
func (d *Rehashed) Digests(ctx context.Context, after string, through []string) ([]catalog.Digest, error) {
	if len(through) == 0 {
		return nil, nil
	}
	if err := checkBounds(after, through); err != nil {
		return nil, err
	}
	last := through[len(through)-1]
	m, certificate, cut := newMatcher(through), d.After(after), true
	for from := after; cut; {
		cut = false
		err := d.each(ctx, d.stretch(from, last), maxRehashProducts, func(r *row) error {
			from = r.ID
			hash := d.view.rehash(r)
			if certificate != nil {
				certificate.Add(r.ID, hash)
			}
			return m.add(r.ID, r.digestOf(hash))
		}, &cut)
		if err != nil {
			return nil, err
		}
	}
	d.Reached(last, certificate)
	return m.digests, nil
}

// Entries implements [transfer.Side].
func (d *Rehashed) Entries(ctx context.Context, of []catalog.Interval) ([]catalog.Entry, error) {
	return collect(ctx, of, d.EachShort)
}

// EachShort implements [Side], with every hash computed anew.
func (d *Rehashed) EachShort(ctx context.Context, of []catalog.Interval, limit int, each func(catalog.Entry) error) error {
	return d.EachEntry(ctx, of, limit, shortened(each))
}

// EachEntry implements [Side], with every hash computed anew.
func (d *Rehashed) EachEntry(ctx context.Context, of []catalog.Interval, limit int, each func(catalog.Entry) error) error {
	if len(of) == 0 {
		return nil
	}
	var wrong repairs
	err := d.store.eachWithin(ctx, rowColumns, d.catalog, of, limit, func(scan func(into ...any) error) error {
		r, err := scanRow(scan)
		if err != nil {
			return err
		}
		wrong.note(&r)
		e := catalog.Entry{ID: r.ID, Hash: noHash}
		if r.refused == nil {
			e.Hash = d.view.rehash(&r)
		}
		return each(e)
	})
	d.putRight(ctx, d.stretch(of[0].After, ""), &wrong)
	return d.store.translate(err)
}

// each calls look for up to limit rows of a stretch, and afterwards puts right what was wrong among them. It sets more
// where it stops before the end.
func (d *Rehashed) each(ctx context.Context, of stretch, limit int, look func(*row) error, more *bool) error {
	rows, err := d.store.page(ctx, rowColumns, of.catalog, of.after, of.through, limit+1)
	if err != nil {
		return d.store.translate(err)
	}
	var wrong repairs
	n, size := 0, 0
	err = eachRow(rows, func(scan func(into ...any) error) error {
		if n == limit || size > maxRehashBytes {
			*more = true
			return errEnough
		}
		r, err := scanRow(scan)
		if err != nil {
			return err
		}
		if err := look(&r); err != nil {
			return err
		}
		n, size = n+1, size+len(r.Attributes)
		wrong.note(&r)
		return nil
	})
	if err := ended(err); err != nil {
		return d.store.translate(err)
	}
	d.putRight(ctx, of, &wrong)
	return nil
}

// putRight repairs what was found wrong. Trouble with that is no reason to give no answer, which is right all the same.
func (d *Rehashed) putRight(ctx context.Context, of stretch, wrong *repairs) {
	if n, err := d.store.repair(ctx, of, wrong); err == nil {
		d.repaired.Add(n)
	}
}

// digestOf is the digest of a hash that was computed from the columns, nil where they are no valid product.
func (r *row) digestOf(hash string) *int64 {
	if r.refused != nil {
		return nil
	}
	return digestOf(hash)
}

// repairs is what a reading found wrong.
type repairs struct {
	last string
	// lying are the ids of products whose hash or digest is not that of their columns.
	lying []string
	// found is how many products have another hash than the stored one; healing says that some have no digest.
	found   int64
	healing bool
}

// note takes note of a row that is not as it should be.
func (w *repairs) note(r *row) {
	lies := r.lies()
	if !lies && (r.digest != nil || r.refused != nil) || len(w.lying) == maxRepairs {
		return
	}
	w.last = r.ID
	if lies {
		w.lying = append(w.lying, r.ID)
	}
	if r.refused == nil {
		w.healing = true
		if r.Hash != r.fresh {
			w.found++
		}
	}
}

// repair puts right what a reading found wrong, and returns how many hashes were.
func (s *Store) repair(ctx context.Context, of stretch, wrong *repairs) (repaired int64, err error) {
	if len(wrong.lying) > 0 {
		if err := s.distrust(ctx, s, of.catalog, wrong.lying); err != nil {
			return 0, s.translate(err)
		}
	}
	if !wrong.healing {
		return 0, nil
	}
	_, err = s.Heal(ctx, of.catalog, of.after, wrong.last, math.MaxInt32)
	return wrong.found, err
}
