package api

import (
	"context"
	"fmt"

	"fullsync/api/spec"
	"fullsync/internal/catalog"
	"fullsync/internal/session"
	"fullsync/internal/syncer"
)

// catalogHandlers show, export and delete whole catalogs.
type catalogHandlers struct {
	editor   Editor
	catalogs Catalogs
	pages    Pages
	sides    Sides
	syncs    Syncs
	totals   *totals
}

// ListCatalogs lists the catalogs with the session that wrote each last.
func (h *catalogHandlers) ListCatalogs(ctx context.Context, r spec.ListCatalogsRequestObject) (spec.ListCatalogsResponseObject, error) {
	list := h.sizes
	if valueOr(r.Params.Digest, true) {
		list = h.digests
	}
	catalogs, err := list(ctx)
	if err != nil {
		return nil, err
	}
	ended := []session.Status{session.Completed, session.Failed, session.Cancelled}
	for i := range catalogs {
		last, err := h.syncs.List(ctx, syncer.Query{Catalog: catalogs[i].Catalog, Statuses: ended, Limit: 1})
		if err != nil {
			return nil, err
		}
		if len(last) > 0 {
			catalogs[i].LastSync = summaryOf(last[0])
		}
	}
	return spec.ListCatalogs200JSONResponse{Success: true, Catalogs: catalogs}, nil
}

// digests returns the catalogs with number and digest of one moment.
func (h *catalogHandlers) digests(ctx context.Context) ([]spec.CatalogSummary, error) {
	counts, err := h.catalogs.CountUpTo(ctx, 1)
	if err != nil {
		return nil, err
	}
	catalogs := make([]spec.CatalogSummary, len(counts))
	for i, c := range counts {
		whole, err := h.sides(c.Catalog, false).Digests(ctx, "", []string{""})
		if err != nil {
			return nil, err
		}
		catalogs[i] = spec.CatalogSummary{Catalog: c.Catalog, Products: whole[0].Count}
		if whole[0].Known {
			catalogs[i].Digest = new(fmt.Sprintf("%016x", whole[0].Sum))
		}
	}
	return catalogs, nil
}

// sizes returns the catalogs without digests, which is quick.
func (h *catalogHandlers) sizes(ctx context.Context) ([]spec.CatalogSummary, error) {
	sizes, err := h.totals.shown(ctx)
	if err != nil {
		return nil, err
	}
	catalogs := make([]spec.CatalogSummary, len(sizes))
	for i, s := range sizes {
		catalogs[i] = spec.CatalogSummary{Catalog: s.Catalog, Products: s.Products, CountedAt: inUTC(s.countedAt)}
	}
	return catalogs, nil
}

// DeleteCatalog deletes a catalog whose size the caller knows.
func (h *catalogHandlers) DeleteCatalog(ctx context.Context, r spec.DeleteCatalogRequestObject) (spec.DeleteCatalogResponseObject, error) {
	deleted, err := h.editor.DeleteCatalog(ctx, r.Catalog, caller(ctx), r.Params.Products)
	h.totals.forget(r.Catalog)
	if err != nil {
		return nil, err
	}
	return spec.DeleteCatalog200JSONResponse{
		Success: true, Message: fmt.Sprintf("Catalog %s deleted successfully", r.Catalog), Deleted: deleted,
	}, nil
}

// summaryOf renders a session that has ended, in short.
func summaryOf(v session.View) *spec.SyncSummary {
	full := sessionOf(v)
	return &spec.SyncSummary{
		SessionId: full.SessionId, Direction: full.Direction, SourceNodeId: full.SourceNodeId, TargetNodeId: full.TargetNodeId,
		Status: full.Status, Outcome: full.Outcome, StartedAt: full.StartedAt, CompletedAt: valueOr(full.CompletedAt, full.StartedAt),
		TransferredRecords: full.TransferredRecords, ErrorMessage: full.ErrorMessage,
	}
}

// catalogChanged is the 409 for a catalog that does not hold as many products as the caller says.
func catalogChanged(err *catalog.CountError) spec.CatalogChanged {
	return spec.CatalogChanged{
		Error: "Catalog has changed", Code: spec.CATALOGCHANGED, Products: err.Products,
		Message: fmt.Sprintf("Catalog %s holds %d products, not as many as the request says. Look at it again, and if all of them are to go, "+
			"repeat this with products=%d.", err.Catalog, err.Products, err.Products),
	}
}
