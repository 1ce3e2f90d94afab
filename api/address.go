package api

import (
	"context"
	"fmt"
	"net"

	"github.com/labstack/echo/v4"

	"fullsync/internal/audit"
	"fullsync/internal/auth"
)

// callerAddress returns what finds the address of a caller: that of the connection itself, because X-Forwarded-For can be
// written by anyone, unless the connection comes from one of the trusted networks, whose word is then taken. It returns an
// error for what is not a network.
func callerAddress(trusted []string) (echo.IPExtractor, error) {
	if len(trusted) == 0 {
		return echo.ExtractIPDirect(), nil
	}
	// By itself Echo would trust all of them.
	options := []echo.TrustOption{echo.TrustLoopback(false), echo.TrustLinkLocal(false), echo.TrustPrivateNet(false)}
	for _, text := range trusted {
		_, network, err := net.ParseCIDR(text)
		if err != nil {
			return nil, fmt.Errorf("api: a trusted proxy is not a network: %w", err)
		}
		options = append(options, echo.TrustIPRange(network))
	}
	return echo.ExtractIPFromXFFHeader(options...), nil
}

// withOrigin puts who calls, and from where, into the request's context, where handlers and the audit log find it.
func withOrigin(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		by := audit.Origin{Kind: audit.Nobody, Address: c.RealIP(), RequestID: c.Response().Header().Get(echo.HeaderXRequestID)}
		if p, known := auth.FromContext(r.Context()); known {
			by.Actor, by.Kind = p.Subject, kindOf(p)
		}
		c.SetRequest(r.WithContext(audit.WithOrigin(r.Context(), by)))
		return next(c)
	}
}

// kindOf says how a caller is known.
func kindOf(p auth.Principal) audit.Kind {
	switch {
	case p.Named:
		return audit.Token
	case p.UserID != "":
		return audit.User
	}
	if p.Outside {
		return audit.Outside
	}
	return audit.Offline
}

// addressOf returns the address of the caller.
func addressOf(ctx context.Context) string { return audit.OriginOf(ctx).Address }
