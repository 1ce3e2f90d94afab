package store

import (
	"errors"

	"fullsync/internal/catalog"
	"fullsync/internal/fault"
	"fullsync/internal/transfer"
)

const (
	// maxSpanProducts is how many products one page of spans covers at most.
	maxSpanProducts = 2_000_000
	// maxRehashProducts and maxRehashBytes are the same where every hash is computed anew.
	maxRehashProducts = 100_000
	maxRehashBytes    = 256 << 20
)

// errEnough ends a reading that has what it takes.
var errEnough = errors.New("enough")

// spanner cuts ascending products into spans.
type spanner struct {
	every, limit int
	spans        []catalog.Span
	more         bool
}

// add adds a product; a nil digest is unknown. It returns errEnough, and leaves it out, when there are enough spans.
func (m *spanner) add(id string, digest *int64) error {
	n := len(m.spans)
	if n == 0 || m.spans[n-1].Count == int64(m.every) {
		if n == m.limit {
			m.more = true
			return errEnough
		}
		m.spans = append(m.spans, catalog.Span{Digest: catalog.Digest{Known: true}})
		n++
	}
	m.spans[n-1].Through = id
	addDigest(&m.spans[n-1].Digest, digest)
	return nil
}

// page is what has been cut so far.
func (m *spanner) page(after string) transfer.SpanPage {
	page := transfer.SpanPage{Spans: m.spans, Next: after, More: m.more}
	if n := len(m.spans); n > 0 {
		page.Next = m.spans[n-1].Through
	}
	return page
}

func addDigest(d *catalog.Digest, digest *int64) {
	d.Count++
	if digest == nil {
		d.Known, d.Sum = false, 0
	} else if d.Known {
		d.Sum += uint64(*digest) //nolint:gosec // the same 64 bits
	}
}

// matcher adds ascending products to given intervals.
type matcher struct {
	through []string
	digests []catalog.Digest
	at      int
}

func newMatcher(through []string) *matcher {
	m := &matcher{through: through, digests: make([]catalog.Digest, len(through))}
	for i := range m.digests {
		m.digests[i].Known = true
	}
	return m
}

// add adds a product, which belongs to one of the intervals.
func (m *matcher) add(id string, digest *int64) error {
	for m.through[m.at] != "" && id > m.through[m.at] {
		if m.at++; m.at == len(m.through) {
			return errEnough
		}
	}
	addDigest(&m.digests[m.at], digest)
	return nil
}

// checkBounds returns Invalid unless the bounds of intervals ascend; only the last may be "".
func checkBounds(after string, through []string) error {
	for i, bound := range through {
		if bound <= after && (bound != "" || i < len(through)-1) {
			return fault.New(fault.Invalid, "INVALID_BOUNDS", "Invalid request", "The bounds of the intervals must ascend.").
				With("through", "must ascend; only the last may be empty")
		}
		after = bound
	}
	return nil
}
