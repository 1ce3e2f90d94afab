package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/go-json-experiment/json/jsontext"

	"fullsync/api/spec"
	"fullsync/internal/catalog"
)

// defaultLimit is how many lines a page has where the request does not say.
const defaultLimit = 1000

// nodeHandlers answer other nodes.
type nodeHandlers struct {
	node      NodeInfo
	catalogs  Catalogs
	pages     Pages
	totals    *totals
	encoders  *encoders
	pageBytes int
}

// pageResponse writes a page. It returns an error only while nothing has been sent.
type pageResponse func(w http.ResponseWriter) error

// VisitReadNodeProductsResponse writes the page.
func (p pageResponse) VisitReadNodeProductsResponse(w http.ResponseWriter) error { return p(w) }

// VisitReadNodeHashesResponse writes the page.
func (p pageResponse) VisitReadNodeHashesResponse(w http.ResponseWriter) error { return p(w) }

// GetNode says which node this is. The catalog main is listed even while it is empty, so that it can be pulled.
func (h *nodeHandlers) GetNode(ctx context.Context, _ spec.GetNodeRequestObject) (spec.GetNodeResponseObject, error) {
	counts, err := h.catalogs.CountCatalogs(ctx)
	if err != nil {
		return nil, err
	}
	out := spec.GetNode200JSONResponse{NodeId: h.node.ID, NodeName: h.node.Name, Version: h.node.Version}
	hasDefault := false
	for _, c := range counts {
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
	limit := valueOr(r.Params.Limit, defaultLimit)
	return pageResponse(func(w http.ResponseWriter) error {
		page := h.encoders.page(w, valueOr(r.Params.AcceptEncoding, ""), limit, h.pageBytes)
		after := valueOr(r.Params.After, "")
		return page.end(h.readProducts(ctx, page, r.Catalog, after), h.total(ctx, page, r.Catalog, after))
	}), nil
}

// readProducts fills a page with the products after an id. One that this node cannot read goes out as what it is, and
// the reading goes on behind it: it must not keep the others from whoever asks.
func (h *nodeHandlers) readProducts(ctx context.Context, page *page, catalogName, after string) error {
	for {
		err := h.pages.ReadPage(ctx, catalogName, after, page.limit+1-page.count, func(p *catalog.Product) error {
			return page.add(p.ID, p.AppendLine)
		})
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
	limit := valueOr(r.Params.Limit, defaultLimit)
	return pageResponse(func(w http.ResponseWriter) error {
		page := h.encoders.page(w, valueOr(r.Params.AcceptEncoding, ""), limit, h.pageBytes)
		after := valueOr(r.Params.After, "")
		failure := h.pages.ReadHashes(ctx, r.Catalog, after, "", limit+1, func(e catalog.Entry) error {
			return page.add(e.ID, func(line []byte) []byte {
				line = quoted(append(line, `{"id":`...), e.ID)
				line = quoted(append(line, `,"hash":`...), e.Hash)
				return append(line, '}')
			})
		})
		return page.end(failure, h.total(ctx, page, r.Catalog, after))
	}), nil
}

// total returns what asks how many products the catalog of a page has. On the catalog's last page the answer is of a
// moment after its lines were read; see [totals] for the others.
func (h *nodeHandlers) total(ctx context.Context, p *page, catalogName, after string) func() (int64, error) {
	return func() (int64, error) {
		switch {
		case p.more:
			return h.totals.recent(ctx, catalogName)
		case after == "":
			return int64(p.count), nil // the page is the whole catalog
		}
		return h.totals.fresh(ctx, catalogName)
	}
}

// quoted appends text as a JSON string. The text came from the database, where everything is valid UTF-8.
func quoted(dst []byte, text string) []byte {
	out, _ := jsontext.AppendQuote(dst, text)
	return out
}
