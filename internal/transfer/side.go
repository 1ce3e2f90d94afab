package transfer

import (
	"context"

	"fullsync/internal/catalog"
)

// Side is one end of a comparison: a catalog here or at a peer. Both ends answer the same questions, so a pull and a
// push differ only in which is which.
//
// Every question is about the ids greater than after and up to through, in byte order; after is "" at the beginning and
// through "" for the end of the catalog. Answers are no snapshot: what changes meanwhile may be in one and not in the
// next. Errors are those of a [Source]; an [*IncomparableError] says that the side can answer none of these questions.
// Its methods are safe for concurrent use.
type Side interface {
	// Spans draws spans of every products (1 to 100,000), in order, at most limit of them. The last span of the catalog
	// ends with the last product, so that it may be shorter, and so may be any other.
	Spans(ctx context.Context, after, through string, every, limit int) (SpanPage, error)
	// Digests answers for given intervals: from after up to through[0], on from there up to through[1], and so on. The
	// bounds ascend; only the last may be "". There is one digest for each.
	Digests(ctx context.Context, after string, through []string) ([]catalog.Digest, error)
	// Entries lists the ids and hashes (or short ones, see [catalog.Short]) of the given intervals, which ascend and do not overlap, in order. Whoever asks knows
	// from their digests that they hold some thousands at most.
	Entries(ctx context.Context, of []catalog.Interval) ([]catalog.Entry, error)
}

// Rehasher is a [Side] that can look again: it believes no stored hash and computes every one anew from the product's
// columns.
type Rehasher interface {
	// Rehashed returns the same side, which answers every question that way from then on. It costs as much as reading
	// the products does.
	Rehashed() Side
}

// Certifier is a side that [Rehasher.Rehashed] returned, and what it has to say about the whole catalog.
type Certifier interface {
	// Certificate returns the certificate of the catalog, once its spans (or digests) have been asked for from the
	// beginning to the end, in order and without a gap; ok is false otherwise.
	Certificate() (sha256 string, products int64, ok bool)
	// Forget forgets what was asked so far: the catalog is about to be asked for once more, and may have changed.
	Forget()
}

// Repairer is a side that [Rehasher.Rehashed] returned, and that puts right the stored hashes it finds wrong, so that the next
// batch is compared with what is really there.
type Repairer interface {
	// Repaired returns how many it has put right.
	Repaired() int64
}

// SpanReader is a [Side] whose products can be read span by span.
type SpanReader interface {
	// ReadSpan is [Source.Read] up to through, "" for the end of the catalog.
	ReadSpan(ctx context.Context, after, through string, limit int) (Page, error)
	// ReadProducts reads up to 5,000 single products, by ids that ascend. A product that is not there (any more) is
	// left out. More is true where the page was full before the last of them; ask again for those after Next.
	ReadProducts(ctx context.Context, ids []string) (Page, error)
}

// SpanPage is one answer of [Side.Spans].
type SpanPage struct {
	Spans []catalog.Span
	// Next is what to pass as after for the following page; More is false on the last page.
	Next string
	More bool
	// Total is how many products the catalog holds now, nil where the side does not say.
	Total *int64
}

// IncomparableError says that a side cannot be compared with this node's: its version has no digests, or another
// content hash. Whoever meets it reads everything.
type IncomparableError struct {
	// Err says why, for a person.
	Err error
}

// Error returns why.
func (e *IncomparableError) Error() string { return e.Err.Error() }

// Unwrap returns why.
func (e *IncomparableError) Unwrap() error { return e.Err }
