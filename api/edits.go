package api

import (
	"context"
	"errors"
	"net/url"

	"fullsync/api/spec"
	"fullsync/internal/catalog"
	"fullsync/internal/fault"
)

// editHandlers change products.
type editHandlers struct{ editor Editor }

// PutProduct creates or replaces one product.
func (h *editHandlers) PutProduct(ctx context.Context, r spec.PutProductRequestObject) (spec.PutProductResponseObject, error) {
	p, err := catalog.ParseEdit(r.Id, *r.Body)
	if err != nil {
		return nil, refusedProduct(err)
	}
	edit := catalog.Edit{Product: p}
	if edit.If, err = condition(valueOr(r.Params.IfMatch, ""), r.Params.IfNoneMatch != nil); err != nil {
		return nil, err
	}
	done, err := h.edit(ctx, r.Catalog, edit)
	if err != nil {
		return nil, err
	}
	body, tag := spec.ProductResponse{Success: true, Product: productOf(done.Stored)}, etag(done.Hash)
	if done.Effect == catalog.Created {
		at := underPrefix(ctx, "/api/catalogs/"+r.Catalog+"/products/"+url.PathEscape(done.ID))
		return spec.PutProduct201JSONResponse{Headers: spec.PutProduct201ResponseHeaders{ETag: tag, Location: at}, Body: body}, nil
	}
	return spec.PutProduct200JSONResponse{Headers: spec.PutProduct200ResponseHeaders{ETag: tag}, Body: body}, nil
}

// DeleteProduct deletes one product.
func (h *editHandlers) DeleteProduct(ctx context.Context, r spec.DeleteProductRequestObject) (spec.DeleteProductResponseObject, error) {
	edit := catalog.Edit{Product: catalog.Product{ID: r.Id}, Delete: true}
	var err error
	if edit.If, err = condition(valueOr(r.Params.IfMatch, ""), false); err != nil {
		return nil, err
	}
	done, err := h.edit(ctx, r.Catalog, edit)
	if err != nil {
		return nil, err
	}
	if done.Effect == catalog.Missing {
		return nil, catalog.NoProduct(r.Catalog)
	}
	return spec.DeleteProduct200JSONResponse{Success: true, Message: "Product deleted successfully"}, nil
}

// edit makes a single edit.
func (h *editHandlers) edit(ctx context.Context, catalogName string, edit catalog.Edit) (catalog.Edited, error) {
	done, err := h.editor.Edit(ctx, catalogName, []catalog.Edit{edit})
	if unmet := (*catalog.UnmetError)(nil); errors.As(err, &unmet) && len(unmet.Unmet) == 1 {
		return catalog.Edited{}, &preconditionError{etag: etag(unmet.Unmet[0].Hash), fault: unmetOne(unmet.Unmet[0])}
	}
	if err != nil {
		return catalog.Edited{}, err
	}
	return done[0], nil
}

// EditProducts makes many edits, all or none.
func (h *editHandlers) EditProducts(ctx context.Context, r spec.EditProductsRequestObject) (spec.EditProductsResponseObject, error) {
	edits, err := editsOf(*r.Body)
	if err != nil {
		return nil, err
	}
	done, err := h.editor.Edit(ctx, r.Catalog, edits)
	if unmet := (*catalog.UnmetError)(nil); errors.As(err, &unmet) {
		return nil, &preconditionError{fault: unmetMany(unmet)}
	}
	if err != nil {
		return nil, err
	}
	out := spec.EditProducts200JSONResponse{Success: true, Results: make([]spec.EditResult, len(done))}
	counts := map[catalog.Effect]*int{
		catalog.Created: &out.Created, catalog.Updated: &out.Updated, catalog.Unchanged: &out.Unchanged,
		catalog.Deleted: &out.Deleted, catalog.Missing: &out.Missing,
	}
	for i, e := range done {
		*counts[e.Effect]++
		out.Results[i] = spec.EditResult{Id: e.ID, Effect: spec.EditEffect(e.Effect), Etag: etag(e.Hash)}
	}
	return out, nil
}

// refusedProduct is the 400 for a product that breaks a rule.
func refusedProduct(err error) error {
	return fault.New(fault.Invalid, "INVALID_PRODUCT", "Invalid product", "The product is refused: %s.", err).With("body", err.Error())
}
