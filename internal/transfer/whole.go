package transfer

import (
	"context"
	"time"

	"fullsync/internal/catalog"
)

// whole is a stretch whose products are read without asking for their hashes first.
type whole struct {
	stretch
	after string
	// seen are the hashes of the products that came, "" for those that were refused.
	seen map[string]string
}

// readOn reads the next page of the stretch. After the last one it checks that what came is what the source had promised; what
// is missing, or came with another content, is put in front of the items and read one by one.
func (d *differ) readOn(ctx context.Context) (batch catalog.Batch, more bool, err error) {
	w := d.whole
	d.growth.next(time.Now())
	var page Page
	err = d.try(ctx, func() (err error) {
		page, err = d.Products.ReadSpan(ctx, w.after, w.Through, d.growth.now)
		return d.growth.Heard(err)
	})
	if err != nil {
		return batch, false, err
	}
	for _, p := range page.Products {
		w.seen[p.ID] = catalog.Short(p.Hash)
	}
	for _, r := range page.Rejects {
		w.seen[r.ID] = ""
	}
	if int64(len(w.seen)) > 2*w.promise.Count+maxEntries {
		return batch, false, errBroken(d.nodeID, w.Interval)
	}
	w.after = page.Next
	if !page.More {
		if d.items, err = d.missed(ctx, w); err != nil {
			return batch, false, err
		}
		d.wanted, d.whole = len(d.items), nil
	}
	batch = catalog.Batch{Products: page.Products, Rejects: page.Rejects, Bytes: page.Bytes}
	if len(d.items) == 0 && !page.More {
		d.moveTo(w.Through)
	}
	d.moveTo(page.Next)
	batch.Cursor, batch.Total = d.cursor(d.after), d.window.total
	return batch, len(page.Products)+len(page.Rejects) > 0, nil
}

// missed returns what the pages of a stretch did not bring, or brought with another content than the source now promises.
func (d *differ) missed(ctx context.Context, w *whole) ([]item, error) {
	came := make([]catalog.Entry, 0, len(w.seen))
	for id, hash := range w.seen {
		came = append(came, catalog.Entry{ID: id, Hash: hash})
	}
	if fits(w.promise, came) {
		return nil, nil
	}
	_, listed, err := d.settle(ctx, w.Interval, w.promise)
	if err != nil {
		return nil, err
	}
	var items []item
	before := w.After
	for _, e := range listed {
		hash, seen := w.seen[e.ID]
		if !seen || hash != "" && hash != e.Hash {
			items = append(items, item{Interval: catalog.Interval{After: before, Through: e.ID}, hash: e.Hash, again: seen})
		}
		before = e.ID
	}
	return items, nil
}
