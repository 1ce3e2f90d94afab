package api

import (
	"context"
	"strconv"

	"fullsync/api/spec"
)

// GetProductHistory lists what sessions did to a product.
func (h *productHandlers) GetProductHistory(ctx context.Context, r spec.GetProductHistoryRequestObject) (spec.GetProductHistoryResponseObject, error) {
	bound := r.Catalog + "\n" + r.Id
	skip, err := historyAfter(valueOr(r.Params.PageToken, ""), bound)
	if err != nil {
		return nil, err
	}
	size := pageSize(r.Params.PageSize)
	made, err := h.catalogs.ProductHistory(ctx, r.Catalog, r.Id, skip, size+1)
	if err != nil {
		return nil, err
	}
	out := spec.GetProductHistory200JSONResponse{Success: true, History: []spec.ProductChange{}}
	if len(made) > size {
		made = made[:size]
		out.NextPageToken = optional(pageToken{kind: historyPage, bound: bound, position: strconv.Itoa(skip + size)}.String())
	}
	for _, m := range made {
		out.History = append(out.History, spec.ProductChange{
			SessionId: sessionID(m.SessionID), StartedAt: m.By.StartedAt.UTC(), StartedBy: m.By.StartedBy, Direction: spec.Direction(m.By.Direction), Peer: m.By.PeerID,
			Kind: spec.ChangeKind(m.Kind), Fields: fieldsOf(m.Change),
		})
	}
	return out, nil
}

// historyAfter returns how many changes of a product's history were shown before this page.
func historyAfter(token, bound string) (skip int, err error) {
	if token == "" {
		return 0, nil
	}
	position, err := parsePageToken(token, historyPage, bound)
	if err != nil {
		return 0, err
	}
	if skip, err = strconv.Atoi(position); err != nil || skip < 1 {
		return 0, badPageToken()
	}
	return skip, nil
}
