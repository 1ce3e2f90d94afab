// Package outside accepts tokens of an identity provider: an OpenID provider, or the backend of an application. It verifies them with the keys that
// the provider publishes, and maps what they say of a person to a role. Nothing here knows a database.
package outside

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/time/rate"

	"fullsync/internal/auth"
	"fullsync/internal/fault"
	"fullsync/internal/user"
)

const (
	// refreshEvery is how often the provider's keys are read again, and refreshAtMost how often a token with an unknown key makes that happen.
	refreshEvery  = 5 * time.Minute
	refreshAtMost = 10 * time.Second
	// patience is how long the provider has to answer.
	patience = 5 * time.Second
	// maxKeys is how much of an answer is read, in bytes.
	maxKeys = 1 << 20
	// leeway allows for clocks that differ a little.
	leeway = 5 * time.Second
)

// Options say whose tokens are accepted, and what they mean.
type Options struct {
	// Issuer and Audience are what a token must say of itself (iss, aud). KeysURL is where the provider publishes its keys (JWKS).
	Issuer, Audience, KeysURL string
	// NameClaim is the claim with the caller's name, and RoleClaim that with their roles: a text, or a list of texts. A dot leads into an object.
	NameClaim, RoleClaim string
	// Roles says which role a value of RoleClaim stands for. Of several, the strongest counts.
	Roles map[string]auth.Role
	// Client fetches the keys.
	Client *http.Client
	// RefreshAtMost is how often an unknown key may have the keys read again; 0 means every ten seconds.
	RefreshAtMost time.Duration
}

// Provider is an identity provider. It is safe for concurrent use.
type Provider struct {
	opt    Options
	keys   keyfunc.Keyfunc
	parser *jwt.Parser
}

// Open returns the provider, and reads its keys now and again until ctx ends. A provider that does not answer is no error: its tokens are refused until it
// does.
func Open(ctx context.Context, opt Options, log *slog.Logger) (*Provider, error) {
	if opt.RefreshAtMost == 0 {
		opt.RefreshAtMost = refreshAtMost
	}
	client := *opt.Client
	client.Transport = bounded{client.Transport}
	keys, err := keyfunc.NewDefaultOverrideCtx(ctx, []string{opt.KeysURL}, keyfunc.Override{
		Client: &client, HTTPTimeout: patience, RateLimitWaitMax: patience, RefreshInterval: refreshEvery,
		RefreshUnknownKID: rate.NewLimiter(rate.Every(opt.RefreshAtMost), 1),
		RefreshErrorHandlerFunc: func(string) func(context.Context, error) {
			return func(ctx context.Context, err error) {
				log.WarnContext(ctx, "cannot read the keys of the identity provider; its tokens are verified with those that are known", "error", err)
			}
		},
	})
	if err != nil {
		return nil, err
	}
	return &Provider{opt: opt, keys: keys, parser: jwt.NewParser(
		// Never HMAC: whoever reads the published keys could sign with them.
		jwt.WithValidMethods([]string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}),
		jwt.WithExpirationRequired(), jwt.WithIssuer(opt.Issuer), jwt.WithAudience(opt.Audience), jwt.WithLeeway(leeway), jwt.WithStrictDecoding(),
	)}, nil
}

// Issued reports whether a token says that it comes from the provider. It is not verified.
func (p *Provider) Issued(text string) bool {
	var c jwt.RegisteredClaims
	if len(text) > auth.MaxTokenBytes {
		return false
	}
	_, _, err := jwt.NewParser().ParseUnverified(text, &c)
	return err == nil && c.Issuer == p.opt.Issuer
}

// Verify returns whom a token of the provider speaks for. Returns Unauthenticated for a token that does not verify, and Forbidden for a person who has no
// role here.
func (p *Provider) Verify(ctx context.Context, text string) (auth.Principal, error) {
	if strings.ContainsAny(text, "\r\n") { // Go's base64 decoder skips them
		return auth.Principal{}, refused("The token cannot be read; send it as the identity provider issued it.")
	}
	claims := jwt.MapClaims{}
	if _, err := p.parser.ParseWithClaims(text, claims, p.keys.KeyfuncCtx(ctx)); err != nil {
		sentence := "The identity provider's keys do not verify the token; sign in there again."
		switch {
		case errors.Is(err, jwt.ErrTokenExpired):
			sentence = "The token has expired; sign in at the identity provider again."
		case errors.Is(err, jwt.ErrTokenInvalidAudience):
			sentence = "The identity provider made the token for something else; ask for one that is meant for this node."
		}
		return auth.Principal{}, refused(sentence).Because(err)
	}
	name, _ := find(claims, p.opt.NameClaim).(string)
	if !auth.ValidSubject(name) {
		return auth.Principal{}, refused("The token of the identity provider does not say whose it is.")
	}
	role := p.role(find(claims, p.opt.RoleClaim))
	if role == "" {
		return auth.Principal{}, fault.New(fault.Forbidden, "NO_ROLE", "Insufficient permissions",
			"The identity provider gives you no role that this node knows; ask its administrator for one.")
	}
	until, err := claims.GetExpirationTime()
	if err != nil {
		return auth.Principal{}, refused("The token cannot be read; send it as the identity provider issued it.").Because(err)
	}
	id, _ := claims["jti"].(string)
	return auth.Principal{Subject: name, Role: role, ExpiresAt: until.UTC(), TokenID: id, Outside: true}, nil
}

// role returns the strongest role that the values of a claim stand for, "" for none.
func (p *Provider) role(claim any) (strongest auth.Role) {
	var values []any
	switch claim := claim.(type) {
	case string:
		values = []any{claim}
	case []any:
		values = claim
	}
	for _, value := range values {
		text, _ := value.(string)
		if role, known := p.opt.Roles[text]; known && slices.Index(user.Roles(), role) > slices.Index(user.Roles(), strongest) {
			strongest = role
		}
	}
	return strongest
}

// find returns the claim at a path with dots, nil where there is none. A claim whose own name has the dots comes first.
func find(claims map[string]any, path string) any {
	if value, ok := claims[path]; ok {
		return value
	}
	name, rest, deeper := strings.Cut(path, ".")
	inner, ok := claims[name].(map[string]any)
	if !deeper || !ok {
		return nil
	}
	return find(inner, rest)
}

func refused(sentence string) *fault.Error {
	return fault.New(fault.Unauthenticated, "UNAUTHORIZED", "Unauthorized", sentence)
}

// bounded limits how much of an answer is read.
type bounded struct{ http.RoundTripper }

// RoundTrip implements [http.RoundTripper].
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	next := b.RoundTripper
	if next == nil {
		next = http.DefaultTransport
	}
	resp, err := next.RoundTrip(r)
	if err == nil {
		resp.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(resp.Body, maxKeys), resp.Body}
	}
	return resp, err
}
