// Package token manages the named tokens of a node's API: each has a role, an expiry and a last use, and can be revoked. Nothing
// here knows HTTP or a database.
package token

import (
	"context"
	"crypto/sha256"
	"time"

	"fullsync/internal/audit"
	"fullsync/internal/auth"
	"fullsync/internal/fault"
)

// Token is a named token. The token's text is not among it: it is shown once, when it is made.
type Token struct {
	// ID is the token's own id (jti).
	ID string `gorm:"primaryKey"`
	// Name says what the token is for. It shows as who started and cancelled.
	Name string
	Role auth.Role
	// Hash is the SHA-256 of the text.
	Hash []byte `json:"-"`
	// CreatedBy is who made the token.
	CreatedBy string
	// All times are database time.
	CreatedAt time.Time
	ExpiresAt time.Time
	// LastUsedAt is nil before the first use. It may be a few seconds late.
	LastUsedAt *time.Time
	// LastUsedFrom is the address of the last use, and LastUsedBy the node that the caller said it was; empty if it said none.
	LastUsedFrom string
	LastUsedBy   string
	// RevokedAt is nil for a token that was not revoked.
	RevokedAt *time.Time
	RevokedBy string
	// Expired says that the token had expired when it was read.
	Expired bool `gorm:"-"`
}

// State says whether a token works.
type State string

// The states.
const (
	Active  State = "active"
	Expired State = "expired"
	Revoked State = "revoked"
)

// State returns the state of the token when it was read.
func (t Token) State() State {
	switch {
	case t.RevokedAt != nil:
		return Revoked
	case t.Expired:
		return Expired
	}
	return Active
}

// TableName names the table for GORM.
func (Token) TableName() string { return "api_tokens" }

// Audited returns what the audit log says of the token.
func (t Token) Audited() audit.Values {
	return audit.Values{"name": t.Name, "role": t.Role, "expiresAt": t.ExpiresAt.UTC()}
}

// Use is one use of a token.
type Use struct {
	// Address is the caller's IP address, and Node the node that it says it is, "" for none.
	Address, Node string
}

// Store keeps tokens. Every method may also return Unavailable when the database does not answer.
type Store interface {
	// AddToken inserts t. It sets CreatedAt from the database's clock and ExpiresAt to that and ttl.
	AddToken(ctx context.Context, t *Token, ttl time.Duration) error
	// ListTokens returns every token, the newest first.
	ListTokens(ctx context.Context) ([]Token, error)
	// RevokeToken marks a token as revoked. A token that was revoked before stays as it was. Returns NotFound (see [Unknown]) for an unknown id.
	RevokeToken(ctx context.Context, id, by string) (Token, error)
	// FindToken returns the token with that hash, or NotFound. It is one narrow statement, because it is asked with every request.
	FindToken(ctx context.Context, hash []byte) (Token, error)
	// TokensUsed records the last use of each token by its id, at the database's time.
	TokensUsed(ctx context.Context, uses map[string]Use) error
}

// Issuer signs tokens; [auth.Keys] is one.
type Issuer interface {
	IssueNamed(name string, role auth.Role, ttl time.Duration) (token string, p auth.Principal, err error)
}

// Tokens makes, lists, revokes and checks named tokens. It is safe for concurrent use.
type Tokens struct {
	store  Store
	issuer Issuer
	uses   uses
}

// New returns the tokens in store. issuer signs new ones.
func New(store Store, issuer Issuer) *Tokens { return &Tokens{store: store, issuer: issuer} }

// Create makes a token, and returns its text, which is kept nowhere. by is who makes it. Returns Invalid for a name that is not 1 to 200
// printable characters, for an unknown role, and for a ttl below one second or above ten years.
func (t *Tokens) Create(ctx context.Context, name string, role auth.Role, ttl time.Duration, by string) (text string, made Token, err error) {
	text, p, err := t.issuer.IssueNamed(name, role, ttl)
	if err != nil {
		return "", Token{}, err
	}
	made = Token{ID: p.TokenID, Name: name, Role: role, Hash: hash(text), CreatedBy: by}
	if err := t.store.AddToken(ctx, &made, ttl); err != nil {
		return "", Token{}, err
	}
	return text, made, nil
}

// List returns every token, the newest first, with those that have expired or were revoked lately.
func (t *Tokens) List(ctx context.Context) ([]Token, error) { return t.store.ListTokens(ctx) }

// Revoke ends a token on every replica at once. A token that was revoked before stays as it was. Returns NotFound for an unknown id.
func (t *Tokens) Revoke(ctx context.Context, id, by string) (Token, error) {
	return t.store.RevokeToken(ctx, id, by)
}

// Verify returns whom a named token speaks for, and notes the use. It goes by the hash of the token alone, so a named token
// outlives the secret it was signed with. Returns Unauthenticated for a token that this node did not make, and for one that was revoked or
// has expired.
func (t *Tokens) Verify(ctx context.Context, text string, use Use) (auth.Principal, error) {
	return t.find(ctx, hash(text), use)
}

// Holds looks again at a token that was verified before, and returns it with the role that it has now. Returns Unauthenticated as
// [Tokens.Verify] does.
func (t *Tokens) Holds(ctx context.Context, p auth.Principal) (auth.Principal, error) {
	return t.find(ctx, p.TokenHash[:], Use{})
}

func (t *Tokens) find(ctx context.Context, sum []byte, use Use) (auth.Principal, error) {
	found, err := t.store.FindToken(ctx, sum)
	switch {
	case fault.KindOf(err) == fault.NotFound && err != nil:
		return auth.Principal{}, refused("The token was not made by this node; ask this node's administrator for one.")
	case err != nil:
		return auth.Principal{}, err
	case found.RevokedAt != nil:
		return auth.Principal{}, refused("The token was revoked; ask this node's administrator for a new one.")
	case found.Expired:
		return auth.Principal{}, refused("The token has expired; ask for a new one.")
	}
	if use != (Use{}) {
		t.uses.note(found.ID, use)
	}
	return auth.Principal{
		Subject: found.Name, Role: found.Role, ExpiresAt: found.ExpiresAt.UTC(), TokenID: found.ID, TokenHash: [sha256.Size]byte(sum), Named: true,
	}, nil
}

func hash(text string) []byte {
	sum := sha256.Sum256([]byte(text))
	return sum[:]
}

func refused(sentence string) *fault.Error {
	return fault.New(fault.Unauthenticated, "UNAUTHORIZED", "Unauthorized", sentence)
}

// Unknown is the NotFound error for a token that does not exist.
func Unknown() *fault.Error {
	return fault.New(fault.NotFound, "TOKEN_NOT_FOUND", "Token not found", "There is no token with this id; look at the list of tokens.")
}
