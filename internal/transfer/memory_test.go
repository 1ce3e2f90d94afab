package transfer_test

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"

	"fullsync/internal/catalog"
	"fullsync/internal/transfer"
)

// memory is a catalog in memory that answers the questions of a comparison, and counts what it is asked.
type memory struct {
	mu       sync.Mutex
	products map[string]catalog.Product
	// before, where set, is called with the lock held before every answer: it may change products.
	before func(question string)
	// hide names products that are counted but neither listed nor handed out; lie gives out others in their place.
	hide map[string]bool
	lie  func(p catalog.Product) catalog.Product
	// refused are handed out as rejects.
	refused map[string]bool
	// short has the hashes of entries shortened.
	short bool
	// page is the largest number of products in an answer, 0 for what was asked for.
	page int

	read, entries, spans int // products, entries and spans given out

	ids []string // of products, in order; nil when they may have changed
}

func newMemory(products ...catalog.Product) *memory {
	s := &memory{products: map[string]catalog.Product{}}
	for _, p := range products {
		s.products[p.ID] = p
	}
	return s
}

// product makes a product whose content is its id and version.
func product(id, version string) catalog.Product {
	p := catalog.Product{ID: id, Name: version, Attributes: "{}"}
	p.Hash = p.ContentHash()
	return p
}

func (s *memory) ask(question string) func() {
	s.mu.Lock()
	if s.before != nil {
		s.before(question)
		s.ids = nil
	}
	return s.mu.Unlock
}

// in returns the products of an interval, in order.
func (s *memory) in(after, through string) []catalog.Product {
	if s.ids == nil {
		s.ids = slices.Sorted(maps.Keys(s.products))
	}
	var out []catalog.Product
	from, _ := slices.BinarySearch(s.ids, after+"\x00")
	for _, id := range s.ids[from:] {
		if through != "" && id > through {
			break
		}
		out = append(out, s.products[id])
	}
	return out
}

func digestOf(products []catalog.Product) catalog.Digest {
	d := catalog.Digest{Known: true}
	for _, p := range products {
		d.Add(p.Hash)
	}
	return d
}

func (s *memory) Spans(_ context.Context, after, through string, every, limit int) (transfer.SpanPage, error) {
	defer s.ask("spans")()
	all := s.in(after, through)
	total := int64(len(s.products))
	page := transfer.SpanPage{Next: after, Total: &total}
	for part := range slices.Chunk(all, every) {
		if len(page.Spans) == limit {
			page.More = true
			break
		}
		s.spans++
		page.Next = part[len(part)-1].ID
		page.Spans = append(page.Spans, catalog.Span{Through: page.Next, Digest: digestOf(part)})
	}
	return page, nil
}

func (s *memory) Digests(_ context.Context, after string, through []string) ([]catalog.Digest, error) {
	defer s.ask("digests")()
	var out []catalog.Digest
	for _, t := range through {
		s.spans++
		out = append(out, digestOf(s.in(after, t)))
		after = t
	}
	return out, nil
}

func (s *memory) Entries(_ context.Context, of []catalog.Interval) ([]catalog.Entry, error) {
	defer s.ask("entries")()
	var out []catalog.Entry
	for _, in := range of {
		for _, p := range s.in(in.After, in.Through) {
			if !s.hide[p.ID] {
				s.entries++
				if out = append(out, catalog.Entry{ID: p.ID, Hash: p.Hash}); s.short {
					out[len(out)-1].Hash = catalog.Short(p.Hash)
				}
			}
		}
	}
	return out, nil
}

func (s *memory) ReadSpan(_ context.Context, after, through string, limit int) (transfer.Page, error) {
	defer s.ask("read")()
	return s.pageOf(s.in(after, through), limit), nil
}

func (s *memory) ReadProducts(_ context.Context, ids []string) (transfer.Page, error) {
	defer s.ask("read")()
	var found []catalog.Product
	for _, id := range ids {
		if p, ok := s.products[id]; ok {
			found = append(found, p)
		}
	}
	return s.pageOf(found, len(ids)), nil
}

func (s *memory) pageOf(products []catalog.Product, limit int) transfer.Page {
	var page transfer.Page
	if s.page > 0 {
		limit = min(limit, s.page)
	}
	for i, p := range products {
		if i == limit {
			page.More = true
			break
		}
		page.Next = p.ID
		switch {
		case s.hide[p.ID]:
		case s.refused[p.ID]:
			page.Rejects = append(page.Rejects, catalog.Reject{ID: p.ID, Reason: "no"})
		default:
			if s.lie != nil {
				p = s.lie(p)
			}
			page.Products = append(page.Products, p)
		}
		s.read++
	}
	return page
}

// apply writes a batch to the side, as a target does.
func (s *memory) apply(batch catalog.Batch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range batch.Products {
		p.ID = strings.Clone(p.ID)
		s.products[p.ID] = p
	}
	s.ids = nil
}
