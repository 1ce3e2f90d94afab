package node

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"

	"fullsync/api/spec"
	"fullsync/internal/catalog"
	"fullsync/internal/fault"
	"fullsync/internal/transfer"
)

const (
	// maxAsked is how many bounds, intervals or ids one request holds, maxAskedBytes how long they are altogether. A node
	// accepts a body of 1 MiB, and in it an id may take twice its length.
	maxAsked      = 5000
	maxAskedBytes = 400 << 10
	// maxListed is how many entries one answer of [Source.Entries] has at most. Callers know that there are fewer.
	maxListed = 250_000
	// pageLimit is the largest page of spans or entries.
	pageLimit = 5000
)

// Spans implements [transfer.Side]. It returns the errors of [Source.Read], and a [*transfer.IncomparableError] if the peer's
// version has no digests, or other hashes.
func (s *Source) Spans(ctx context.Context, after, through string, every, limit int) (transfer.SpanPage, error) {
	page, _, err := s.spans(ctx, spec.ReadNodeDigestsParams{After: &after, Through: &through, Every: &every, Limit: &limit})
	return page, err
}

// Digests implements [transfer.Side]. It returns the errors of [Source.Spans].
func (s *Source) Digests(ctx context.Context, after string, through []string) ([]catalog.Digest, error) {
	return s.digests(ctx, after, through, nil, nil)
}

// Entries implements [transfer.Side]. It returns the errors of [Source.Spans].
func (s *Source) Entries(ctx context.Context, of []catalog.Interval) ([]catalog.Entry, error) {
	return s.entries(ctx, of, nil)
}

// Rehashed implements [transfer.Rehasher].
func (s *Source) Rehashed() transfer.Side { return &rehashed{source: s} }

// rehashed is the catalog of a node that must not trust its stored hashes.
type rehashed struct {
	source *Source
	// chains says that the node's version certifies given intervals too.
	chains bool
	transfer.Certificates
}

var _ transfer.Certifier = (*rehashed)(nil)

// anew is the requests' parameter rehash.
func anew() *bool { rehash := true; return &rehash }

// Spans implements [transfer.Side].
func (r *rehashed) Spans(ctx context.Context, after, through string, every, limit int) (transfer.SpanPage, error) {
	ask := spec.ReadNodeDigestsParams{After: &after, Through: &through, Every: &every, Limit: &limit, Rehash: anew()}
	ask.Certificate = stateAfter(&r.Certificates, after)
	page, certificate, err := r.source.spans(ctx, ask)
	if err != nil {
		return page, err
	}
	if page.Next != "" {
		r.Reached(page.Next, certificate)
	}
	if !page.More && through == "" {
		r.Reached("", certificate)
	}
	return page, nil
}

// Digests implements [transfer.Side].
func (r *rehashed) Digests(ctx context.Context, after string, through []string) ([]catalog.Digest, error) {
	var chain *transfer.Certificates
	if r.chains {
		chain = &r.Certificates
	}
	return r.source.digests(ctx, after, through, anew(), chain)
}

// Entries implements [transfer.Side].
func (r *rehashed) Entries(ctx context.Context, of []catalog.Interval) ([]catalog.Entry, error) {
	return r.source.entries(ctx, of, anew())
}

// ReadSpan implements [transfer.SpanReader]. It returns the errors of [Source.Read].
func (s *Source) ReadSpan(ctx context.Context, after, through string, limit int) (transfer.Page, error) {
	get := func(ctx context.Context, edit spec.RequestEditorFn) (*http.Response, error) {
		return s.api.ReadNodeProducts(ctx, s.catalog, &spec.ReadNodeProductsParams{After: &after, Through: &through, Limit: &limit}, edit)
	}
	inside := func(id string) bool { return id > after && (through == "" || id <= through) }
	page, err := s.products(ctx, get, after, limit, inside)
	if err == nil && page.More && !inside(page.Next) {
		return transfer.Page{}, s.protocol("sent a page that leads nowhere")
	}
	return page, err
}

