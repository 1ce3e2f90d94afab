package api

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"
)

const (
	// headerForwardedPrefix is the path that a reverse proxy took off before it passed a request on.
	headerForwardedPrefix = "X-Forwarded-Prefix"
	// maxPrefix is the longest prefix that is believed, in bytes.
	maxPrefix = 256
)

// prefixKey is the key of the path prefix in a context.
type prefixKey struct{}

// withPrefix puts the path prefix that a trusted proxy took off into the request's context, where [underPrefix] finds
// it. It returns an error for what is not a network.
func withPrefix(trusted []string) (echo.MiddlewareFunc, error) {
	var networks []*net.IPNet
	for _, text := range trusted {
		_, network, err := net.ParseCIDR(text)
		if err != nil {
			return nil, fmt.Errorf("api: a trusted proxy is not a network: %w", err)
		}
		networks = append(networks, network)
	}
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			r := c.Request()
			if prefix := prefixOf(r, networks); prefix != "" {
				c.SetRequest(r.WithContext(context.WithValue(r.Context(), prefixKey{}, prefix)))
			}
			return next(c)
		}
	}, nil
}

// prefixOf returns the prefix that r brings, "" where it brings none or the connection does not come from one of the
// trusted networks.
func prefixOf(r *http.Request, trusted []*net.IPNet) string {
	sent := r.Header.Values(headerForwardedPrefix)
	if len(sent) != 1 {
		return "" // several proxies disagree about what a caller sees
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	address := net.ParseIP(host)
	for _, network := range trusted {
		if network.Contains(address) {
			return cleanPrefix(sent[0])
		}
	}
	return ""
}

// cleanPrefix returns the prefix without a slash at its end, and "" for anything but a plain absolute path: what it is
// put before must stay a path on this host.
func cleanPrefix(text string) string {
	text = strings.TrimSuffix(text, "/")
	if !strings.HasPrefix(text, "/") || len(text) > maxPrefix {
		return ""
	}
	for _, segment := range strings.Split(text[1:], "/") {
		if segment == "" || segment == "." || segment == ".." || strings.ContainsFunc(segment, notInPrefix) {
			return ""
		}
	}
	return text
}

// notInPrefix says whether c may not stand in a segment of a prefix: only what needs no escape in a path does.
func notInPrefix(c rune) bool {
	switch {
	case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '.', c == '_', c == '~':
		return false
	}
	return true
}

// underPrefix returns the path of this node as the caller has to write it.
func underPrefix(ctx context.Context, path string) string {
	prefix, _ := ctx.Value(prefixKey{}).(string)
	return prefix + path
}
