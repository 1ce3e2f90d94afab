package app_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"fullsync/internal/auth"
	"fullsync/internal/catalog"
	"fullsync/internal/nodetest"
	"fullsync/internal/source/node"
	"fullsync/internal/transfer"
)

// TestSidesAgree: over the wire a node says the same about its catalog as its store does, whatever the question.
func TestSidesAgree(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		n := nodetest.Start(t, nodetest.Config{ID: nodetest.Branch, Database: nodetest.NewDatabase(t, kind)})
		products := n.Fill("main", 300)
		ids := make([]string, len(products))
		for i, p := range products {
			ids[i] = p.ID
		}
		// A product that something else has spoiled: its digest stays unknown.
		if _, err := n.Store.SQL().ExecContext(t.Context(), "UPDATE products SET price = 'cheap' WHERE id = $1", ids[7]); err != nil {
			t.Fatal(err)
		}
		source, err := node.New(node.Options{
			URL: n.URL(), Token: n.TokenFor("main", auth.RoleNode), PeerNodeID: nodetest.Branch, SelfNodeID: "main", Catalog: "main", Compress: true,
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = source.Close() })
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		asker := &asker{T: t, rand: rand.New(rand.NewPCG(seed, 0)), ids: ids}
		store := n.Store.Side("main")
		for range 10 {
			asker.ask(source, store)
			asker.ask(source.Rehashed(), store.Rehashed())
		}
		asker.certify(source.Rehashed(), store.Rehashed())
	})
}

// asker asks two sides the same questions.
type asker struct {
	*testing.T
	rand *rand.Rand
	ids  []string
}

func (a *asker) id() string { return a.ids[a.rand.IntN(len(a.ids))] }

// between returns two ids, the second of which may be the end of the catalog.
func (a *asker) between() (after, through string) {
	after, through = a.id(), a.id()
	if after > through {
		after, through = through, after
	}
	switch {
	case a.rand.IntN(3) == 0:
		after = ""
	case after == through || a.rand.IntN(3) == 0:
		through = ""
	}
	return after, through
}

func (a *asker) ask(theirs, ours transfer.Side) {
	a.Helper()
	ctx := a.Context()
	after, through := a.between()
	every, limit := 1+a.rand.IntN(60), 1+a.rand.IntN(20)
	both(a, fmt.Sprintf("spans of %d after %q up to %q", every, after, through), theirs, ours, func(s transfer.Side) (transfer.SpanPage, error) {
		page, err := s.Spans(ctx, after, through, every, limit)
		page.Total = nil
		return page, err
	})
	bounds := []string{}
	for range a.rand.IntN(50) {
		bounds = append(bounds, a.id())
	}
	bounds = slices.DeleteFunc(slices.Compact(slices.Sorted(slices.Values(bounds))), func(id string) bool { return id <= after })
	bounds = append(bounds, "")
	both(a, fmt.Sprintf("digests after %q of %q", after, bounds), theirs, ours, func(s transfer.Side) ([]catalog.Digest, error) {
		return s.Digests(ctx, after, bounds)
	})
	var of []catalog.Interval
	for i, from := 0, after; i < len(bounds); from, i = bounds[i], i+1 {
		if a.rand.IntN(2) == 0 {
			of = append(of, catalog.Interval{After: from, Through: bounds[i]})
		}
	}
	both(a, fmt.Sprintf("entries of %v", of), theirs, ours, func(s transfer.Side) ([]catalog.Entry, error) { return s.Entries(ctx, of) })

	reader, ok := theirs.(transfer.SpanReader)
	if !ok {
		return
	}
	both(a, fmt.Sprintf("products after %q up to %q", after, through), reader, ours.(transfer.SpanReader), func(s transfer.SpanReader) (transfer.Page, error) {
		return plain(s.ReadSpan(ctx, after, through, 500))
	})
	wanted := append(slices.Clone(bounds[:len(bounds)-1]), "zzz")
	both(a, fmt.Sprintf("products %q", wanted), reader, ours.(transfer.SpanReader), func(s transfer.SpanReader) (transfer.Page, error) {
		return plain(s.ReadProducts(ctx, wanted))
	})
}

// plain removes from a page what belongs to the wire. Each side has its own reasons for refusals.
func plain(page transfer.Page, err error) (transfer.Page, error) {
	page.Bytes, page.Total, page.Next = 0, nil, ""
	if len(page.Products) == 0 {
		page.Products = nil // a side may have room for those that might have come
	}
	for i := range page.Rejects {
		page.Rejects[i].Reason = ""
	}
	return page, err
}

func both[S, A any](a *asker, what string, theirs, ours S, ask func(S) (A, error)) {
	a.Helper()
	got, err := ask(theirs)
	if err != nil {
		a.Fatalf("%s: %v", what, err)
	}
	want, err := ask(ours)
	if err != nil {
		a.Fatalf("%s: %v", what, err)
	}
	if !reflect.DeepEqual(got, want) {
		a.Errorf("%s:\n got %.2000v\nwant %.2000v", what, got, want)
	}
}

func (a *asker) certify(sides ...transfer.Side) {
	a.Helper()
	var sums []string
	for _, side := range sides {
		for after, more := "", true; more; {
			page, err := side.Spans(context.Background(), after, "", 7, 11)
			if err != nil {
				a.Fatal(err)
			}
			after, more = page.Next, page.More
		}
		sum, products, ok := side.(transfer.Certifier).Certificate()
		if !ok || products != int64(len(a.ids)) {
			a.Errorf("no certificate of all: %s of %d, %v", sum, products, ok)
		}
		sums = append(sums, sum)
	}
	if sums[0] != sums[1] {
		a.Errorf("the certificates are %q", sums)
	}
}
