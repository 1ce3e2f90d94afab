// Package caller says who calls: whom a token speaks for, whichever kind it is, and whether it still holds. Nothing here knows HTTP or a
// database.
package caller

import (
	"context"

	"fullsync/internal/auth"
	"fullsync/internal/outside"
	"fullsync/internal/token"
	"fullsync/internal/user"
)

// Callers knows the callers of a node. It is safe for concurrent use.
type Callers struct {
	keys   *auth.Keys
	logins *user.Logins
	tokens *token.Tokens
	// outside is nil where there is no identity provider.
	outside *outside.Provider
}

// New returns the callers of the node with these keys, logins, named tokens and, unless nil, identity provider.
func New(keys *auth.Keys, logins *user.Logins, tokens *token.Tokens, outside *outside.Provider) *Callers {
	return &Callers{keys: keys, logins: logins, tokens: tokens, outside: outside}
}

// Verify returns whom a token speaks for. Returns Unauthenticated, with a sentence that says what to do, for a token that does not verify or
// does not hold any longer: a login's after a sign-out, or once its user is disabled, deleted, or has another password or role; a named one's
// once it was revoked. Returns Forbidden for a token of the identity provider that gives its owner no role here.
func (c *Callers) Verify(ctx context.Context, text string, use token.Use) (auth.Principal, error) {
	p, err := c.keys.Verify(text)
	switch {
	case err == nil && p.Named, err != nil && auth.SaysNamed(text):
		return c.tokens.Verify(ctx, text, use)
	case err != nil && c.outside != nil && c.outside.Issued(text):
		return c.outside.Verify(ctx, text)
	case err != nil:
		return auth.Principal{}, err
	}
	return c.Holds(ctx, p)
}

// Holds looks again at somebody whose token was verified before, and returns them with the role that they have now. Returns Unauthenticated
// as [Callers.Verify] does. A token made with `fullsync token --offline`, or by the identity provider, holds until it expires.
func (c *Callers) Holds(ctx context.Context, p auth.Principal) (auth.Principal, error) {
	switch {
	case p.Named:
		return c.tokens.Holds(ctx, p)
	case p.UserID != "":
		return c.logins.Holds(ctx, p)
	}
	return p, nil
}
