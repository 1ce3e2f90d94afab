package auth

import (
	"bytes"
	"crypto/rand"
	"errors"
	"strings"
	"sync/atomic"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"fullsync/internal/fault"
)

const (
	// MinSecretBytes is the length of the hash's output; a shorter secret would be easier to guess.
	MinSecretBytes = 32
	// MaxTTL is the longest lifetime a token can have.
	MaxTTL = 10 * 365 * 24 * time.Hour
	// MaxTokenBytes is the length above which a token is refused unread.
	MaxTokenBytes = 8192
	// MaxSubjectRunes is the longest subject, in characters.
	MaxSubjectRunes = 200

	issuer = "fullsync"
	// leeway allows for replicas whose clocks differ a little.
	leeway = 5 * time.Second
)

// Keys issues and verifies the tokens of one node. It is safe for concurrent use.
type Keys struct {
	secrets atomic.Pointer[secrets]
	nodeID  string
	parser  *jwt.Parser
	now     func() time.Time
}

// secrets are the secrets of one node at one time.
type secrets struct {
	// sign is the one in use, and verify all that are good.
	sign   []byte
	verify jwt.VerificationKeySet
	// known are the tokens that were verified with these.
	known known
}

// claims is the payload of a token.
type claims struct {
	Role string `json:"role"`
	// Only tokens from a login have UserID and Generation.
	UserID     string `json:"uid,omitempty"`
	Generation int64  `json:"gen,omitempty"`
	// Only named tokens have Nonce: random text that stands nowhere else, so that nobody can make such a token from what is listed of it.
	Nonce string `json:"non,omitempty"`
	jwt.RegisteredClaims
}

// New returns the keys of the node nodeID. Returns Invalid for a secret shorter than [MinSecretBytes] or an empty node id.
func New(secret []byte, nodeID string) (*Keys, error) {
	return newAt(secret, nodeID, time.Now)
}

// newAt is New with a clock.
func newAt(secret []byte, nodeID string, now func() time.Time) (*Keys, error) {
	if len(secret) < MinSecretBytes {
		return nil, fault.New(fault.Invalid, "SECRET_TOO_SHORT", "Secret too short",
			"The secret for tokens has %d bytes and must have at least %d; make one with `openssl rand -base64 32`.",
			len(secret), MinSecretBytes)
	}
	if nodeID == "" {
		return nil, fault.New(fault.Invalid, "NODE_ID_MISSING", "Node id missing",
			"Tokens are bound to a node, and this node has no id yet; set FULLSYNC_NODE_ID.")
	}
	k := &Keys{
		nodeID: nodeID,
		now:    now,
		parser: jwt.NewParser(
			jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}),
			jwt.WithExpirationRequired(),
			jwt.WithAudience(nodeID),
			jwt.WithIssuer(issuer),
			jwt.WithLeeway(leeway),
			jwt.WithStrictDecoding(),
			jwt.WithTimeFunc(now),
		),
	}
	k.Use(secret)
	return k, nil
}

// Use makes current the secret that signs; tokens that were signed with one of the others also verify.
func (k *Keys) Use(current []byte, others ...[]byte) {
	s := &secrets{sign: bytes.Clone(current)}
	for _, secret := range append([][]byte{current}, others...) {
		s.verify.Keys = append(s.verify.Keys, bytes.Clone(secret))
	}
	k.secrets.Store(s)
}

// Issue returns a token for subject that expires after ttl. Returns Invalid for a subject that is not 1 to 200 printable
// characters, for an unknown role, and for a ttl below one second or above [MaxTTL].
func (k *Keys) Issue(subject string, role Role, ttl time.Duration) (string, error) {
	token, _, err := k.IssueTo(Principal{Subject: subject, Role: role}, ttl)
	return token, err
}

// IssueTo is Issue for a principal; it uses p's Subject, Role, UserID and Generation. It also returns the principal that
// the token stands for.
func (k *Keys) IssueTo(p Principal, ttl time.Duration) (string, Principal, error) {
	return k.issue(p, "", ttl)
}

// IssueNamed is Issue for a token that somebody keeps a list of; the list decides whether it holds.
func (k *Keys) IssueNamed(name string, role Role, ttl time.Duration) (string, Principal, error) {
	return k.issue(Principal{Subject: name, Role: role}, rand.Text(), ttl)
}

