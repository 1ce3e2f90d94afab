package duplicate

import (
	"cmp"
	"container/heap"
	"errors"
	"io"
)

// run reads a sorted run; head is its next element.
type run struct {
	head sighting
	next func() (sighting, error)
}

// runs is a heap of unfinished runs, ordered by their heads.
type runs []*run

// Len implements [heap.Interface].
func (r runs) Len() int { return len(r) }

// Swap implements [heap.Interface].
func (r runs) Swap(i, j int) { r[i], r[j] = r[j], r[i] }

// Less implements [heap.Interface].
func (r runs) Less(i, j int) bool {
	return cmp.Or(cmp.Compare(r[i].head.id, r[j].head.id), cmp.Compare(r[i].head.line, r[j].head.line)) < 0
}

// Push implements [heap.Interface].
func (r *runs) Push(x any) { *r = append(*r, x.(*run)) }

// Pop implements [heap.Interface].
func (r *runs) Pop() any {
	last := (*r)[len(*r)-1]
	*r = (*r)[:len(*r)-1]
	return last
}

// each calls do for everything in the runs, in order.
func (r runs) each(do func(sighting)) error {
	var open runs
	for _, one := range r {
		switch head, err := one.next(); {
		case err == nil:
			one.head = head
			open = append(open, one)
		case !errors.Is(err, io.EOF):
			return err
		}
	}
	heap.Init(&open)
	for len(open) > 0 {
		do(open[0].head)
		switch head, err := open[0].next(); {
		case err == nil:
			open[0].head = head
			heap.Fix(&open, 0)
		case errors.Is(err, io.EOF):
			heap.Pop(&open)
		default:
			return err
		}
	}
	return nil
}
