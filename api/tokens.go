package api

import (
	"context"
	"time"

	"fullsync/api/spec"
	"fullsync/internal/auth"
	"fullsync/internal/token"
)

// tokenHandlers manage the API tokens.
type tokenHandlers struct{ tokens Tokens }

// ListTokens lists all API tokens.
func (h *tokenHandlers) ListTokens(ctx context.Context, _ spec.ListTokensRequestObject) (spec.ListTokensResponseObject, error) {
	all, err := h.tokens.List(ctx)
	if err != nil {
		return nil, err
	}
	out := spec.ListTokens200JSONResponse{Success: true, Tokens: []spec.ApiToken{}}
	for _, t := range all {
		out.Tokens = append(out.Tokens, apiTokenOf(t))
	}
	return out, nil
}

// CreateToken makes an API token.
func (h *tokenHandlers) CreateToken(ctx context.Context, r spec.CreateTokenRequestObject) (spec.CreateTokenResponseObject, error) {
	by, _ := auth.FromContext(ctx)
	text, t, err := h.tokens.Create(ctx, r.Body.Name, auth.Role(r.Body.Role), time.Duration(r.Body.TtlSeconds)*time.Second, by.Subject)
	if err != nil {
		return nil, err
	}
	return spec.CreateToken201JSONResponse{
		Headers: spec.CreateToken201ResponseHeaders{Location: underPrefix(ctx, "/api/admin/tokens/"+t.ID)},
		Body:    spec.NewTokenResponse{Success: true, Token: text, ApiToken: apiTokenOf(t)},
	}, nil
}

// RevokeToken revokes an API token.
func (h *tokenHandlers) RevokeToken(ctx context.Context, r spec.RevokeTokenRequestObject) (spec.RevokeTokenResponseObject, error) {
	by, _ := auth.FromContext(ctx)
	t, err := h.tokens.Revoke(ctx, r.TokenId.String(), by.Subject)
	if err != nil {
		return nil, err
	}
	return spec.RevokeToken200JSONResponse{Success: true, ApiToken: apiTokenOf(t)}, nil
}

// apiTokenOf renders a token.
func apiTokenOf(t token.Token) spec.ApiToken {
	return spec.ApiToken{
		Id: t.ID, Name: t.Name, Role: spec.TokenRole(t.Role), State: spec.ApiTokenState(t.State()), CreatedBy: t.CreatedBy, CreatedAt: t.CreatedAt.UTC(), ExpiresAt: t.ExpiresAt.UTC(),
		LastUsedAt: inUTC(t.LastUsedAt), LastUsedFrom: optional(t.LastUsedFrom), LastUsedBy: optional(t.LastUsedBy),
		RevokedAt: inUTC(t.RevokedAt), RevokedBy: optional(t.RevokedBy),
	}
}
