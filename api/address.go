package api

import (
	"context"
	"fmt"
	"net"

	"github.com/labstack/echo/v4"
)

// addressKey is the key of the caller's address in a context.
type addressKey struct{}

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

// withAddress puts the address of the caller into the request's context, where the handlers find it.
func withAddress(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		c.SetRequest(r.WithContext(context.WithValue(r.Context(), addressKey{}, c.RealIP())))
		return next(c)
	}
}

// addressOf returns the address of the caller, "" where nobody put it there.
func addressOf(ctx context.Context) string {
	address, _ := ctx.Value(addressKey{}).(string)
	return address
}
