package transfer_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"fullsync/internal/catalog"
	"fullsync/internal/fault"
	"fullsync/internal/transfer"
)

// run syncs target with from, as a session that stands at after does, and returns what it committed. It fails the test when batches
// are out of order.
func run(t rapid.TB, from, target *memory, after string, c transfer.Comparison, batchSize int, stop func(batches int) error) ([]catalog.Batch, error) {
	c.Source, c.Target, c.Products = from, target, from
	if c.Near == nil {
		c.Near = target
	}
	k := &sink{}
	at := after
	k.commit = func(_ context.Context, call int, batch catalog.Batch) error {
		if err := stop(call); err != nil {
			return err
		}
		if batch.Cursor.After < at {
			t.Errorf("the cursor went back from %q to %q", at, batch.Cursor.After)
		}
		if len(batch.Products) > batchSize {
			t.Errorf("a batch of %d products; the limit is %d", len(batch.Products), batchSize)
		}
		at = batch.Cursor.After
		target.apply(batch)
		return nil
	}
	opt := options(batchSize)
	opt.After, opt.Compare = after, &c
	err := transfer.Run(context.Background(), nil, k, opt)
	return k.batches, err
}

func goOn(int) error { return nil }

// handled counts what batches say of the source's products.
func handled(batches []catalog.Batch) (read, skipped, rejected int64) {
	for _, b := range batches {
		if !b.Again {
			read += int64(len(b.Products))
		}
		skipped, rejected = skipped+b.Skipped(), rejected+int64(len(b.Rejects))
	}
	return read, skipped, rejected
}

var drawID = rapid.StringMatching(`[a-c]{1,4}`)

func drawCatalog(t *rapid.T, name string) *memory {
	versions := rapid.MapOf(drawID, rapid.SampledFrom([]string{"1", "2"})).Draw(t, name)
	s := newMemory()
	for id, v := range versions {
		s.products[id] = product(id, v)
	}
	return s
}

func drawComparison(t *rapid.T, from, target *memory) transfer.Comparison {
	c := transfer.Comparison{Near: target, Sizes: transfer.Sizes{
		Coarse: rapid.IntRange(1, 12).Draw(t, "coarse"),
		Fine:   rapid.IntRange(1, 5).Draw(t, "fine"),
		Window: rapid.IntRange(1, 4).Draw(t, "window"),
	}}
	if rapid.Bool().Draw(t, "the source is near") {
		c.Near = from
	}
	from.short, target.short = rapid.Bool().Draw(t, "short hashes of the source"), rapid.Bool().Draw(t, "short hashes of the target")
	return c
}

// checkHas fails where target lacks something of from, or something of its own was touched.
func checkHas(t rapid.TB, from, target *memory, before map[string]catalog.Product) {
	for id, p := range from.products {
		if !from.refused[id] && target.products[id] != p {
			t.Errorf("%s: the target holds %v, the source %v", id, target.products[id], p)
		}
	}
	for id, p := range before {
		if _, theirs := from.products[id]; !theirs && target.products[id] != p {
			t.Errorf("%s is not the source's and was touched", id)
		}
	}
}

func TestTargetGetsWhatDiffersAndCountsAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from, target := drawCatalog(t, "source"), drawCatalog(t, "target")
		from.refused = rapid.MapOfN(drawID, rapid.Just(true), 0, 3).Draw(t, "refused")
		from.page = rapid.IntRange(0, 3).Draw(t, "page")
		before := maps.Clone(target.products)
		batches, err := run(t, from, target, "", drawComparison(t, from, target), rapid.IntRange(1, 7).Draw(t, "batch"), goOn)
		if err != nil {
			t.Fatal(err)
		}
		checkHas(t, from, target, before)
		read, skipped, rejected := handled(batches)
		if all := int64(len(from.products)); read+skipped+rejected != all {
			t.Errorf("read %d + skipped %d + refused %d, but the source has %d", read, skipped, rejected, all)
		}
		again, err := run(t, from, target, "", transfer.Comparison{}, 5, goOn)
		if read, _, _ := handled(again); err != nil || read > 0 {
			t.Errorf("the repeat read %d products, %v; there was nothing left to read", read, err)
		}
	})
}

