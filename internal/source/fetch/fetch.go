// Package fetch reads the feeds of peers over HTTP: one file, or a list that comes in pages. It does not trust who sends them: everything is
// bounded in time and size, credentials go to no other host, and every address is checked before it is connected to. It knows no format; what a
// page says about itself, it is told.
package fetch

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"fullsync/internal/catalog"
	"fullsync/internal/packing"
	"fullsync/internal/peer"
)

const (
	// defaultIdleTimeout bounds the wait for the next bytes.
	defaultIdleTimeout = 30 * time.Second
	// DefaultMaxBytes is the most that a feed may send, in bytes.
	DefaultMaxBytes = 4 << 30
	// maxPage is the largest page of a list, in bytes as unpacked. An answer that is larger is one file.
	maxPage = 16 << 20
	// maxPages bounds a list that never ends.
	maxPages = 100_000
)

// Page is what a page says about itself.
type Page struct {
	// IsList says that it is a page of a list, and Records how many records it has.
	IsList  bool
	Records int64
	// Total is how many records the whole list has, -1 if the page does not say.
	Total int64
	// Next is the address of the next page; "" if the page has none.
	Next string
	// Error is what the server says has gone wrong, if the page stands for that; "" otherwise.
	Error string
	// OffsetName is the parameter that says how many records to leave out; "" if the page has none.
	OffsetName string
}

// Options say what to fetch and how.
type Options struct {
	Target peer.Target
	// LookAt says what a page says about itself.
	LookAt func(page []byte) Page
	// OnlyFirst reads no more than the first page.
	OnlyFirst bool
	// Try repeats a step while its trouble may pass; nil tries once.
	Try func(ctx context.Context, step func() error) error
	// MaxBytes bounds all that comes, 0 for DefaultMaxBytes. IdleTimeout bounds the wait for the next bytes, 0 for 30 s.
	MaxBytes    int64
	IdleTimeout time.Duration
}

// Body is a feed that is being read. Its methods are called from one goroutine, but for LastSign and Bytes.
type Body struct {
	o      Options
	client *http.Client
	bytes  atomic.Int64
	last   atomic.Pointer[time.Time]
	// Unchanged says that the feed is what it was; there is nothing to read then.
	Unchanged bool
	// ETag and LastModified are those of an answer that is the whole feed.
	etag, modified string

	ctx   context.Context
	now   io.Reader
	close func()
	pages *pages
	err   error
}

// Open asks for a feed. With since, it asks whether the feed has changed since then. Trouble that may pass is a [transfer.TransientError]; what
// a person has to put right is a fault of kind Impossible. ctx bounds the whole reading.
func Open(ctx context.Context, o Options, since peer.FeedSeen) (*Body, error) {
	o.MaxBytes, o.IdleTimeout = cmp.Or(o.MaxBytes, DefaultMaxBytes), cmp.Or(o.IdleTimeout, defaultIdleTimeout)
	if o.Try == nil {
		o.Try = func(_ context.Context, step func() error) error { return step() }
	}
	b := &Body{o: o, ctx: ctx, client: newClient(o.Target), close: func() {}}
	first, err := firstPage(o.Target.URL)
	if err != nil {
		return nil, err
	}
	err = o.Try(ctx, func() error { return b.begin(first, since) })
	if err != nil {
		return b, errors.Join(err, b.Close())
	}
	return b, nil
}

// begin sends the first request, and finds out whether more pages will follow.
func (b *Body) begin(first place, since peer.FeedSeen) error {
	a, err := b.ask(first.url, since)
	if err != nil {
		return err
	}
	if a.status == http.StatusNotModified {
		a.close()
		b.Unchanged, b.now = true, bytes.NewReader(nil)
		return nil
	}
	if !a.mayBeJSON() {
		return b.stream(a, nil)
	}
	head, whole, err := a.page(b)
	if err != nil {
		a.close()
		return err
	}
	if !whole {
		return b.stream(a, head)
	}
	page := b.o.LookAt(head)
	next, err := first.next(a.header, page)
	if err != nil {
		a.close()
		return b.trouble("FEED_PAGES", "%s", err.Error())
	}
	a.close()
	b.now = bytes.NewReader(head)
	if next == nil || b.o.OnlyFirst {
		b.etag, b.modified = a.header.Get("ETag"), a.header.Get("Last-Modified")
		if page.IsList && next == nil && page.Total > page.Records {
			return b.trouble("FEED_PAGES", "its answer has %d of %d products, and does not say where the others are. Add the page to its URL, as in ?page=1 or ?offset=0, "+
				"and fullsync counts on from there", page.Records, page.Total)
		}
		return nil
	}
	b.pages = newPages(b, next, a.header, page, head)
	return nil
}

// stream reads an answer as one file. head has been read of it already.
func (b *Body) stream(a *answer, head []byte) error {
	plain, done, err := a.plain(b.o.MaxBytes)
	if err != nil {
		a.close()
		return b.failed(a.ctx, err)
	}
	if head != nil {
		plain = a.rest
	}
	b.etag, b.modified = a.header.Get("ETag"), a.header.Get("Last-Modified")
	b.now = io.MultiReader(bytes.NewReader(head), &watched{in: plain, body: b, ctx: a.ctx})
	b.close = func() { done(); a.close() }
	return nil
}

// Read implements [io.Reader].
func (b *Body) Read(p []byte) (int, error) {
	for b.err == nil {
		n, err := b.now.Read(p)
		if n > 0 || err == nil {
			return n, nil
		}
		if !errors.Is(err, io.EOF) || b.pages == nil {
			b.err = err
			break
		}
		b.now, b.err = b.pages.next()
	}
	return 0, b.err
}

// Close ends the reading. It is safe to call twice.
func (b *Body) Close() error {
	b.close()
	b.close = func() {}
	b.client.CloseIdleConnections()
	return nil
}

// Seen is what to ask with the next time. It is only complete when all was read, and empty for a list of several pages: no server says of them
// all whether they have changed.
func (b *Body) Seen() peer.FeedSeen { return peer.FeedSeen{ETag: b.etag, LastModified: b.modified} }

// Reached reports whether something answered.
func (b *Body) Reached() bool { return b.last.Load() != nil }

// LastSign returns when anything last came; zero before the first.
func (b *Body) LastSign() time.Time {
	if at := b.last.Load(); at != nil {
		return *at
	}
	return time.Time{}
}

// Bytes returns how many bytes have come, as transferred.
func (b *Body) Bytes() int64 { return b.bytes.Load() }

func (b *Body) hear() {
	now := time.Now()
	b.last.Store(&now)
}

// watched turns trouble with an answer's body into sentences.
type watched struct {
	in   io.Reader
	body *Body
	ctx  context.Context
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.in.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = w.body.failed(w.ctx, err)
	}
	return n, err
}

// packings are what is asked for.
const packings = packing.Zstd + ", " + packing.Gzip

// shown makes text of a server safe to show.
func shown(text string) string { return catalog.Shown(text, 80) }
