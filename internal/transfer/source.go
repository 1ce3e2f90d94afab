package transfer

import (
	"context"
	"errors"
	"time"

	"fullsync/internal/catalog"
)

// Source is where products come from. Its methods are called from one goroutine at a time.
//
// An error that may pass by itself (a timeout, 429, 5xx, a cut page) is a [*TransientError]; any other ends the
// session in FAILED with the sentence of the [fault.Error] in its chain.
type Source interface {
	// Describe asks the source who it is and how large the catalog is.
	Describe(ctx context.Context) (Description, error)
	// Read returns the products whose id is greater than after, in ascending byte order, at most limit of them
	// (1 to 5,000) and about 4 MiB. after is "" for the beginning.
	Read(ctx context.Context, after string, limit int) (Page, error)
	// Close gives back connections. It is safe to call twice.
	Close() error
}

// Introducer is a [Source] that can say who it is without counting its catalog, which takes as long as comparing it.
type Introducer interface {
	// Introduce is [Source.Describe] with an unknown total.
	Introduce(ctx context.Context) (Description, error)
}

// Comparer is a [Source] that can list (id, hash) without the products.
type Comparer interface {
	// Hashes returns the entries whose id is greater than after, in ascending byte order, at most limit of them.
	Hashes(ctx context.Context, after string, limit int) (HashPage, error)
}

// Audible is a [Source] that can tell when anything last came from it: a whole page may take long while bytes of it come.
type Audible interface {
	// LastSign returns when that was, with the monotonic clock; zero before the first. It is safe for concurrent use.
	LastSign() time.Time
}

// Metered is a [Source] that also answers without products, when sides are compared.
type Metered interface {
	// Overhead returns how many bytes such answers have brought so far, as transferred. It is safe for concurrent use.
	Overhead() int64
}

// Description is what a source says of itself.
type Description struct {
	// NodeID is the source's own name; a cursor is bound to it.
	NodeID string
	// Total is the number of products in the catalog, or -1 where the source does not know.
	Total int64
}

// Page is one answer of a source. Products are ascending and unique by id.
type Page struct {
	Products []catalog.Product
	Rejects  []catalog.Reject
	// Restores are a [catalog.Batch]'s.
	Restores []catalog.Restore
	// Next is what to pass as after for the following page; More is false on the last page, and Next then still
	// holds the last id seen.
	Next string
	More bool
	// Total is how many products the source says its catalog has, nil where it does not say. On the last page it is of
	// a moment after the page was read; on others it may be some seconds older.
	Total *int64
	// Bytes is what came over the wire, as transferred (compressed where it was).
	Bytes int64
}

// HashPage is one answer of [Comparer.Hashes].
type HashPage struct {
	Entries []catalog.Entry
	Next    string
	More    bool
	// Total is that of a [Page].
	Total *int64
}

// CodeIncomplete is the code of the fault that a source does not hand out the products that it says it has.
const CodeIncomplete = "SOURCE_INCOMPLETE"

// TransientError is trouble that is worth another try.
type TransientError struct {
	// Err says what happened, for a person.
	Err error
	// After is how long the source asked to be left alone (Retry-After), or 0. Such a source is alive, and uses up no
	// tries.
	After time.Duration
	// Slow says that the answer took too long: asking for less at once may help.
	Slow bool
}

// Error returns what happened.
func (e *TransientError) Error() string { return e.Err.Error() }

// Unwrap returns what happened.
func (e *TransientError) Unwrap() error { return e.Err }

// asTransient returns the TransientError in err's chain, if there is one.
func asTransient(err error) (*TransientError, bool) {
	var t *TransientError
	ok := errors.As(err, &t)
	return t, ok
}