func (k *Keys) issue(p Principal, nonce string, ttl time.Duration) (string, Principal, error) {
	if err := checkToken(p, ttl); err != nil {
		return "", Principal{}, err
	}
	now := k.now()
	c := claims{
		Role: string(p.Role), UserID: p.UserID, Generation: p.Generation, Nonce: nonce,
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer:    issuer,
			Audience:  jwt.ClaimStrings{k.nodeID},
			Subject:   p.Subject,
			ID:        uuid.NewString(),
			IssuedAt:  jwt.NewNumericDate(now),
			ExpiresAt: jwt.NewNumericDate(now.Add(ttl)),
		},
	}
	signed, err := jwt.NewWithClaims(jwt.SigningMethodHS256, c).SignedString(k.secrets.Load().sign)
	if err != nil {
		return "", Principal{}, fault.New(fault.Internal, "INTERNAL", "Internal error", "The token could not be signed.").Because(err)
	}
	return signed, c.principal(), nil
}

// checkToken returns Invalid if no token may be issued with these values.
func checkToken(p Principal, ttl time.Duration) error {
	if !ValidSubject(p.Subject) {
		return fault.New(fault.Invalid, "INVALID_SUBJECT", "Invalid subject",
			"The subject of a token must be 1 to %d printable characters.", MaxSubjectRunes)
	}
	if _, err := ParseRole(string(p.Role)); err != nil {
		return err
	}
	// Times in a token are whole seconds, so a shorter lifetime could be over before the token is used.
	if ttl < time.Second || ttl > MaxTTL {
		return fault.New(fault.Invalid, "INVALID_TTL", "Invalid lifetime",
			"The lifetime of a token must be at least one second and at most ten years, such as 12h or 8760h.")
	}
	return nil
}

// principal returns the caller that these claims, already checked, stand for.
func (c claims) principal() Principal {
	return Principal{
		Subject: c.Subject, Role: Role(c.Role), ExpiresAt: c.ExpiresAt.UTC(), TokenID: c.ID, UserID: c.UserID, Generation: c.Generation,
		Named: c.Nonce != "",
	}
}

// Verify returns the caller that a token stands for. It looks only at the token itself; [fullsync/internal/caller.Callers]
// knows whether it still holds. Returns Unauthenticated, with a sentence that says what to do, for a token
// that is malformed, signed with another key or method, expired, not yet valid, made for another node, or missing sub, role
// or jti.
func (k *Keys) Verify(token string) (Principal, error) {
	if token == "" {
		return Principal{}, unauthorized("This needs a token; send it as \"Authorization: Bearer <token>\".")
	}
	if len(token) > MaxTokenBytes {
		return Principal{}, unauthorized("The token is too long to be one of this node's; ask for a new one.")
	}
	good := k.secrets.Load()
	if p, ok := good.known.find(token); ok && k.now().Before(p.ExpiresAt.Add(leeway)) {
		return p, nil
	}
	// Go's base64 decoder skips line breaks; without this check the same token could be written in many ways.
	if strings.ContainsAny(token, "\r\n") {
		return Principal{}, refused(jwt.ErrTokenMalformed)
	}
	var c claims
	if _, err := k.parser.ParseWithClaims(token, &c, func(*jwt.Token) (any, error) { return good.verify, nil }); err != nil {
		return Principal{}, refused(err)
	}
	if !ValidSubject(c.Subject) || c.ID == "" {
		return Principal{}, unauthorized("The token does not say whom it was made for; ask for a new one.")
	}
	if _, err := ParseRole(c.Role); err != nil {
		return Principal{}, unauthorized("The token has no role that this node knows; ask for a new one.")
	}
	p := c.principal()
	if c.NotBefore == nil {
		good.known.remember(token, p)
	}
	return p, nil
}

// refused turns the parser's error into a sentence. It does not say what exactly was wrong with a signature.
func refused(err error) error {
	sentence := "The token is not valid here; ask for a new one."
	switch {
	case errors.Is(err, jwt.ErrTokenMalformed):
		sentence = "The token cannot be read; send it as it was printed, after \"Bearer \"."
	case errors.Is(err, jwt.ErrTokenSignatureInvalid), errors.Is(err, jwt.ErrTokenUnverifiable):
		sentence = "The token was not made by this node; ask this node's administrator for one."
	case errors.Is(err, jwt.ErrTokenExpired):
		sentence = "The token has expired; ask for a new one."
	case errors.Is(err, jwt.ErrTokenNotValidYet):
		sentence = "The token is not valid yet; check the clock of the machine that made it, or ask for a new one."
	case errors.Is(err, jwt.ErrTokenInvalidAudience):
		sentence = "The token was made for another node; ask this node's administrator for one."
	}
	return unauthorized(sentence).Because(err)
}

func unauthorized(sentence string) *fault.Error {
	return fault.New(fault.Unauthenticated, "UNAUTHORIZED", "Unauthorized", sentence)
}

// ValidSubject reports whether text is safe to show and log as a caller's name.
func ValidSubject(text string) bool {
	if text == "" || !utf8.ValidString(text) || utf8.RuneCountInString(text) > MaxSubjectRunes {
		return false
	}
	for _, r := range text {
		if !unicode.IsPrint(r) {
			return false
		}
	}
	return true
}