// ReadProducts implements [transfer.SpanReader]. It returns the errors of [Source.Spans].
func (s *Source) ReadProducts(ctx context.Context, ids []string) (transfer.Page, error) {
	if len(ids) == 0 {
		return transfer.Page{}, nil
	}
	n := fitting(len(ids), func(i int) int { return len(ids[i]) })
	asked := ids[:n]
	get := func(ctx context.Context, edit spec.RequestEditorFn) (*http.Response, error) {
		return s.api.ReadNodeProductsById(ctx, s.catalog, nil, spec.NodeIds{Ids: asked}, edit)
	}
	inside := func(id string) bool { _, found := slices.BinarySearch(asked, id); return found }
	page, err := s.products(ctx, get, "", n, inside)
	switch {
	case err != nil:
		return page, s.comparing(err)
	case page.More && !inside(page.Next):
		return transfer.Page{}, s.protocol("sent a page that leads nowhere")
	case !page.More && n < len(ids):
		page.More, page.Next = true, asked[n-1]
	}
	return page, nil
}

// spans asks for a page of spans. The certificate is nil if the peer sent none.
func (s *Source) spans(ctx context.Context, ask spec.ReadNodeDigestsParams) (transfer.SpanPage, *catalog.Certificate, error) {
	every := int64(*ask.Every)
	var page transfer.SpanPage
	end, err := s.digestPage(ctx, *ask.After, *ask.Limit, func(ctx context.Context, edit spec.RequestEditorFn) (*http.Response, error) {
		return s.api.ReadNodeDigests(ctx, s.catalog, &ask, edit)
	}, func(span catalog.Span) bool {
		page.Spans = append(page.Spans, span)
		return span.Through != "" && (*ask.Through == "" || span.Through <= *ask.Through) && span.Count > 0 && span.Count <= every
	})
	if err != nil {
		return transfer.SpanPage{}, nil, err
	}
	page.Next, page.More, page.Total = end.next, end.more, end.total
	if n := len(page.Spans); page.More && page.Next != page.Spans[n-1].Through {
		return transfer.SpanPage{}, nil, s.protocol("sent a page that leads nowhere")
	}
	certificate, err := s.certified(end)
	if err != nil {
		return transfer.SpanPage{}, nil, err
	}
	return page, certificate, nil
}

// stateAfter returns the state of the certificate of everything up to an id, for the request that goes on from there; nil where it begins
// with that request, or is not known.
func stateAfter(chain *transfer.Certificates, after string) *string {
	certificate := chain.After(after)
	if certificate == nil || after == "" {
		return nil
	}
	state := certificate.State()
	return &state
}

// certified returns the certificate that came with a page, nil if the peer sent none.
func (s *Source) certified(end digestsRead) (*catalog.Certificate, error) {
	if end.certificate == "" {
		return nil, nil
	}
	certificate, err := catalog.ResumeCertificate(end.certificate)
	if err != nil {
		return nil, s.protocol("sent an invalid certificate")
	}
	return certificate, nil
}

// digests asks for the digests of the given intervals, in as many requests as it takes.
// Where chain is not nil, the certificate goes on from there.
func (s *Source) digests(ctx context.Context, after string, through []string, rehash *bool, chain *transfer.Certificates) ([]catalog.Digest, error) {
	var all []catalog.Digest
	for len(all) < len(through) {
		rest := through[len(all):]
		asked := rest[:fitting(len(rest), func(i int) int { return len(rest[i]) })]
		n := 0
		bounds := spec.NodeBounds{After: &after, Through: asked}
		if chain != nil {
			bounds.Certificate = stateAfter(chain, after)
		}
		end, err := s.digestPage(ctx, after, len(asked), func(ctx context.Context, edit spec.RequestEditorFn) (*http.Response, error) {
			return s.api.ReadNodeDigestsOfIntervals(ctx, s.catalog, &spec.ReadNodeDigestsOfIntervalsParams{Rehash: rehash},
				bounds, edit)
		}, func(span catalog.Span) bool {
			if n == len(asked) || span.Through != asked[n] {
				return false
			}
			n++
			all = append(all, span.Digest)
			return true
		})
		if err != nil {
			return nil, err
		}
		if n == 0 || end.more != (n < len(asked)) || end.more && end.next != asked[n-1] {
			return nil, s.protocol("did not answer for the intervals that it was asked about")
		}
		if after = asked[n-1]; chain != nil {
			certificate, err := s.certified(end)
			if err != nil {
				return nil, err
			}
			chain.Reached(after, certificate)
		}
	}
	return all, nil
}

