package api

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

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
	q, sort := valueOr(r.Params.Q, ""), valueOr(r.Params.Sort, catalog.ByID)
	find := catalog.Find{Query: q, Order: catalog.ParseOrder(sort), Limit: pageSize(r.Params.PageSize) + 1}
	bound := fmt.Sprintf("%s\n%s", r.Catalog, q)
	if find.Order.By != catalog.ByID || find.Order.Descending {
		bound += "\n" + sort
	}
	if token := valueOr(r.Params.PageToken, ""); token != "" {
		position, err := parsePageToken(token, productsPage, bound)
		if err != nil {
			return nil, err
		}
		find.After = placeAt(find.Order, position)
	}
	products, reached, err := h.catalogs.FindProducts(ctx, r.Catalog, find)
	if err != nil {
		return nil, err
	}
	out := spec.ListProducts200JSONResponse{Success: true, Products: []spec.Product{}}
	written := 0
	for i, p := range products {
		if i == find.Limit-1 || written > h.pageBytes {
			last := find.Order.Place(products[i-1])
			reached = &last
			break
		}
		written += len(p.Attributes)
		out.Products = append(out.Products, productOf(p))
	}
	if reached != nil {
		out.NextPageToken = optional(pageToken{kind: productsPage, bound: bound, position: position(find.Order, *reached)}.String())
	}
	return out, nil
}

// position writes a place into a token: its id, which no order but that by id knows alone, and the key before it.
func position(o catalog.Order, at catalog.Place) string {
	if o.By == catalog.ByID {
		return at.ID
	}
	return strconv.Itoa(len(at.Key)) + " " + at.Key + at.ID
}

// placeAt reads what [position] wrote. Tokens are no secret, so somebody may have made one up; then the place is some other.
func placeAt(o catalog.Order, text string) catalog.Place {
	if o.By == catalog.ByID {
		return catalog.Place{ID: text}
	}
	size, rest, _ := strings.Cut(text, " ")
	n, err := strconv.Atoi(size)
	if err != nil || n < 0 || n > len(rest) || !utf8.ValidString(rest[:n]) || !utf8.ValidString(rest[n:]) {
		return catalog.Place{}
	}
	return catalog.Place{Key: rest[:n], ID: rest[n:]}
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
