package transfer

import (
	"context"
	"fmt"
	"strings"

	"fullsync/internal/catalog"
)

// exampleCount is how many ids of each sort a [Difference] names.
const exampleCount = 5

// Difference is what a comparison of a source with this node found.
type Difference struct {
	// Compared is the number of products that the source listed, and Total how many it said at the end to have, nil where
	// it did not say.
	Compared int64
	Total    *int64
	// Missing are in the source and not here, Different are in both with another content, Extra are only here.
	Missing, Different, Extra Sample
}

// Sample is a count with a few examples.
type Sample struct {
	Count    int64
	Examples []string
}

func (s *Sample) add(ids ...string) {
	s.Count += int64(len(ids))
	s.Examples = append(s.Examples, ids[:min(len(ids), exampleCount-len(s.Examples))]...)
}

// String renders "3 (a, b, c)", and "0" without examples.
func (s Sample) String() string {
	if s.Count == 0 {
		return "0"
	}
	more := ""
	if s.Count > int64(len(s.Examples)) {
		more = ", …"
	}
	return fmt.Sprintf("%d (%s%s)", s.Count, strings.Join(s.Examples, ", "), more)
}

// Clean says that everything the source has is here with the same content.
func (d Difference) Clean() bool { return d.Missing.Count == 0 && d.Different.Count == 0 }

// Compare merges the ascending (id, hash) streams of the source and of this node, in constant memory. rejected
// names the products that this node refused: they are not missing.
func Compare(ctx context.Context, source, here Comparer, sink Sink, backoff Backoff, rejected map[string]bool) (Difference, error) {
	var d Difference
	theirs := &stream{from: source, sink: sink, backoff: backoff, size: NewSize(catalog.MaxBatchProducts), more: true}
	ours := &stream{from: here, sink: sink, backoff: backoff, size: NewSize(catalog.MaxBatchProducts), more: true}
	for {
		a, err := theirs.peek(ctx)
		if err != nil {
			return d, err
		}
		b, err := ours.peek(ctx)
		if err != nil {
			return d, err
		}
		switch {
		case a == nil && b == nil:
			d.Total = theirs.total
			return d, nil
		case b == nil || a != nil && a.ID < b.ID:
			d.Compared++
			if !rejected[a.ID] {
				d.Missing.add(a.ID)
			}
			theirs.pop()
		case a == nil || b.ID < a.ID:
			d.Extra.add(b.ID)
			ours.pop()
		default:
			d.Compared++
			if a.Hash != b.Hash && !rejected[a.ID] {
				d.Different.add(a.ID)
			}
			theirs.pop()
			ours.pop()
		}
	}
}

// stream reads a Comparer page by page.
type stream struct {
	from    Comparer
	sink    Sink
	backoff Backoff
	size    *Size
	page    []catalog.Entry
	after   string
	more    bool
	total   *int64
}

// peek returns the next entry, or nil at the end. Each page begins with a look at the cancelled flag.
func (s *stream) peek(ctx context.Context) (*catalog.Entry, error) {
	for len(s.page) == 0 && s.more {
		err := s.backoff.Do(ctx, s.sink, func() error {
			if err := s.sink.Held(ctx); err != nil {
				return err
			}
			page, err := s.from.Hashes(ctx, s.after, s.size.now)
			if s.size.Heard(err) != nil {
				return err
			}
			s.page, s.after, s.more, s.total = page.Entries, page.Next, page.More, page.Total
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	if len(s.page) == 0 {
		return nil, nil
	}
	return &s.page[0], nil
}

func (s *stream) pop() { s.page = s.page[1:] }
