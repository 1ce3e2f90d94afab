package transfer

import (
	"context"
	"slices"
	"time"

	"fullsync/internal/catalog"
)

// differ turns what a comparison found into batches: products that the target lacks, or holds with another content, are
// read from the source; everything else is skipped and counted.
//
// It believes the source's entries only as far as its products bear them out; see [walker.prove].
type differ struct {
	*walker
	growth growth // of the batches
	// cursor makes the position after an id.
	cursor func(after string) catalog.Cursor

	windows <-chan made[window]
	end     func()
	window  window
	// items are on their way into the next batches, in order; wanted is how many of them are to be read.
	items  []item
	wanted int
	// after is the position behind everything that was given out, and given when that was last.
	after string
	given time.Time
	// whole is the stretch that is being read as a whole, nil while none is.
	whole *whole
}

// item is one product of the source that may differ, or a number of them that do not.
type item struct {
	// The interval of the item: Through is its id, or the last one of those that are skipped.
	catalog.Interval
	skipped int64
	// hash is what the source promises of a product that is to be read, "" where none is.
	hash string
	// held says that the target holds the product with another content.
	held bool
	// again says that the product came before, with another content, and was counted then.
	again bool
}

// newDiffer starts to compare behind opt.After. The caller calls close in the end.
func newDiffer(ctx context.Context, opt Options, limit int, try try) *differ {
	d := &differ{
		walker: newWalker(*opt.Compare, opt.NodeID, nil, try), growth: opt.growth(limit), after: opt.After, cursor: opt.cursor,
	}
	d.walker.size = d.growth.Size
	if opt.After == "" {
		d.walker.onDigests = opt.OnDigests
	}
	d.walker.start(ctx, opt.After)
	d.windows, d.end = stage(ctx, d.walker.next)
	return d
}

func (d *differ) close() {
	d.walker.stop() // first: the windows wait for it
	d.end()
}

// next returns the next batch; more is false after the last one.
func (d *differ) next(ctx context.Context) (batch catalog.Batch, more bool, err error) {
	for {
		switch {
		case d.wanted >= d.growth.now:
			batch, err = d.fetch(ctx)
			return batch, true, err
		case d.whole != nil:
			batch, more, err = d.readOn(ctx)
			if more || err != nil {
				return batch, true, err
			}
		case len(d.window.stretches) > 0 && (d.window.stretches[0].kind != unread || len(d.items) == 0):
			d.add(d.window.stretches[0])
			d.window.stretches = d.window.stretches[1:]
		case d.wanted > 0, len(d.items) > 0 && len(d.window.stretches) > 0: // at the end of a window, and before a stretch that is read as a whole
			batch, err = d.fetch(ctx)
			return batch, true, err
		default:
			next, more, err := takeUntil(ctx, d.windows, d.late())
			switch {
			case err != nil:
				return batch, false, err
			case more:
				d.window = next
			case len(d.items) > 0:
				batch, err = d.fetch(ctx)
				return batch, true, err
			default:
				return batch, false, nil
			}
		}
	}
}

// showEvery is how long windows in which nothing differs may be kept for one batch: each batch is a commit, and a comparison may be much faster than
// those, but people want to see that it goes on.
const showEvery = 250 * time.Millisecond

// late comes when what is known is to be shown before the next window is there; it is nil where nothing is.
func (d *differ) late() <-chan time.Time {
	if len(d.items) == 0 {
		return nil
	}
	return time.After(time.Until(d.given.Add(showEvery)))
}

// add appends the items of a stretch.
func (d *differ) add(s stretch) {
	switch s.kind {
	case same:
		d.skip(s.Interval, s.promise.Count)
	case unread:
		d.whole = &whole{stretch: s, after: s.After, seen: map[string]string{}}
	case listed:
		before := s.After
		for _, e := range s.entries {
			in := catalog.Interval{After: before, Through: e.ID}
			if before = e.ID; !e.want {
				d.skip(in, 1)
				continue
			}
			d.items = append(d.items, item{Interval: in, hash: e.Hash, held: e.held})
			d.wanted++
		}
	}
}

// skip notes that an interval's products are the same on both sides.
func (d *differ) skip(in catalog.Interval, count int64) {
	switch n := len(d.items); {
	case count == 0:
	case n > 0 && d.items[n-1].hash == "":
		d.items[n-1].Through = in.Through
		d.items[n-1].skipped += count
	default:
		d.items = append(d.items, item{Interval: in, skipped: count})
	}
}

// fetch makes a batch of the first items: as many as their products fit in.
func (d *differ) fetch(ctx context.Context) (batch catalog.Batch, err error) {
	d.given = time.Now()
	d.growth.next(d.given)
	var asked []item
	n := 0
	for ; n < len(d.items) && len(asked) < d.growth.now && d.items[n].again == d.items[0].again; n++ {
		if d.items[n].hash != "" {
			asked = append(asked, d.items[n])
		}
	}
	for n < len(d.items) && d.items[n].hash == "" && d.items[n].again == d.items[0].again {
		n++
	}
	if len(asked) > 0 {
		page, err := d.read(ctx, asked)
		if err != nil {
			return batch, err
		}
		if page.More { // the page was full before the last of them
			n = 0
			for n < len(d.items) && d.items[n].Through <= page.Next {
				n++
			}
			for len(asked) > 0 && asked[len(asked)-1].Through > page.Next {
				asked = asked[:len(asked)-1]
			}
		}
		if err := d.prove(ctx, asked, &page); err != nil {
			return batch, err
		}
		batch.Products, batch.Rejects, batch.Bytes = page.Products, page.Rejects, page.Bytes
		batch.Held = !slices.ContainsFunc(asked, func(it item) bool { return !it.held })
	}
	batch.Again = d.items[0].again
	for _, it := range d.items[:n] {
		if it.skipped > 0 {
			batch.Skips = append(batch.Skips, catalog.Skip{Through: it.Through, Count: it.skipped})
		}
	}
	d.moveTo(d.items[n-1].Through)
	d.items, d.wanted = d.items[n:], d.wanted-len(asked)
	batch.Cursor, batch.Total = d.cursor(d.after), d.window.total
	return batch, nil
}

// moveTo moves the position behind what was given out, and never back. The end of the catalog, "", is no position.
func (d *differ) moveTo(through string) { d.after = max(d.after, through) }

// read asks the source for single products, for a part of them at a time where answers take too long.
func (w *walker) read(ctx context.Context, asked []item) (page Page, err error) {
	ids := make([]string, len(asked))
	for i, it := range asked {
		ids[i] = it.Through
	}
	for len(ids) > 0 && !page.More {
		var part Page
		var n int
		err = w.try(ctx, func() (err error) {
			n = min(len(ids), w.size.now)
			part, err = w.Products.ReadProducts(ctx, ids[:n])
			return w.size.Heard(err)
		})
		if err != nil {
			return page, err
		}
		page.Products, page.Rejects = append(page.Products, part.Products...), append(page.Rejects, part.Rejects...)
		page.Next, page.More, page.Bytes = part.Next, part.More, page.Bytes+part.Bytes
		ids = ids[n:]
	}
	return page, nil
}
