package feed

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// groupBytes is how much of the input is in memory while parts are put together: those of a product may be that far from each other.
const groupBytes = 32 << 20

// groups puts the parts of products together. Products come out in the order in which they begin.
type groups struct {
	in    records
	parts func(record) []part
	end   error

	products []*node
	named    map[string]*node
	// waiting are parts whose parents have not come yet, by the names of the parents.
	waiting map[string][]*node
	lost    []*node
	size    int
}

// node is a part with those that belong to it.
type node struct {
	part
	lists    []string
	children map[string][]*node
	size     int
}

func newGroups(in records, parts func(record) []part) *groups {
	return &groups{in: in, parts: parts, named: map[string]*node{}, waiting: map[string][]*node{}}
}

func (g *groups) next() (record, error) {
	for g.end == nil && g.size <= groupBytes {
		rec, err := g.in.next()
		if err != nil {
			g.end = err
			break
		}
		rec = rec.clone()
		if rec.reason == "" && !utf8.Valid(rec.raw) {
			rec.reason = "the line is not valid UTF-8; " + otherEncoding
		}
		if rec.reason != "" {
			g.add(&node{part: part{record: rec}, size: len(rec.raw)})
			continue
		}
		for _, p := range g.parts(rec) {
			g.add(&node{part: p, size: len(rec.raw) + 100})
		}
	}
	if len(g.products) > 0 {
		first := g.products[0]
		g.products = g.products[1:]
		g.forget(first)
		return first.whole(), nil
	}
	for parent, nodes := range g.waiting { // only these are left
		g.lost = append(g.lost, nodes...)
		delete(g.waiting, parent)
	}
	if len(g.lost) > 0 {
		slices.SortFunc(g.lost, func(a, b *node) int { return a.line - b.line })
		first := g.lost[0]
		g.lost = g.lost[1:]
		g.size -= first.size
		return record{line: first.line, raw: first.raw, reason: fmt.Sprintf("it belongs to %s, which the input does not have, or not within %d MB",
			quote(first.parent), groupBytes>>20)}, nil
	}
	if g.end == nil || errors.Is(g.end, io.EOF) {
		return record{}, io.EOF
	}
	return record{}, g.end
}

// add puts a part in its place.
func (g *groups) add(n *node) {
	switch {
	case n.list == "" && len(n.keys) > 0 && g.named[n.keys[0]] != nil && n.isContinued(g.named[n.keys[0]]):
		return
	case n.list == "":
		g.products = append(g.products, n)
	case g.named[n.parent] != nil:
		g.named[n.parent].take(n)
	default:
		g.waiting[n.parent] = append(g.waiting[n.parent], n)
	}
	g.size += n.size
	for _, key := range n.keys {
		g.named[key] = n
		for _, child := range g.waiting[key] {
			n.take(child)
		}
		delete(g.waiting, key)
	}
}

// isContinued reports whether a product is only the beginning of a further line of an earlier one: it adds nothing.
func (n *node) isContinued(earlier *node) bool {
	for i, name := range n.names {
		if v, ok := earlier.at(path{name}); !ok || v.text != n.values[i].text || v.raw != nil {
			return false
		}
	}
	return true
}

func (n *node) take(child *node) {
	if n.children == nil {
		n.children = map[string][]*node{}
	}
	if n.children[child.list] == nil {
		n.lists = append(n.lists, child.list)
	}
	n.children[child.list] = append(n.children[child.list], child)
}

// forget removes a part and all that belongs to it from memory.
func (g *groups) forget(n *node) {
	g.size -= n.size
	for _, key := range n.keys {
		if g.named[key] == n {
			delete(g.named, key)
		}
	}
	for _, list := range n.children {
		for _, child := range list {
			g.forget(child)
		}
	}
}

// whole returns a part as a record, with lists of those that belong to it.
func (n *node) whole() record {
	rec := n.record
	if n.list == "" && len(n.lists) > 0 {
		rec.raw = n.rows()
	}
	for _, list := range n.lists {
		out := []byte{'['}
		for i, child := range n.children[list] {
			if i > 0 {
				out = append(out, ',')
			}
			inner := child.whole()
			out = append(out, inner.object()...)
		}
		rec.names = append(rec.names[:len(rec.names):len(rec.names)], list)
		rec.values = append(rec.values[:len(rec.values):len(rec.values)], value{raw: jsontext.Value(append(out, ']'))})
	}
	return rec
}

// rows returns the raw rows of a product and of all that belongs to it.
func (n *node) rows() []byte {
	rows := map[int][]byte{}
	n.collect(rows)
	var all []byte
	for _, line := range slices.Sorted(maps.Keys(rows)) {
		all = append(append(all, bytes.TrimRight(rows[line], "\r\n")...), '\n')
	}
	return all
}

func (n *node) collect(rows map[int][]byte) {
	rows[n.line] = n.raw
	for _, list := range n.children {
		for _, child := range list {
			child.collect(rows)
		}
	}
}
