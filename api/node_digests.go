package api

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"fullsync/api/spec"
	"fullsync/internal/catalog"
)

const (
	// defaultEvery is how many products a span has where the request does not say.
	defaultEvery = 1000
	// maxRehashed is how many products a request for given intervals computes hashes of.
	maxRehashed = 100_000
	// rehashAtOnce is how many of them are looked at before the time is.
	rehashAtOnce = 5000
	// maxRehashTime is when such a request stops and says how to go on.
	maxRehashTime = 5 * time.Second
)

// ReadNodeDigests streams a page of digests of spans.
func (h *nodeHandlers) ReadNodeDigests(ctx context.Context, r spec.ReadNodeDigestsRequestObject) (spec.ReadNodeDigestsResponseObject, error) {
	after, through, rehash := valueOr(r.Params.After, ""), valueOr(r.Params.Through, ""), valueOr(r.Params.Rehash, false)
	side := h.sides(r.Catalog, rehash)
	certified, _ := side.(Certified)
	if err := goOnCertifying(certified, after, valueOr(r.Params.Certificate, "")); err != nil {
		return nil, err
	}
	return pageResponse(func(w http.ResponseWriter) error {
		page := digestPage{page: h.encoders.page(w, valueOr(r.Params.AcceptEncoding, ""), valueOr(r.Params.Limit, defaultLimit), h.pageBytes)}
		spans, err := side.Spans(ctx, after, through, valueOr(r.Params.Every, defaultEvery), page.limit)
		for i := 0; i < len(spans.Spans) && err == nil; i++ {
			err = page.add(spans.Spans[i])
		}
		page.more = page.more || spans.More
		if certified != nil && err == nil {
			page.certificate = certified.After(spans.Next)
		}
		// An older count will do even on the last page: whoever compares asks for the catalog's size when everything was read.
		total := h.lately(ctx, r.Catalog)
		if after == "" && through == "" && !page.more {
			total = func() (int64, error) { return page.products, nil } // the page is the whole catalog
		}
		return page.end(err, total)
	}), nil
}

// goOnCertifying has the certificate go on from that of everything up to an id; state is "" where it begins, or is not wanted.
func goOnCertifying(certified Certified, after, state string) error {
	if state == "" {
		return nil
	}
	certificate, err := catalog.ResumeCertificate(state)
	if err != nil || certified == nil || after == "" {
		return invalidField("certificate", "must be that of the page before, with rehash")
	}
	certified.Reached(after, certificate)
	return nil
}

// ReadNodeDigestsOfIntervals streams the digests of given intervals.
func (h *nodeHandlers) ReadNodeDigestsOfIntervals(ctx context.Context, r spec.ReadNodeDigestsOfIntervalsRequestObject) (spec.ReadNodeDigestsOfIntervalsResponseObject, error) {
	after, through := valueOr(r.Body.After, ""), r.Body.Through
	var anew Side
	if valueOr(r.Params.Rehash, false) {
		anew = h.sides(r.Catalog, true)
	}
	certified, _ := anew.(Certified)
	if err := goOnCertifying(certified, after, valueOr(r.Body.Certificate, "")); err != nil {
		return nil, err
	}
	return pageResponse(func(w http.ResponseWriter) error {
		page := digestPage{page: h.encoders.page(w, valueOr(r.Params.AcceptEncoding, ""), len(through), h.pageBytes)}
		digests, err := h.sides(r.Catalog, false).Digests(ctx, after, through)
		if err == nil && anew != nil {
			digests, err = rehash(ctx, anew, after, through, digests)
		}
		if n := len(digests); certified != nil && err == nil && n > 0 {
			if page.certificate = certified.Whole(); through[n-1] != "" {
				page.certificate = certified.After(through[n-1])
			}
		}
		for i := 0; i < len(digests) && err == nil; i++ {
			err = page.add(catalog.Span{Through: through[i], Digest: digests[i]})
		}
		page.more = page.more || len(digests) < len(through)
		return page.end(err, h.lately(ctx, r.Catalog))
	}), nil
}

// rehash answers for the first of the given intervals by the columns of their products, as many as may be. known is what
// is said of all of them without that.
func rehash(ctx context.Context, side Side, after string, through []string, known []catalog.Digest) ([]catalog.Digest, error) {
	began := time.Now()
	var out []catalog.Digest
	for done := int64(0); len(out) < len(known) && done < maxRehashed && (done == 0 || time.Since(began) < maxRehashTime); {
		n, part := 0, int64(0)
		for len(out)+n < len(known) && known[len(out)+n].Count <= maxRehashed && (n == 0 || part+known[len(out)+n].Count <= rehashAtOnce) {
			part += known[len(out)+n].Count
			n++
		}
		if n == 0 { // too large for one request
			out = append(out, catalog.Digest{Count: known[len(out)].Count})
		} else {
			digests, err := side.Digests(ctx, after, through[len(out):len(out)+n])
			if err != nil {
				return nil, err
			}
			out = append(out, digests...)
		}
		done += part
		after = through[len(out)-1]
	}
	return out, nil
}

// digestPage is a page of digests.
type digestPage struct {
	*page
	products    int64
	certificate *catalog.Certificate
}

// add writes the line of a span. A digest that is not known goes without a sum.
func (p *digestPage) add(s catalog.Span) error {
	err := p.page.add(s.Through, func(line []byte) []byte {
		line = quoted(append(line, `{"through":`...), s.Through)
		line = fmt.Appendf(line, `,"count":%d`, s.Count)
		if s.Known {
			line = fmt.Appendf(line, `,"sum":"%016x"`, s.Sum)
		}
		return append(line, '}')
	})
	if err == nil {
		p.products += s.Count
	}
	return err
}

// end finishes the page.
func (p *digestPage) end(failure error, total func() (int64, error)) error {
	return p.finish(failure, func(line []byte) ([]byte, error) {
		products, err := total()
		line = fmt.Appendf(line, `"spans":%d,"count":%d,"hashVersion":"%s","next":%s,"total":%d`,
			p.count, p.products, catalog.HashVersion, p.next(), products)
		if p.certificate != nil {
			line = fmt.Appendf(line, `,"certificate":"%s"`, p.certificate.State())
		}
		return line, err
	})
}
