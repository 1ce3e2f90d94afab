package api

import (
	"context"
	"encoding/json"
	"fmt"

	"fullsync/api/spec"
	"fullsync/internal/catalog"
)

// productHandlers show products to people.
type productHandlers struct {
	catalogs Catalogs
	// pageBytes is the size after which a page ends.
	pageBytes int
}

// ListProducts lists the products of a catalog.
func (h *productHandlers) ListProducts(ctx context.Context, r spec.ListProductsRequestObject) (spec.ListProductsResponseObject, error) {
	q := valueOr(r.Params.Q, "")
	bound := fmt.Sprintf("%s\n%s", r.Catalog, q)
	after := ""
	if token := valueOr(r.Params.PageToken, ""); token != "" {
		var err error
		if after, err = parsePageToken(token, productsPage, bound); err != nil {
			return nil, err
		}
	}
	size := pageSize(r.Params.PageSize)
	products, err := h.catalogs.ListProducts(ctx, r.Catalog, after, q, size+1)
	if err != nil {
		return nil, err
	}
	out := spec.ListProducts200JSONResponse{Success: true, Products: []spec.Product{}}
	written := 0
	for i, p := range products {
		if i == size || written > h.pageBytes {
			out.NextPageToken = optional(pageToken{kind: productsPage, bound: bound, position: products[i-1].ID}.String())
			break
		}
		written += len(p.Attributes)
		out.Products = append(out.Products, productOf(p))
	}
	return out, nil
}

// GetProduct shows one product.
func (h *productHandlers) GetProduct(ctx context.Context, r spec.GetProductRequestObject) (spec.GetProductResponseObject, error) {
	p, err := h.catalogs.GetProduct(ctx, r.Catalog, r.Id)
	if err != nil {
		return nil, err
	}
	return spec.GetProduct200JSONResponse{
		Headers: spec.GetProduct200ResponseHeaders{ETag: etag(p.Hash)},
		Body:    spec.ProductResponse{Success: true, Product: productOf(p)},
	}, nil
}

// productOf renders a product; its attributes go out as they are stored, numbers literally.
func productOf(p catalog.Stored) spec.Product {
	return spec.Product{
		Id:           p.ID,
		Sku:          optional(p.SKU),
		Name:         p.Name,
		Price:        optional(p.Price),
		Currency:     optional(p.Currency),
		Active:       p.Active,
		Attributes:   json.RawMessage(p.Attributes),
		OriginNodeId: p.OriginNodeID,
		CreatedAt:    p.CreatedAt.UTC(),
		UpdatedAt:    p.UpdatedAt.UTC(),
	}
}
