// Package auth issues and verifies the bearer tokens of a node, names the roles, and carries the caller through a
// context. Tokens are HS256 JWTs signed with the node's own secret and bound to the node by their audience; nothing
// here knows HTTP.
package auth

import (
	"context"
	"crypto/sha256"
	"time"

	"fullsync/internal/fault"
)

// Role says what a caller may do. openapi.yaml names the role that each operation needs.
type Role string

// The roles.
const (
	// RoleViewer may read sessions, peers and products.
	RoleViewer Role = "viewer"
	// RoleOperator may also start, cancel and resume.
	RoleOperator Role = "operator"
	// RoleAdmin may do everything.
	RoleAdmin Role = "admin"
	// RoleNode may read over the node-to-node routes and nothing else.
	RoleNode Role = "node"
	// RoleNodePush is RoleNode that may also push.
	RoleNodePush Role = "node-push"
)

// Roles returns every role, the weakest first.
func Roles() []Role { return []Role{RoleViewer, RoleOperator, RoleAdmin, RoleNode, RoleNodePush} }

// MayPush reports whether the role may push into the node that issued its token.
func (r Role) MayPush() bool { return r == RoleNodePush || r == RoleAdmin }

// ParseRole returns the role called text, or Invalid if there is none.
func ParseRole(text string) (Role, error) {
	for _, r := range Roles() {
		if text == string(r) {
			return r, nil
		}
	}
	return "", fault.New(fault.Invalid, "INVALID_ROLE", "Invalid role",
		"The role must be one of viewer, operator, admin, node and node-push.")
}

// Principal is an authenticated caller.
type Principal struct {
	// Subject is the caller's name, as written in the token.
	Subject string
	Role    Role
	// ExpiresAt is when the token expires, in UTC.
	ExpiresAt time.Time
	// TokenID is the token's own id (jti).
	TokenID string
	// UserID is the user who signed in, and Generation is the user's generation when the token was made. Both are empty for
	// a token that did not come from a login.
	UserID     string
	Generation int64
	// Named says that the token is one of those that are listed and can be revoked, and TokenHash is its SHA-256.
	Named     bool
	TokenHash [sha256.Size]byte
	// Outside says that an identity provider made the token.
	Outside bool
}

// contextKey is the principal's key in a context; having its own type keeps it from colliding with anyone else's.
type contextKey struct{}

// WithPrincipal returns a context that carries p.
func WithPrincipal(ctx context.Context, p Principal) context.Context {
	return context.WithValue(ctx, contextKey{}, p)
}

// FromContext returns the caller in ctx, and whether there is one.
func FromContext(ctx context.Context) (Principal, bool) {
	p, ok := ctx.Value(contextKey{}).(Principal)
	return p, ok
}
