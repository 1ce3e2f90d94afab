package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"fullsync/api/spec"
	"fullsync/internal/catalog"
	"fullsync/internal/packing"
	"fullsync/internal/transfer"
)

// Read returns the products whose id is greater than after, at most limit of them. A product that this node refuses
// is a reject of the page.
//
// It returns a [*transfer.TransientError] for trouble that may pass: no connection, a timeout, 429, 408, 5xx, a page
// that was cut. It returns Impossible, with a sentence that names the peer, for everything that a person has to fix: a
// refused token, a redirect, a certificate, an answer that is not a page of a node, products out of order or more than it
// asked for. If ctx ends, it returns its cause unchanged.
func (s *Source) Read(ctx context.Context, after string, limit int) (transfer.Page, error) {
	plain, try := s.coding.next()
	get := func(ctx context.Context, edit spec.RequestEditorFn) (*http.Response, error) {
		code := func(_ context.Context, req *http.Request) error {
			if plain {
				req.Header.Set("Accept-Encoding", packing.Identity)
			}
			return nil
		}
		return s.api.ReadNodeProducts(ctx, s.catalog, &spec.ReadNodeProductsParams{After: &after, Limit: &limit}, edit, code)
	}
	began := time.Now()
	page, err := s.products(ctx, get, after, limit, func(string) bool { return true })
	if err == nil {
		s.coding.came(try, len(page.Products)+len(page.Rejects), time.Since(began))
	}
	return page, err
}

// products fetches a page of products. All its ids must be wanted.
func (s *Source) products(ctx context.Context, get send, after string, limit int, wanted func(id string) bool) (transfer.Page, error) {
	// All at once: growing step by step moves every product several times.
	page := transfer.Page{Products: make([]catalog.Product, 0, min(limit, catalog.MaxBatchProducts))}
	tooLong := func(line *catalog.LineTooLongError, last string) {
		page.Rejects = append(page.Rejects, refuseLong(line, last))
	}
	end, err := s.readPage(ctx, get, after, limit, tooLong, func(line []byte) (item, error) {
		l, err := parseProductLine(line)
		if err != nil || l.end != nil {
			return item{end: l.end}, err
		}
		if l.reject != nil {
			if l.reject.ID != "" && !wanted(l.reject.ID) {
				return item{}, errNoLine
			}
			page.Rejects = append(page.Rejects, *l.reject)
			return item{}, nil
		}
		if !wanted(l.product.ID) {
			return item{}, errNoLine
		}
		page.Products = append(page.Products, l.product)
		return item{id: l.product.ID}, nil
	})
	if err != nil {
		return transfer.Page{}, err
	}
	page.Next, page.More, page.Total, page.Bytes = end.next, end.more, end.total, end.bytes
	return page, nil
}

// Hashes returns the entries whose id is greater than after, at most limit of them. It returns the errors of [Source.Read].
func (s *Source) Hashes(ctx context.Context, after string, limit int) (transfer.HashPage, error) {
	get := func(ctx context.Context, edit spec.RequestEditorFn) (*http.Response, error) {
		return s.api.ReadNodeHashes(ctx, s.catalog, &spec.ReadNodeHashesParams{After: &after, Limit: &limit}, edit)
	}
	return s.hashes(ctx, after, limit, get, func(string) bool { return true })
}

// hashes fetches a page of entries. All its ids must be wanted.
func (s *Source) hashes(ctx context.Context, after string, limit int, get send, wanted func(id string) bool) (transfer.HashPage, error) {
	var page transfer.HashPage
	end, err := s.readPage(ctx, get, after, limit, nil, func(line []byte) (item, error) {
		l, err := parseHashLine(line)
		if err != nil || l.end != nil {
			return item{end: l.end}, err
		}
		if !wanted(l.entry.ID) {
			return item{}, errNoLine
		}
		page.Entries = append(page.Entries, l.entry)
		return item{id: l.entry.ID}, nil
	})
	if err != nil {
		return transfer.HashPage{}, err
	}
	s.overhead.Add(end.bytes)
	page.Next, page.More, page.Total = end.next, end.more, end.total
	return page, nil
}

// item is one line of a page: an id, empty for a reject, or the end of the page.
type item struct {
	id  string
	end *endLine
}

// pageEnd is what we know once the whole page has come.
type pageEnd struct {
	next  string
	more  bool
	total *int64
	bytes int64
}

// refuseLong returns the reject for a product on a line that is too long to be read. last is the id before it.
func refuseLong(line *catalog.LineTooLongError, last string) catalog.Reject {
	id := catalog.IDOfLine(line.Beginning)
	reason := fmt.Sprintf("the product takes more than %d bytes on its line", catalog.MaxLineBytes)
	switch {
	case id != "":
	case last == "":
		reason += fmt.Sprintf("; its id was not found, it is on line %d of the first page", line.Number)
	default:
		reason += fmt.Sprintf("; its id was not found, it comes after product %s", last)
	}
	return catalog.Reject{ID: id, Reason: reason}
}

