package transfer

import (
	"context"
	"sort"

	"fullsync/internal/catalog"
)

// Lister is a [Source] that can also list what it has.
type Lister interface {
	Source
	Comparer
}

// Look is another look at a source that was read to its end and has more products than came. It is a [Source] of those
// that the source lists and that are neither held here nor refused. Its pages leave the position where it is.
type Look struct {
	src     Lister
	here    Comparer
	refused map[string]bool
	size    *Size

	// after is how far the list was compared; ended says that it was compared to its end.
	after string
	ended bool
	// missing are to be read, in order.
	missing []missed

	// Listed is how many products the source has listed so far, and Total how many it said to have at the end of the list,
	// nil where it did not say.
	Listed int64
	Total  *int64
	// Unsent are products that the source lists and does not hand out.
	Unsent Sample
}

// missed is a product of the list that is not here: its place in the list, and the id after which to ask for it.
type missed struct {
	id, after string
	at        int
}

// gap is how many products that are not wanted are read along rather than asking for each side of them.
const gap = 50

// NewLook returns a look at src. refused names the products that this node refused.
func NewLook(src Lister, here Comparer, refused map[string]bool) *Look {
	return &Look{src: src, here: here, refused: refused, size: NewSize(catalog.MaxBatchProducts)}
}

// Describe implements [Source].
func (l *Look) Describe(ctx context.Context) (Description, error) { return l.src.Describe(ctx) }

// Close does nothing: the source under the look belongs to others.
func (l *Look) Close() error { return nil }

// Read compares a page of the list with what is here, or reads products that were found missing. A page may be empty
// though more follow. Next is after.
func (l *Look) Read(ctx context.Context, after string, limit int) (page Page, err error) {
	if len(l.missing) > 0 {
		page, err = l.fetch(ctx, limit)
	} else if !l.ended {
		err = l.list(ctx)
	}
	page.Next, page.More = after, !l.ended || len(l.missing) > 0
	return page, err
}

// list compares one page of the source's list with what is here.
func (l *Look) list(ctx context.Context) error {
	theirs, err := l.src.Hashes(ctx, l.after, l.size.now)
	if l.size.Heard(err) != nil {
		return err
	}
	var missing []missed
	held := HashPage{Next: l.after, More: true}
	before := l.after
	for at, e := range theirs.Entries {
		for {
			for len(held.Entries) > 0 && held.Entries[0].ID < e.ID {
				held.Entries = held.Entries[1:]
			}
			if len(held.Entries) > 0 || !held.More {
				break
			}
			if held, err = l.here.Hashes(ctx, held.Next, catalog.MaxBatchProducts); err != nil {
				return err
			}
		}
		here := len(held.Entries) > 0 && held.Entries[0].ID == e.ID
		if !here && !l.refused[e.ID] && catalog.IsID(e.ID) { // what has no proper id was refused without it
			missing = append(missing, missed{id: e.ID, after: before, at: at})
		}
		before = e.ID
	}
	l.missing = missing
	l.Listed += int64(len(theirs.Entries))
	l.after, l.ended, l.Total = theirs.Next, !theirs.More, theirs.Total
	return nil
}

// fetch reads the first of the missing products.
func (l *Look) fetch(ctx context.Context, limit int) (kept Page, err error) {
	n, first := 1, l.missing[0].at
	for n < len(l.missing) && l.missing[n].at-l.missing[n-1].at <= gap && l.missing[n].at-first < limit {
		n++
	}
	page, err := l.src.Read(ctx, l.missing[0].after, l.missing[n-1].at-first+1)
	if err != nil {
		return kept, err
	}
	// Those up to Next had their turn.
	n = len(l.missing)
	if page.More {
		n = sort.Search(n, func(i int) bool { return l.missing[i].id > page.Next })
	}
	turn := make(map[string]bool, n)
	for _, m := range l.missing[:n] {
		turn[m.id] = true
	}
	kept.Bytes = page.Bytes
	for _, p := range page.Products {
		if turn[p.ID] {
			kept.Products = append(kept.Products, p)
			delete(turn, p.ID)
		}
	}
	nameless := 0
	for _, r := range page.Rejects {
		if turn[r.ID] {
			kept.Rejects = append(kept.Rejects, r)
			delete(turn, r.ID)
		} else if r.ID == "" {
			nameless++ // one of those whose turn it is, refused for the second time
		}
	}
	for _, m := range l.missing[:n] {
		if turn[m.id] {
			if nameless--; nameless < 0 {
				l.Unsent.add(m.id)
			}
		}
	}
	if l.missing = l.missing[n:]; len(l.missing) > 0 && page.More {
		l.missing[0].after = max(l.missing[0].after, page.Next)
	}
	return kept, nil
}
