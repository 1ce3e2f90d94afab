package catalog

import (
	"slices"
	"testing"
)

// TestPartsOfABatch come to the whole batch, and each moves the cursor on.
func TestPartsOfABatch(t *testing.T) {
	t.Parallel()
	whole := Batch{
		Products: []Product{{ID: "b"}, {ID: "d"}, {ID: "f"}}, Rejects: []Reject{{Reason: "no id"}, {ID: "c"}, {ID: "g"}},
		Skips: []Skip{{"a", 10}, {"e", 20}, {"h", 40}}, Cursor: Cursor{NodeID: "main", Catalog: "main", After: "h"}, Bytes: 5,
	}
	if !whole.Divides("a") || whole.Divides("b") || whole.Divides("h") {
		t.Error("it divides where its first product is behind the position before it")
	}
	var products, rejects []string
	var skipped, bytes int64
	add := func(part Batch) {
		for _, p := range part.Products {
			products = append(products, p.ID)
		}
		for _, r := range part.Rejects {
			rejects = append(rejects, r.ID)
		}
		skipped, bytes = skipped+part.Skipped(), bytes+part.Bytes
	}
	first := whole.First(2)
	if first.Cursor.After != "d" || first.Cursor.NodeID != "main" || first.Skipped() != 10 || len(first.Rejects) != 2 {
		t.Errorf("the first part: %+v", first)
	}
	add(first)
	add(whole.Behind(first.Cursor.After))
	if !slices.Equal(products, []string{"b", "d", "f"}) || !slices.Equal(rejects, []string{"", "c", "g"}) || skipped != 70 || bytes != 5 {
		t.Errorf("the parts hold %v, %v, %d skipped, %d bytes", products, rejects, skipped, bytes)
	}
	for name, not := range map[string]Batch{
		"products that come again": {Products: whole.Products, Cursor: whole.Cursor, Again: true},
		"deletes":                  {Deletes: []string{"a"}},
		"no position":              {Products: whole.Products},
	} {
		if not.Divides("") {
			t.Errorf("%s divide", name)
		}
	}
}
