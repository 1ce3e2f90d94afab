package catalog_test

import (
	"strings"
	"testing"

	"fullsync/internal/catalog"
)

func TestOnlyWhatTheSessionLeftIsPutBack(t *testing.T) {
	t.Parallel()
	hash := func(name string) string {
		p := catalog.Product{ID: "p-1", Name: name}
		return p.ContentHash()
	}
	old, left, other := hash("old"), hash("new"), hash("other")
	was := &catalog.Stored{Product: catalog.Product{ID: "p-1", Hash: old}}
	for name, c := range map[string]struct {
		restore catalog.Restore
		now     string
		back    bool
		reason  string
	}{
		"updated":                     {catalog.Restore{Before: was, After: left}, left, true, ""},
		"updated, changed since":      {catalog.Restore{Before: was, After: left}, other, false, "changed after"},
		"updated, deleted since":      {catalog.Restore{Before: was, After: left}, "", false, "deleted after"},
		"updated, put back already":   {catalog.Restore{Before: was, After: left}, old, false, ""},
		"deleted":                     {catalog.Restore{Before: was}, "", true, ""},
		"deleted, added again":        {catalog.Restore{Before: was}, other, false, "added again"},
		"deleted, put back already":   {catalog.Restore{Before: was}, old, false, ""},
		"created":                     {catalog.Restore{After: catalog.Short(left)}, left, true, ""},
		"created, changed since":      {catalog.Restore{After: catalog.Short(left)}, other, false, "changed after"},
		"created, taken away already": {catalog.Restore{After: catalog.Short(left)}, "", false, ""},
	} {
		c.restore.ID = "p-1"
		back, reject := c.restore.Decide(c.now)
		switch {
		case back != c.back || (reject != nil) != (c.reason != ""):
			t.Errorf("%s: put back %v, left %v", name, back, reject)
		case reject != nil && (reject.ID != "p-1" || !strings.Contains(reject.Reason, c.reason)):
			t.Errorf("%s: left because %q", name, reject.Reason)
		}
	}
}
