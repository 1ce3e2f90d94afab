package api

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"fullsync/api/spec"
	"fullsync/internal/catalog"
	"fullsync/internal/peer"
)

// defaultLimit is how many lines a page has where the request does not say.
const defaultLimit = 1000

// nodeHandlers answer other nodes.
type nodeHandlers struct {
	node      NodeInfo
	peers     Peers
	catalogs  Catalogs
	pages     Pages
	sides     Sides
	totals    *totals
	encoders  *encoders
	pageBytes int
}

// pageResponse writes a page. It returns an error only while nothing has been sent.
type pageResponse func(w http.ResponseWriter) error

// VisitReadNodeProductsResponse writes the page.
func (p pageResponse) VisitReadNodeProductsResponse(w http.ResponseWriter) error { return p(w) }

// VisitReadNodeProductsByIdResponse writes the page.
func (p pageResponse) VisitReadNodeProductsByIdResponse(w http.ResponseWriter) error { return p(w) }

// VisitReadNodeHashesResponse writes the page.
func (p pageResponse) VisitReadNodeHashesResponse(w http.ResponseWriter) error { return p(w) }

// VisitReadNodeHashesOfIntervalsResponse writes the page.
func (p pageResponse) VisitReadNodeHashesOfIntervalsResponse(w http.ResponseWriter) error {
	return p(w)
}

// VisitReadNodeDigestsResponse writes the page.
func (p pageResponse) VisitReadNodeDigestsResponse(w http.ResponseWriter) error { return p(w) }

// VisitReadNodeDigestsOfIntervalsResponse writes the page.
func (p pageResponse) VisitReadNodeDigestsOfIntervalsResponse(w http.ResponseWriter) error {
	return p(w)
}

// GetNode says which node this is. The catalog main is listed even while it is empty, so that it can be pulled.
func (h *nodeHandlers) GetNode(ctx context.Context, r spec.GetNodeRequestObject) (spec.GetNodeResponseObject, error) {
	out := spec.GetNode200JSONResponse{NodeId: h.node.ID, NodeName: h.node.Name, Version: h.node.Version, Catalogs: []spec.NodeCatalog{}}
	seen := valueOr(r.Params.Seen, "")
	ours, knows := h.peers.Recognise(ctx, valueOr(r.Params.XFullsyncNode, ""), caller(ctx), peer.Marks{Newest: valueOr(r.Params.Mark, ""), Seen: seen})
	out.Mark, out.Seen = optional(ours.Newest), optional(ours.Seen)
	if seen != "" {
		out.KnowsSeen = &knows
	}
	if !valueOr(r.Params.Catalogs, true) {
		return out, nil
	}
	began := h.totals.now()
	counts, err := h.catalogs.CountCatalogs(ctx)
	if err != nil {
		return nil, err
	}
	hasDefault := false
	for _, c := range counts {
		h.totals.learn(c.Catalog, c.Products, began)
		hasDefault = hasDefault || c.Catalog == catalog.Default
		out.Catalogs = append(out.Catalogs, spec.NodeCatalog{Catalog: c.Catalog, Products: c.Products})
	}
	if !hasDefault {
		out.Catalogs = append(out.Catalogs, spec.NodeCatalog{Catalog: catalog.Default})
	}
	return out, nil
}

// ReadNodeProducts streams a page of products.
func (h *nodeHandlers) ReadNodeProducts(ctx context.Context, r spec.ReadNodeProductsRequestObject) (spec.ReadNodeProductsResponseObject, error) {
	limit, after, through := valueOr(r.Params.Limit, defaultLimit), valueOr(r.Params.After, ""), valueOr(r.Params.Through, "")
	return pageResponse(func(w http.ResponseWriter) error {
		page := h.encoders.page(w, valueOr(r.Params.AcceptEncoding, ""), limit, h.pageBytes)
		failure := readAll(page, after, func(after string, each func(*catalog.Product) error) error {
			return h.pages.ReadSpan(ctx, r.Catalog, after, through, page.limit+1-page.count, each)
		})
		return page.end(failure, h.total(ctx, page, r.Catalog, after, through))
	}), nil
}

// ReadNodeProductsById streams a page of single products.
func (h *nodeHandlers) ReadNodeProductsById(ctx context.Context, r spec.ReadNodeProductsByIdRequestObject) (spec.ReadNodeProductsByIdResponseObject, error) {
	ids := slices.Sorted(slices.Values(r.Body.Ids))
	return pageResponse(func(w http.ResponseWriter) error {
		page := h.encoders.page(w, valueOr(r.Params.AcceptEncoding, ""), len(ids), h.pageBytes)
		failure := readAll(page, "", func(after string, each func(*catalog.Product) error) error {
			ids = slices.DeleteFunc(slices.Compact(ids), func(id string) bool { return id <= after })
			return h.pages.ReadProducts(ctx, r.Catalog, ids, each)
		})
		return page.end(failure, h.lately(ctx, r.Catalog))
	}), nil
}

