package api

import (
	"context"

	"fullsync/api/spec"
	"fullsync/internal/auth"
	"fullsync/internal/user"
)

// authHandlers sign people in and out.
type authHandlers struct {
	logins Logins
	node   NodeInfo
}

// SignIn gives a person a token.
func (h *authHandlers) SignIn(ctx context.Context, r spec.SignInRequestObject) (spec.SignInResponseObject, error) {
	token, p, err := h.logins.SignIn(ctx, user.Credentials{Name: r.Body.Name, Password: r.Body.Password, Address: addressOf(ctx)})
	if err != nil {
		return nil, err
	}
	return spec.SignIn200JSONResponse{Success: true, Token: token, ExpiresAt: p.ExpiresAt, User: userOf(p)}, nil
}

// SignOut ends the token of the request.
func (h *authHandlers) SignOut(ctx context.Context, _ spec.SignOutRequestObject) (spec.SignOutResponseObject, error) {
	p, _ := auth.FromContext(ctx)
	if err := h.logins.SignOut(ctx, p); err != nil {
		return nil, err
	}
	return spec.SignOut200JSONResponse{Success: true, Message: "Signed out successfully"}, nil
}

// GetMe says whom the token of the request speaks for.
func (h *authHandlers) GetMe(ctx context.Context, _ spec.GetMeRequestObject) (spec.GetMeResponseObject, error) {
	p, _ := auth.FromContext(ctx)
	kind := spec.MeResponseKindToken
	if p.UserID != "" {
		kind = spec.MeResponseKindUser
	}
	return spec.GetMe200JSONResponse{Success: true, User: userOf(p), Kind: kind, ExpiresAt: p.ExpiresAt, Node: h.nodeName()}, nil
}

// nodeName says which node this is, for people who look at several.
func (h *authHandlers) nodeName() spec.NodeName {
	return spec.NodeName{NodeId: h.node.ID, NodeName: h.node.Name}
}

// userOf renders whom a token speaks for.
func userOf(p auth.Principal) spec.User {
	return spec.User{Name: p.Subject, Role: spec.UserRole(p.Role)}
}
