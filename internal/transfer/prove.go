package transfer

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"fullsync/internal/catalog"
	"fullsync/internal/fault"
	"fullsync/internal/plural"
)

// maxAgainBytes bounds what one batch reads again because it changed meanwhile, in bytes.
const maxAgainBytes = 2 * catalog.MaxBatchBytes

// prove checks that the products of a page are those that the source's entries promised, and puts right what is not. A living shop
// moves between two answers, so what does not fit is asked for again: a product that is gone leaves the page, one that has changed
// replaces its older self. A source that goes on promising the same content and never hands it out is not telling the truth; see
// [errIncomplete].
func (w *walker) prove(ctx context.Context, asked []item, page *Page) error {
	doubts := unproved(asked, page)
	moved := make(map[string]bool)
	for look, bytes := 1, int64(0); len(doubts) > 0; look++ {
		listed, err := w.entries(ctx, w.Source, intervals(doubts))
		if err != nil {
			return err
		}
		promised := make(map[string]string, len(listed))
		for _, e := range listed {
			promised[e.ID] = e.Hash
		}
		for i, it := range doubts {
			moved[it.Through] = moved[it.Through] || promised[it.Through] != it.hash
			doubts[i].hash = promised[it.Through]
			if doubts[i].hash == "" {
				page.remove(it.Through)
			}
		}
		doubts = unproved(doubts, page)
		if look == looks {
			doubts = slices.DeleteFunc(doubts, func(it item) bool { return moved[it.Through] })
			if len(doubts) > 0 {
				return errBroken(w.nodeID, doubts[0].Interval)
			}
		}
		if len(doubts) == 0 {
			return nil
		}
		again, err := w.read(ctx, doubts)
		if err != nil {
			return err
		}
		if bytes += again.Bytes; bytes > maxAgainBytes {
			return errBroken(w.nodeID, doubts[0].Interval)
		}
		page.replace(again)
	}
	return nil
}

// unproved returns the items whose product did not come, or came with another content than promised. A product that this node
// refuses has no content to compare, and an item without a promise has nothing to prove.
func unproved(asked []item, page *Page) []item {
	hashes := make(map[string]string, len(page.Products))
	for i := range page.Products {
		hashes[page.Products[i].ID] = catalog.Short(page.Products[i].Hash)
	}
	refused := make(map[string]bool, len(page.Rejects))
	for _, r := range page.Rejects {
		refused[r.ID] = true
	}
	var doubts []item
	for _, it := range asked {
		if it.hash != "" && hashes[it.Through] != it.hash && !refused[it.Through] {
			doubts = append(doubts, it)
		}
	}
	return doubts
}

func intervals(items []item) []catalog.Interval {
	out := make([]catalog.Interval, len(items))
	for i, it := range items {
		out[i] = it.Interval
	}
	return out
}

// remove takes a product out of the page.
func (p *Page) remove(id string) {
	p.Products = slices.DeleteFunc(p.Products, func(q catalog.Product) bool { return q.ID == id })
	p.Rejects = slices.DeleteFunc(p.Rejects, func(r catalog.Reject) bool { return r.ID == id })
}

// replace puts newer answers about some products in the place of older ones.
func (p *Page) replace(newer Page) {
	for _, q := range newer.Products {
		p.remove(q.ID)
		at, _ := slices.BinarySearchFunc(p.Products, q.ID, func(p catalog.Product, id string) int { return strings.Compare(p.ID, id) })
		p.Products = slices.Insert(p.Products, at, q)
	}
	for _, r := range newer.Rejects {
		p.remove(r.ID)
		p.Rejects = append(p.Rejects, r)
	}
	p.Bytes += newer.Bytes
}

// errIncomplete is for a source that says again and again that products exist which it does not list.
func errIncomplete(nodeID string, in catalog.Interval, promise catalog.Digest, listed int64) error {
	return fault.New(fault.Conflict, CodeIncomplete, "Source is incomplete",
		"%s says that it has %s %s, and lists %d of them, each time it is asked. Run fullsync catalog check there, then resume the sync; "+
			"what was committed stays.", nodeID, plural.Of(promise.Count, "product"), between(in), listed)
}

// errBroken is for a source that says again and again what a product is, and does not hand it out like that.
func errBroken(nodeID string, in catalog.Interval) error {
	return fault.New(fault.Conflict, CodeIncomplete, "Source contradicts itself",
		"%s does not hand out the products that it lists %s, or hands them out with another content, each time it is asked. Run fullsync catalog "+
			"check there, then resume the sync; what was committed stays.", nodeID, between(in))
}

func between(in catalog.Interval) string {
	switch {
	case in.Through == "":
		return fmt.Sprintf("after %q", in.After)
	case in.After == "":
		return fmt.Sprintf("up to %q", in.Through)
	default:
		return fmt.Sprintf("after %q and up to %q", in.After, in.Through)
	}
}