func TestInterruptedComparisonGoesOnFromItsCursor(t *testing.T) {
	broken := errors.New("broken off")
	rapid.Check(t, func(t *rapid.T) {
		from, target := drawCatalog(t, "source"), drawCatalog(t, "target")
		before := maps.Clone(target.products)
		c, size := drawComparison(t, from, target), rapid.IntRange(1, 4).Draw(t, "batch")
		after, counted := "", int64(0)
		for range 200 {
			batches, err := run(t, from, target, after, c, size, func(batches int) error {
				if batches > 1 {
					return broken
				}
				return nil
			})
			read, skipped, rejected := handled(batches)
			counted += read + skipped + rejected
			if len(batches) > 0 {
				after = batches[len(batches)-1].Cursor.After
			}
			if err == nil {
				break
			}
			if !errors.Is(err, broken) {
				t.Fatal(err)
			}
		}
		checkHas(t, from, target, before)
		if counted != int64(len(from.products)) {
			t.Errorf("%d products were counted over all runs, the source has %d", counted, len(from.products))
		}
	})
}

func TestLivingSourceIsNoLiar(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from, target := drawCatalog(t, "source"), drawCatalog(t, "target")
		edits := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) [2]string {
			return [2]string{drawID.Draw(t, "id"), rapid.SampledFrom([]string{"", "1", "2", "3"}).Draw(t, "version")}
		}), 0, 30).Draw(t, "edits")
		from.before = func(string) {
			if len(edits) == 0 {
				return
			}
			id, version := edits[0][0], edits[0][1]
			edits = edits[1:]
			if delete(from.products, id); version != "" {
				from.products[id] = product(id, version)
			}
		}
		c := drawComparison(t, from, target)
		if _, err := run(t, from, target, "", c, 3, goOn); err != nil {
			t.Fatal(err)
		}
		from.before = nil
		if _, err := run(t, from, target, "", c, 3, goOn); err != nil {
			t.Fatal(err)
		}
		checkHas(t, from, target, nil)
	})
}

func TestProductThatChangesWhileItsStretchIsReadIsCountedOnce(t *testing.T) {
	from, target := newMemory(product("a", "1"), product("b", "1"), product("c", "1")), newMemory()
	reads := 0
	from.before = func(question string) {
		if question != "read" {
			return
		}
		switch reads++; reads {
		case 1: // not read yet, so what comes does not fit the digest, and everything is looked at again
			from.products["c"] = product("c", "2")
		case 2: // read already
			from.products["a"] = product("a", "2")
		}
	}
	batches, err := run(t, from, target, "", transfer.Comparison{}, 1, goOn)
	if err != nil {
		t.Fatal(err)
	}
	checkHas(t, from, target, nil)
	if read, _, _ := handled(batches); read != 3 {
		t.Errorf("%d products were counted, want 3", read)
	}
}

func TestSourceThatContradictsItselfFails(t *testing.T) {
	all := make([]catalog.Product, 3000)
	for i := range all {
		all[i] = product(fmt.Sprintf("p-%05d", i), "1")
	}
	hidden := map[string]bool{"p-01500": true}
	other := func(p catalog.Product) catalog.Product {
		if p.ID == "p-01500" {
			return product(p.ID, "something else")
		}
		return p
	}
	for name, lie := range map[string]func(from, target *memory){
		"it counts one that it neither lists nor hands out": func(from, target *memory) { from.hide = hidden; delete(target.products, "p-01500") },
		"the same, where nothing is here":                   func(from, target *memory) { from.hide = hidden; clear(target.products) },
		"it lists another content than it hands out":        func(from, target *memory) { from.lie = other; delete(target.products, "p-01500") },
		"the same, where nothing is here yet":               func(from, target *memory) { from.lie = other; clear(target.products) },
	} {
		t.Run(name, func(t *testing.T) {
			from, target := newMemory(all...), newMemory(all...)
			lie(from, target)
			target.ids = nil
			_, err := run(t, from, target, "", transfer.Comparison{}, 1000, goOn)
			var f *fault.Error
			if !errors.As(err, &f) || f.Code != "SOURCE_INCOMPLETE" {
				t.Errorf("got %v, want SOURCE_INCOMPLETE", err)
			}
		})
	}
}

