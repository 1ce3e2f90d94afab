package transfer_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"

	"fullsync/internal/catalog"
	"fullsync/internal/transfer"
)

// lister is a source that also lists what it has.
type lister struct {
	source
	lists []catalog.Product
	// pages is the largest page of hashes.
	pages int
	asked int
	fail  func(call int) error
}

func (l *lister) Hashes(_ context.Context, after string, limit int) (page transfer.HashPage, err error) {
	if l.asked++; l.fail != nil {
		if err := l.fail(l.asked); err != nil {
			return page, err
		}
	}
	page.Next = after
	for _, p := range l.lists {
		if p.ID <= after {
			continue
		}
		if len(page.Entries) == min(limit, l.pages) {
			page.More = true
			break
		}
		page.Entries, page.Next = append(page.Entries, catalog.Entry{ID: p.ID, Hash: "1:x"}), p.ID
	}
	total := int64(len(l.lists))
	page.Total = &total
	return page, nil
}

// TestLookBringsWhatIsMissing, wherever it stands, and leaves the position alone.
func TestLookBringsWhatIsMissing(t *testing.T) {
	t.Parallel()
	all := products(300)
	for name, missing := range map[string][]int{
		"nothing":      nil,
		"the first":    {0},
		"the last":     {299},
		"a few":        {3, 4, 5, 100, 101, 130, 290},
		"far apart":    {0, 60, 120, 299},
		"at the seams": {6, 7, 13, 14, 20, 21},
		"every second": func() (odd []int) {
			for i := 0; i < 300; i += 2 {
				odd = append(odd, i)
			}
			return odd
		}(),
		"all but first": func() (rest []int) {
			for i := 1; i < 300; i++ {
				rest = append(rest, i)
			}
			return rest
		}(),
	} {
		for _, pages := range []int{1, 7, 5000} {
			synctest.Test(t, func(t *testing.T) {
				here, want := &lister{pages: 11}, []catalog.Product(nil)
				for i, p := range all {
					if slices.Contains(missing, i) {
						want = append(want, p)
					} else {
						here.lists = append(here.lists, p)
					}
					// What is only here, or was refused, is not missing.
					here.lists = append(here.lists, catalog.Product{ID: p.ID + "-ours"})
				}
				src := &lister{source: source{products: all}, lists: all, pages: pages}
				src.read, src.fail = failing(busy(0), 2, 5), func(call int) error {
					if call%5 == 3 {
						return busy(0)
					}
					return nil
				}
				k, look := &sink{}, transfer.NewLook(src, here, nil)
				opt := options(20)
				opt.After = "p-300"
				if err := transfer.Run(t.Context(), look, k, opt); err != nil {
					t.Fatal(err)
				}
				wantAll(t, k, want)
				for _, b := range k.batches {
					if b.Cursor.After != "p-300" {
						t.Errorf("%s: the cursor moved to %q", name, b.Cursor.After)
					}
				}
				if look.Listed != 300 || look.Total == nil || *look.Total != 300 || look.Unsent.Count != 0 {
					t.Errorf("%s: listed %d, unsent %s", name, look.Listed, look.Unsent)
				}
				if len(missing) == 0 && src.calls != 0 {
					t.Errorf("%d pages of products were read in vain", src.calls)
				}
			})
		}
	}
}

// TestLookTellsWhatDoesNotCome, and what was refused is not part of it.
func TestLookTellsWhatDoesNotCome(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		all := products(100)
		hands := slices.DeleteFunc(slices.Clone(all), func(p catalog.Product) bool { return p.ID == "p-050" || p.ID == "p-051" || p.ID == "p-100" })
		src := &lister{source: source{products: hands}, lists: append(slices.Clone(all), catalog.Product{ID: "\x01"}), pages: 5000}
		src.lists[0].ID, src.lists[100].ID = "\x01", src.lists[0].ID
		slices.SortFunc(src.lists, func(a, b catalog.Product) int { return slices.Compare([]byte(a.ID), []byte(b.ID)) })
		refused := map[string]bool{"p-007": true}
		k, look := &sink{}, transfer.NewLook(src, &lister{pages: 11}, refused)
		if err := transfer.Run(t.Context(), look, k, options(1000)); err != nil {
			t.Fatal(err)
		}
		wantAll(t, k, slices.DeleteFunc(hands, func(p catalog.Product) bool { return refused[p.ID] }))
		if got := look.Unsent.String(); got != "3 (p-050, p-051, p-100)" {
			t.Errorf("unsent %s", got)
		}
	})
	// Refused a second time, without an id: it does come, in its way.
	synctest.Test(t, func(t *testing.T) {
		src := &lister{lists: products(3), pages: 5000}
		src.read = func(context.Context, int, string) (*transfer.Page, error) {
			return &transfer.Page{Rejects: []catalog.Reject{{ID: "p-001", Reason: "bad"}, {Reason: "too long"}, {ID: "p-003", Reason: "bad"}}, Next: "p-003"}, nil
		}
		k, look := &sink{}, transfer.NewLook(src, &lister{pages: 11}, nil)
		if err := transfer.Run(t.Context(), look, k, options(1000)); err != nil {
			t.Fatal(err)
		}
		if look.Unsent.Count != 0 || len(k.batches) != 1 || fmt.Sprint(k.batches[0].Rejects) != fmt.Sprint([]catalog.Reject{{ID: "p-001", Reason: "bad"}, {ID: "p-003", Reason: "bad"}}) {
			t.Errorf("unsent %s, batches %+v", look.Unsent, k.batches)
		}
	})
}
