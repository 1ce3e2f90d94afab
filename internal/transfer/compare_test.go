package transfer_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"fullsync/internal/catalog"
	"fullsync/internal/transfer"
)

// hashes is one side of a comparison, handed out in pages of the given size.
type hashes struct {
	entries []catalog.Entry
	size    int
	fail    func(call int) error

	calls  int
	limits []int
}

func (h *hashes) Hashes(_ context.Context, after string, limit int) (transfer.HashPage, error) {
	h.calls++
	h.limits = append(h.limits, limit)
	if h.fail != nil {
		if err := h.fail(h.calls); err != nil {
			return transfer.HashPage{}, err
		}
	}
	from := 0
	for from < len(h.entries) && h.entries[from].ID <= after {
		from++
	}
	to := min(from+h.size, len(h.entries))
	page := transfer.HashPage{Entries: h.entries[from:to], Next: after, More: to < len(h.entries)}
	if to > from {
		page.Next = h.entries[to-1].ID
	}
	return page, nil
}

// side makes entries of words such as "a=1", which are an id and a hash.
func side(words string) *hashes {
	h := &hashes{size: 2}
	for _, word := range strings.Fields(words) {
		id, hash, _ := strings.Cut(word, "=")
		h.entries = append(h.entries, catalog.Entry{ID: id, Hash: hash})
	}
	return h
}

func compare(t *testing.T, theirs, ours *hashes, rejected ...string) transfer.Difference {
	t.Helper()
	set := map[string]bool{}
	for _, id := range rejected {
		set[id] = true
	}
	d, err := transfer.Compare(t.Context(), theirs, ours, &sink{}, quick, set)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestCompare(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		theirs, ours, rejected    string
		compared                  int64
		missing, different, extra string
	}{
		{"", "", "", 0, "0", "0", "0"},
		{"a=1 b=1 c=1", "a=1 b=1 c=1", "", 3, "0", "0", "0"},
		{"a=1 b=1 c=1", "", "", 3, "3 (a, b, c)", "0", "0"},
		{"", "a=1 b=1 c=1", "", 0, "0", "0", "3 (a, b, c)"},
		{"a=1 c=1 e=1", "b=1 d=1 f=1", "", 3, "3 (a, c, e)", "0", "3 (b, d, f)"},
		{"a=1 b=2 c=3", "a=1 b=9 c=8", "", 3, "0", "2 (b, c)", "0"},
		{"a=1 b=1", "b=2 c=1", "", 2, "1 (a)", "1 (b)", "1 (c)"},
		// What this node refused is neither missing nor different.
		{"a=1 b=1 c=1", "b=2 c=1", "a b", 3, "0", "0", "0"},
		{"a=1", "", "z", 1, "1 (a)", "0", "0"},
		// A few examples are enough.
		{"a=1 b=1 c=1 d=1 e=1 f=1 g=1", "", "", 7, "7 (a, b, c, d, e, …)", "0", "0"},
		// Ids are compared byte by byte, not as a dictionary would.
		{"B=1 a=1 ä=1", "B=1 a=1 ä=1", "", 3, "0", "0", "0"},
	} {
		d := compare(t, side(c.theirs), side(c.ours), strings.Fields(c.rejected)...)
		if d.Compared != c.compared || d.Missing.String() != c.missing || d.Different.String() != c.different || d.Extra.String() != c.extra {
			t.Errorf("%q against %q: compared %d, missing %s, different %s, extra %s\nwant %d, %s, %s, %s", c.theirs, c.ours,
				d.Compared, d.Missing, d.Different, d.Extra, c.compared, c.missing, c.different, c.extra)
		}
		if clean := c.missing == "0" && c.different == "0"; d.Clean() != clean {
			t.Errorf("%q against %q: clean is %v; what is only here is no error", c.theirs, c.ours, d.Clean())
		}
	}
}