// TestBatchesOfAComparisonSayTheTotal of the source, as it is by then.
func TestBatchesOfAComparisonSayTheTotal(t *testing.T) {
	from, target := newMemory(), newMemory()
	for i := range 100 {
		p := product(fmt.Sprintf("p-%03d", i), "1")
		from.products[p.ID] = p
	}
	asked := 0
	from.before = func(question string) {
		if question == "spans" {
			if asked++; asked == 2 {
				p := product("q", "1")
				from.products[p.ID] = p
			}
		}
	}
	batches, err := run(t, from, target, "", transfer.Comparison{Near: target, Sizes: transfer.Sizes{Coarse: 10, Window: 1}}, 10, goOn)
	if err != nil || len(batches) < 2 {
		t.Fatalf("%d batches, %v", len(batches), err)
	}
	for i, b := range batches {
		if b.Total == nil || *b.Total != 100 && *b.Total != 101 {
			t.Fatalf("batch %d: total %v", i, b.Total)
		}
	}
	if last := batches[len(batches)-1]; *last.Total != 101 {
		t.Errorf("the last batch says %d, want 101", *last.Total)
	}
}

// late takes some time to draw spans.
type late struct {
	*memory
	takes time.Duration
}

func (l late) Spans(ctx context.Context, after, through string, every, limit int) (transfer.SpanPage, error) {
	<-time.After(l.takes)
	return l.memory.Spans(ctx, after, through, every, limit)
}

// TestWindowsInWhichNothingDiffersShareABatch, unless they take so long that people would not see how far the comparison is.
func TestWindowsInWhichNothingDiffersShareABatch(t *testing.T) {
	for takes, want := range map[time.Duration][2]int{0: {1, 3}, time.Second: {20, 20}} {
		synctest.Test(t, func(t *testing.T) {
			from, target := newMemory(), newMemory()
			for i := range 200 {
				p := product(fmt.Sprintf("p-%03d", i), "1")
				from.products[p.ID], target.products[p.ID] = p, p
			}
			k, opt := &sink{}, options(10)
			opt.Compare = &transfer.Comparison{
				Source: late{from, takes}, Target: target, Near: target, Products: from, Sizes: transfer.Sizes{Coarse: 10, Window: 1},
			}
			if err := transfer.Run(t.Context(), nil, k, opt); err != nil {
				t.Fatal(err)
			}
			if _, skipped, _ := handled(k.batches); skipped != 200 || len(k.batches) < want[0] || len(k.batches) > want[1] {
				t.Errorf("a window each %s: skipped %d products in %d batches, want %d to %d", takes, skipped, len(k.batches), want[0], want[1])
			}
		})
	}
}

func TestComparingCostsWhatDiffers(t *testing.T) {
	all := make([]catalog.Product, 100_000)
	for i := range all {
		all[i] = product(fmt.Sprintf("p-%06d", i), "1")
	}
	from, target := newMemory(all...), newMemory(all...)
	for i := range 10 {
		id := all[i*9973].ID
		target.products[id] = product(id, "old")
	}
	batches, err := run(t, from, target, "", transfer.Comparison{}, 1000, goOn)
	if err != nil {
		t.Fatal(err)
	}
	if read, skipped, _ := handled(batches); read != 10 || skipped != 99_990 {
		t.Errorf("read %d and skipped %d, want 10 and 99,990", read, skipped)
	}
	if from.entries > 10*16 || from.spans > 100+10*80 {
		t.Errorf("asked the source for %d entries and %d spans", from.entries, from.spans)
	}
}