// entries lists intervals, in as many requests as it takes.
func (s *Source) entries(ctx context.Context, of []catalog.Interval, rehash *bool) ([]catalog.Entry, error) {
	var all []catalog.Entry
	limit := pageLimit
	for of = slices.Clone(of); len(of) > 0; {
		asked := make([]spec.NodeInterval, fitting(len(of), func(i int) int { return len(of[i].After) + len(of[i].Through) }))
		for i := range asked {
			asked[i] = spec.NodeInterval{After: of[i].After, Through: of[i].Through}
		}
		at := 0
		inside := func(id string) bool { // ids ascend, and so do the intervals
			for at < len(asked) && asked[at].Through != "" && id > asked[at].Through {
				at++
			}
			return at < len(asked) && id > asked[at].After
		}
		short := true
		page, err := s.hashes(ctx, of[0].After, limit, func(ctx context.Context, edit spec.RequestEditorFn) (*http.Response, error) {
			return s.api.ReadNodeHashesOfIntervals(ctx, s.catalog, &spec.ReadNodeHashesOfIntervalsParams{Limit: &limit, Rehash: rehash, Short: &short},
				spec.NodeIntervals{Intervals: asked}, edit)
		}, inside)
		if err != nil {
			return nil, s.comparing(err)
		}
		all = append(all, page.Entries...)
		switch {
		case len(all) > maxListed:
			return nil, s.protocol("lists many more products than it counts")
		case !page.More:
			of = of[len(asked):]
			continue
		case !inside(page.Next):
			return nil, s.protocol("sent a page that leads nowhere")
		}
		of = of[at:]
		if of[0].After = page.Next; of[0].Through == page.Next {
			of = of[1:]
		}
	}
	return all, nil
}

// fitting returns how many of n things, given their lengths, fit into one request: at least one.
func fitting(n int, length func(i int) int) int {
	size := 0
	for i := range min(n, maxAsked) {
		if size += length(i) + 1; size > maxAskedBytes && i > 0 {
			return i
		}
	}
	return min(n, maxAsked)
}

// digestsRead is what we know once a whole page of digests has come.
type digestsRead struct {
	pageEnd
	certificate string
}

// digestPage fetches a page of digests and passes its spans to take, which returns false for one that does not belong there.
func (s *Source) digestPage(ctx context.Context, after string, limit int, do send, take func(catalog.Span) bool) (digestsRead, error) {
	var last *digestsEnd
	var products int64
	end, err := s.readLines(ctx, do, after, limit, nil, func(line []byte) (item, error) {
		l, err := parseDigestLine(line)
		switch {
		case err != nil:
			return item{}, err
		case l.end != nil:
			last = l.end
			return item{end: &endLine{Count: l.end.Spans, Next: l.end.Next, Total: l.end.Total}}, nil
		case !take(l.span):
			return item{}, errNoLine
		}
		products += l.span.Count
		return item{id: l.span.Through}, nil
	})
	switch {
	case err != nil:
		return digestsRead{}, s.comparing(err)
	case last.HashVersion != catalog.HashVersion:
		return digestsRead{}, incomparable("Peer %s hashes products with version %s and this node with version %s, so the two cannot be compared.",
			s.peerID, strconv.Quote(shown(last.HashVersion)), strconv.Quote(catalog.HashVersion))
	case last.Count == nil || *last.Count != products:
		return digestsRead{}, s.cut("the spans hold %d products, but the page says otherwise", products)
	}
	s.overhead.Add(end.bytes)
	return digestsRead{pageEnd: end, certificate: last.Certificate}, nil
}

// comparing turns an error of the routes for comparing into the caller's. A peer that does not know these routes runs an
// earlier version.
func (s *Source) comparing(err error) error {
	if errors.Is(err, errNoRoute) {
		return incomparable("Peer %s runs an earlier version of fullsync, which cannot compare catalogs with this one.", s.peerID)
	}
	return err
}

func incomparable(format string, args ...any) error {
	return &transfer.IncomparableError{Err: fault.New(fault.Impossible, "PEER_INCOMPARABLE", "Catalogs cannot be compared", format, args...)}
}
