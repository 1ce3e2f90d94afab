package sample_test

import (
	"slices"
	"testing"

	"fullsync/internal/catalog"
	"fullsync/internal/sample"
)

func TestTheSameSeedGivesTheSameProducts(t *testing.T) {
	t.Parallel()
	first, again := slices.Collect(sample.Products(200, 7)), slices.Collect(sample.Products(200, 7))
	if !slices.Equal(first, again) {
		t.Error("two runs with one seed differ")
	}
	if slices.Equal(first, slices.Collect(sample.Products(200, 8))) {
		t.Error("another seed gives the same products")
	}
	if more := slices.Collect(sample.Products(300, 7)); !slices.Equal(first, more[:200]) {
		t.Error("asking for more products changes the first ones")
	}
}

func TestProductsAreRealistic(t *testing.T) {
	t.Parallel()
	var size, inactive int
	last := ""
	for p := range sample.Products(500, 1) {
		if p.ID <= last {
			t.Fatalf("%s comes after %s", p.ID, last)
		}
		last = p.ID
		line := p.AppendJSON(nil)
		size += len(line)
		if !p.Active {
			inactive++
		}
		if p.Name == "" || p.SKU == "" || p.Price == "" || p.Currency != "EUR" || p.Attributes == "{}" {
			t.Errorf("a member is missing: %s", line)
		}
		if read, err := catalog.Parse(line); err != nil || read != p {
			t.Errorf("%s does not read back: %v", p.ID, err)
		}
	}
	if average := size / 500; average < 400 || average > 700 {
		t.Errorf("a product takes %d bytes on average, want about 540", average)
	}
	if inactive != 10 {
		t.Errorf("%d of 500 products are inactive, want 10", inactive)
	}
}

func TestBatches(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		n, size int
		want    []int
	}{{0, 10, nil}, {1, 10, []int{1}}, {20, 10, []int{10, 10}}, {25, 10, []int{10, 10, 5}}} {
		var sizes []int
		var batches [][]catalog.Product
		for b := range sample.Batches(c.n, c.size, 3) {
			sizes = append(sizes, len(b))
			batches = append(batches, b) // a batch stays as it is when the next one is made
		}
		all := slices.Concat(batches...)
		if !slices.Equal(sizes, c.want) || !slices.Equal(all, slices.Collect(sample.Products(c.n, 3))) {
			t.Errorf("Batches(%d, %d): sizes %v, want %v, of the same products", c.n, c.size, sizes, c.want)
		}
	}
}

func TestACallerMayStop(t *testing.T) {
	t.Parallel()
	n := 0
	for range sample.Products(1_000_000_000, 1) {
		if n++; n == 3 {
			break
		}
	}
	batches := 0
	for range sample.Batches(1_000_000_000, 2, 1) {
		batches++
		break
	}
	if n != 3 || batches != 1 {
		t.Errorf("%d products, %d batches", n, batches)
	}
}
