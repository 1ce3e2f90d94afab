package auth

import (
	"time"

	"github.com/golang-jwt/jwt/v5"

	"fullsync/internal/fault"
)

// Claims is what a token says about itself, unverified.
type Claims struct {
	Subject  string
	Role     string
	Audience []string
	// ExpiresAt is in UTC; nil if the token has no expiry.
	ExpiresAt *time.Time
}

// Peek reads a peer's token without verifying it, which only the peer can do. Use it to show people a token's role and
// expiry, never to decide what a caller may do. Returns Invalid if the text is not a JWT.
func Peek(token string) (Claims, error) {
	if len(token) > MaxTokenBytes {
		return Claims{}, unreadable()
	}
	var c claims
	if _, _, err := jwt.NewParser().ParseUnverified(token, &c); err != nil {
		return Claims{}, unreadable().Because(err)
	}
	out := Claims{Subject: c.Subject, Role: c.Role, Audience: c.Audience}
	if c.ExpiresAt != nil {
		end := c.ExpiresAt.UTC()
		out.ExpiresAt = &end
	}
	return out, nil
}

// SaysNamed reports whether a token says that it is a named one. It is not verified.
func SaysNamed(token string) bool {
	var c claims
	if len(token) > MaxTokenBytes {
		return false
	}
	_, _, err := jwt.NewParser().ParseUnverified(token, &c)
	return err == nil && c.Nonce != ""
}

func unreadable() *fault.Error {
	return fault.New(fault.Invalid, "INVALID_TOKEN", "Invalid token",
		"This is not a token of a fullsync node; make one there with `fullsync token --role node`.")
}