// readAll fills a page with what read calls each for, behind an id. A product that this node cannot read goes out as what
// it is, and the reading goes on behind it: it must not keep the others from whoever asks.
func readAll(page *page, after string, read func(after string, each func(*catalog.Product) error) error) error {
	for {
		err := read(after, func(p *catalog.Product) error { return page.add(p.ID, p.AppendLine) })
		var unreadable *catalog.UnreadableError
		if !errors.As(err, &unreadable) || unreadable.ID <= after {
			return err
		}
		after = unreadable.ID
		if err := page.add(after, unreadable.AppendLine); err != nil {
			return err
		}
	}
}

// ReadNodeHashes streams a page of ids and hashes.
func (h *nodeHandlers) ReadNodeHashes(ctx context.Context, r spec.ReadNodeHashesRequestObject) (spec.ReadNodeHashesResponseObject, error) {
	in := catalog.Interval{After: valueOr(r.Params.After, ""), Through: valueOr(r.Params.Through, "")}
	return pageResponse(func(w http.ResponseWriter) error {
		page := h.encoders.page(w, valueOr(r.Params.AcceptEncoding, ""), valueOr(r.Params.Limit, defaultLimit), h.pageBytes)
		failure := addEntries(ctx, page, []catalog.Interval{in}, h.sides(r.Catalog, valueOr(r.Params.Rehash, false)).EachEntry)
		return page.end(failure, h.total(ctx, page, r.Catalog, in.After, in.Through))
	}), nil
}

// ReadNodeHashesOfIntervals streams a page of ids and hashes in given intervals.
func (h *nodeHandlers) ReadNodeHashesOfIntervals(ctx context.Context, r spec.ReadNodeHashesOfIntervalsRequestObject) (spec.ReadNodeHashesOfIntervalsResponseObject, error) {
	var of []catalog.Interval
	for i, in := range r.Body.Intervals {
		if last := i == len(r.Body.Intervals)-1; in.Through == "" && !last || in.Through != "" && in.Through <= in.After ||
			i > 0 && in.After < of[i-1].Through {
			return nil, invalidField("intervals", "must ascend and not overlap; only the last may go to the end")
		}
		of = append(of, catalog.Interval{After: in.After, Through: in.Through})
	}
	return pageResponse(func(w http.ResponseWriter) error {
		page := h.encoders.page(w, valueOr(r.Params.AcceptEncoding, ""), valueOr(r.Params.Limit, defaultLimit), h.pageBytes)
		side := h.sides(r.Catalog, valueOr(r.Params.Rehash, false))
		list := side.EachEntry
		if valueOr(r.Params.Short, false) {
			list = side.EachShort
		}
		failure := addEntries(ctx, page, of, list)
		return page.end(failure, h.lately(ctx, r.Catalog))
	}), nil
}

// listing is a [Side]'s EachEntry or EachShort.
type listing = func(ctx context.Context, of []catalog.Interval, limit int, each func(catalog.Entry) error) error

// addEntries fills a page with the ids and hashes of intervals.
func addEntries(ctx context.Context, page *page, of []catalog.Interval, list listing) error {
	return list(ctx, of, page.limit+1, func(e catalog.Entry) error {
		return page.add(e.ID, func(line []byte) []byte {
			line = quoted(append(line, `{"id":`...), e.ID)
			line = quoted(append(line, `,"hash":`...), e.Hash)
			return append(line, '}')
		})
	})
}

// total returns what asks how many products the catalog of a page has. On the catalog's last page the answer is of a
// moment after its lines were read; see [totals] for the others.
func (h *nodeHandlers) total(ctx context.Context, p *page, catalogName, after, through string) func() (int64, error) {
	return func() (int64, error) {
		switch {
		case through != "": // only who compares asks for a part of the catalog
			return h.totals.lately(ctx, catalogName)
		case p.more:
			return h.totals.recent(ctx, catalogName)
		case after == "":
			return int64(p.count), nil // the page is the whole catalog
		}
		return h.totals.fresh(ctx, catalogName)
	}
}

// lately returns what asks the same where the page is no part of a way through the catalog, or part of a comparison.
func (h *nodeHandlers) lately(ctx context.Context, catalogName string) func() (int64, error) {
	return func() (int64, error) { return h.totals.lately(ctx, catalogName) }
}

// quoted appends text as a JSON string. The text came from the database, where everything is valid UTF-8.
func quoted(dst []byte, text string) []byte {
	out, _ := jsontext.AppendQuote(dst, text)
	return out
}