// survey returns what only target has, by a comparison of everything.
func survey(t rapid.TB, from, target *memory, c transfer.Comparison) (extra []string) {
	c.Source, c.Target, c.Products = from, target, from
	opt := options(10)
	opt.Compare = &c
	err := transfer.Survey(context.Background(), c, &sink{}, opt, func(e []catalog.Entry) error {
		for _, e := range e {
			extra = append(extra, e.ID)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return extra
}

func TestSurveyNamesWhatOnlyTheTargetHas(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from, target := drawCatalog(t, "source"), drawCatalog(t, "target")
		var want []string
		for _, id := range slices.Sorted(maps.Keys(target.products)) {
			if _, there := from.products[id]; !there {
				want = append(want, id)
			}
		}
		if got := survey(t, from, target, drawComparison(t, from, target)); !slices.Equal(got, want) {
			t.Errorf("only at the target: %v, want %v", got, want)
		}
	})
}

func verify(t rapid.TB, from, target *memory, c transfer.Comparison, refused map[string]bool) (transfer.Verification, error) {
	c.Source, c.Target, c.Products = from, target, from
	k := &sink{}
	k.commit = func(_ context.Context, _ int, batch catalog.Batch) error {
		if !batch.Again || batch.Cursor != (catalog.Cursor{}) {
			t.Errorf("a verification counted products, or moved the cursor")
		}
		target.apply(batch)
		return nil
	}
	return transfer.Verify(context.Background(), c, k, options(rapidBatch), refused)
}

const rapidBatch = 3

func TestVerificationPutsRightWhatDiffers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from, target := drawCatalog(t, "source"), drawCatalog(t, "target")
		from.refused = rapid.MapOfN(drawID, rapid.Just(true), 0, 3).Draw(t, "refused")
		from.page = rapid.IntRange(0, 2).Draw(t, "page")
		before := maps.Clone(target.products)
		wrong, extra := int64(0), int64(0)
		for id, p := range from.products {
			if !from.refused[id] && target.products[id] != p {
				wrong++
			}
		}
		for id := range target.products {
			if _, there := from.products[id]; !there {
				extra++
			}
		}
		v, err := verify(t, from, target, drawComparison(t, from, target), from.refused)
		if err != nil {
			t.Fatal(err)
		}
		checkHas(t, from, target, before)
		if v.Rewritten != wrong || v.Moving != 0 || v.Extra.Count != extra || v.Products != int64(len(from.products)) {
			t.Errorf("got %+v; %d were wrong, %d only here, of %d", v, wrong, extra, len(from.products))
		}
	})
}

func TestVerificationOfALivingShopIsNoFailure(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from := drawCatalog(t, "source")
		target := newMemory(slices.Collect(maps.Values(from.products))...)
		version := 10
		from.before = func(string) {
			if ids := slices.Sorted(maps.Keys(from.products)); len(ids) > 0 {
				version++
				id := ids[version*7%len(ids)]
				from.products[id] = product(id, fmt.Sprint(version))
			}
		}
		if _, err := verify(t, from, target, drawComparison(t, from, target), nil); err != nil {
			t.Fatal(err)
		}
	})
}

func TestVerificationFailsWhereProductsDoNotStay(t *testing.T) {
	from, target := newMemory(product("a", "1"), product("b", "1")), newMemory(product("a", "1"), product("b", "1"))
	target.before = func(string) { target.products["b"] = product("b", "edited here again and again") }
	_, err := verify(t, from, target, transfer.Comparison{Near: target}, nil)
	var f *fault.Error
	if !errors.As(err, &f) || f.Code != "VERIFICATION_FAILED" {
		t.Errorf("got %v, want VERIFICATION_FAILED", err)
	}
}

// TestScatteredChangesAreComparedWithoutCoarseSpans: where nearly every coarse span differs, drawing them is a waste, until they are the
// same again.
func TestScatteredChangesAreComparedWithoutCoarseSpans(t *testing.T) {
	from, target := newMemory(), newMemory()
	for i := range 2000 {
		id, version := fmt.Sprintf("p-%04d", i), "1"
		if i < 1000 && i%50 == 0 {
			version = "2"
		}
		from.products[id], target.products[id] = product(id, version), product(id, "1")
	}
	drawn := 0
	from.before = func(question string) {
		if question == "spans" {
			drawn++
		}
	}
	c := transfer.Comparison{Sizes: transfer.Sizes{Coarse: 50, Fine: 5, Window: 2}} // 20 windows, in 10 of which something differs
	batches, err := run(t, from, target, "", c, 100, goOn)
	if err != nil {
		t.Fatal(err)
	}
	checkHas(t, from, target, nil)
	if read, skipped, _ := handled(batches); read != 20 || skipped != 1980 {
		t.Errorf("%d products were read and %d skipped, want 20 and 1,980", read, skipped)
	}
	// The source draws until the first window was compared, and again some windows after the last that differs.
	if drawn < 9 || drawn > 17 {
		t.Errorf("the source drew spans %d times, want about 12", drawn)
	}
}