// The merge finds what a plain comparison of two maps finds, whatever the sizes of the pages.
func TestCompareAgreesWithAPlainComparison(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		theirs, ours := &hashes{size: 1 + random.IntN(7)}, &hashes{size: 1 + random.IntN(7)}
		var missing, different, extra, compared int64
		for i := range random.IntN(60) {
			id := fmt.Sprintf("p-%03d", i)
			kind := random.IntN(5)
			if kind != 0 {
				theirs.entries = append(theirs.entries, catalog.Entry{ID: id, Hash: "1"})
				compared++
			}
			switch kind {
			case 0:
				ours.entries = append(ours.entries, catalog.Entry{ID: id, Hash: "1"})
				extra++
			case 1:
				missing++
			case 2:
				ours.entries = append(ours.entries, catalog.Entry{ID: id, Hash: "2"})
				different++
			default:
				ours.entries = append(ours.entries, catalog.Entry{ID: id, Hash: "1"})
			}
		}
		d := compare(t, theirs, ours)
		if d.Missing.Count != missing || d.Different.Count != different || d.Extra.Count != extra || d.Compared != compared {
			t.Fatalf("compared %d, missing %d, different %d, extra %d; want %d, %d, %d, %d",
				d.Compared, d.Missing.Count, d.Different.Count, d.Extra.Count, compared, missing, different, extra)
		}
	}
}

func TestCompareLooksAtTheFlagBeforeEveryPage(t *testing.T) {
	t.Parallel()
	theirs, ours, k := side("a=1 b=1 c=1 d=1 e=1"), side("a=1 b=1 c=1 d=1 e=1"), &sink{}
	if _, err := transfer.Compare(t.Context(), theirs, ours, k, quick, nil); err != nil {
		t.Fatal(err)
	}
	if theirs.calls != 3 || ours.calls != 3 || k.helds != 6 || k.commits != 0 {
		t.Errorf("%d and %d pages of two entries, %d looks; want 3, 3 and 6", theirs.calls, ours.calls, k.helds)
	}
	if slices.Max(theirs.limits) != catalog.MaxBatchProducts || slices.Min(ours.limits) != catalog.MaxBatchProducts {
		t.Errorf("asked for %v and %v entries", theirs.limits, ours.limits)
	}

	theirs, ours, k = side("a=1 b=1 c=1 d=1 e=1"), side("a=1 b=1 c=1 d=1 e=1"), &sink{}
	k.held = func(call int) error {
		if call == 3 {
			return transfer.ErrFenced
		}
		return nil
	}
	if _, err := transfer.Compare(t.Context(), theirs, ours, k, quick, nil); !errors.Is(err, transfer.ErrFenced) {
		t.Errorf("%v, want ErrFenced", err)
	}
	if theirs.calls != 1 || ours.calls != 1 {
		t.Errorf("%d and %d pages were read, want one of each: the third look stops", theirs.calls, ours.calls)
	}
}

func TestCompareWaitsOutTrouble(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		theirs, ours, k := side("a=1 b=1 c=1"), side("a=1 b=1 c=1"), &sink{}
		theirs.fail = func(call int) error {
			if call == 2 {
				return busy(0)
			}
			return nil
		}
		d, err := transfer.Compare(t.Context(), theirs, ours, k, quick, nil)
		if err != nil || !d.Clean() || d.Compared != 3 {
			t.Errorf("%+v, %v", d, err)
		}
		if len(k.waits) != 2 || k.waits[0].Reason != "branch answers with 503; retry 1 of 2" || k.waits[1] != (transfer.Wait{Source: true}) {
			t.Errorf("waits %+v", k.waits)
		}

		broken := errors.New("broken")
		ours.fail = func(int) error { return broken }
		if _, err := transfer.Compare(t.Context(), theirs, ours, k, quick, nil); !errors.Is(err, broken) {
			t.Errorf("%v, want the error of this node's side", err)
		}
	})
}