// readPage fetches a page and passes its lines to take until the page's end; see [Source.readLines].
func (s *Source) readPage(
	ctx context.Context, get send, after string, limit int,
	tooLong func(line *catalog.LineTooLongError, last string), take func([]byte) (item, error),
) (pageEnd, error) {
	end, err := s.readLines(ctx, get, after, limit, tooLong, take)
	return end, ofPage(err, limit)
}

// readLines fetches a page and passes its lines to take until the page's end. It skips a line that is too long and reports it
// to tooLong, with the last id before it; if tooLong is nil, such a line breaks the rules. After an error, whatever take has
// collected belongs to a page that must not be used.
func (s *Source) readLines(
	ctx context.Context, get send, after string, limit int,
	tooLong func(line *catalog.LineTooLongError, last string), take func([]byte) (item, error),
) (pageEnd, error) {
	a, err := s.get(ctx, typeNDJSON, s.encodings, get)
	if err != nil {
		return pageEnd{}, err
	}
	defer a.close()
	body, done, err := s.unpack(a)
	if err != nil {
		return pageEnd{}, s.unreadable(ctx, a, err)
	}
	defer done()

	lines := catalog.NewLineReader(body)
	last, bytes := after, 0
	for count := 0; ; count++ {
		line, _, err := lines.Next()
		var long *catalog.LineTooLongError
		if tooLong != nil && errors.As(err, &long) && count < limit {
			tooLong(long, last)
			continue
		}
		if bytes += len(line); err == nil && bytes > catalog.MaxPageBytes {
			err = packing.ErrTooLarge
		}
		if packing.IsTooLarge(err) && last != "" {
			return pageEnd{}, s.protocol(fmt.Sprintf("sent a page that is too large, after product %s", shown(last)))
		}
		if err != nil {
			return pageEnd{}, s.unreadable(ctx, a, err)
		}
		it, err := take(line)
		if err != nil {
			return pageEnd{}, s.badLine(ctx, a, lines, line)
		}
		if it.end != nil {
			end, err := s.checkEnd(it.end, after, last, count)
			if err != nil {
				return pageEnd{}, err
			}
			if _, _, err := lines.Next(); err == nil {
				return pageEnd{}, s.cut("lines follow the end of the page")
			} else if !errors.Is(err, io.EOF) {
				return pageEnd{}, s.unreadable(ctx, a, err)
			}
			end.bytes = a.body.bytes
			return end, nil
		}
		if count == limit {
			return pageEnd{}, s.protocol("sent more products than it was asked for")
		}
		if it.id != "" && it.id <= last {
			return pageEnd{}, s.protocol("sent products out of order")
		}
		last = max(last, it.id)
	}
}

// checkEnd checks the last line of a page of count lines, the last id of which is last.
func (s *Source) checkEnd(e *endLine, after, last string, count int) (pageEnd, error) {
	switch {
	case e.Count == nil || *e.Count != count:
		return pageEnd{}, s.cut("the page has %d lines, but says otherwise", count)
	case e.Total != nil && *e.Total < 0:
		return pageEnd{}, s.protocol("sent a negative number of products")
	case e.Next == nil:
		return pageEnd{next: last, total: e.Total}, nil
	case count == 0 || len(*e.Next) > maxIDBytes:
		// Otherwise a peer could keep a session busy for ever with empty pages.
		return pageEnd{}, s.protocol("sent a page that leads nowhere")
	case *e.Next < last || *e.Next <= after:
		return pageEnd{}, s.protocol("sent products out of order")
	}
	return pageEnd{next: *e.Next, more: true, total: e.Total}, nil
}

// badLine returns the error for a line that does not belong on a page. If nothing follows it, the line itself was cut: a
// server that fails in the middle of a page may end the answer as if it were complete.
func (s *Source) badLine(ctx context.Context, a *answer, lines *catalog.LineReader, line []byte) error {
	if isWebPage(line) {
		return s.webPage()
	}
	if _, _, err := lines.Next(); err != nil {
		return s.unreadable(ctx, a, err)
	}
	return s.protocol("sent a line that does not belong on a page")
}

// unreadable returns the error for a body that could not be read to the end of the page.
func (s *Source) unreadable(ctx context.Context, a *answer, err error) error {
	var tooLong *catalog.LineTooLongError
	var unasked *codingError
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, io.EOF):
		return s.cut("the page has no end line")
	case errors.As(err, &tooLong):
		return s.protocol("sent a line that is too long")
	case errors.As(err, &unasked):
		return s.protocol("compressed an answer in a way that we did not ask for")
	case packing.IsTooLarge(err):
		return s.protocol("sent a page that is too large")
	}
	return s.failed(ctx, a.ctx, err)
}
