package api

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"fullsync/internal/auth"
	"fullsync/internal/fault"
	"fullsync/internal/peer"
	"fullsync/internal/token"
)

// authenticate finds out who calls and puts them into the request's context. Everything but the public routes needs
// a token, also what does not exist under /api, so that nothing can be learned of it without one. limit bounds how long the
// look at a token may take.
func authenticate(access accessTable, callers Callers, limit time.Duration) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			path := c.Path()
			if access.publicPaths[path] || path == "" && !underAPI(c.Request().URL.Path) {
				return next(c)
			}
			text, err := bearer(c.Request().Header.Values(echo.HeaderAuthorization))
			if err != nil {
				return err
			}
			r := c.Request()
			ctx, cancel := context.WithTimeout(r.Context(), limit)
			principal, err := callers.Verify(ctx, text, token.Use{Address: c.RealIP(), Node: callingNode(r.Header)})
			cancel()
			if err != nil {
				return err
			}
			c.SetRequest(r.WithContext(auth.WithPrincipal(r.Context(), principal)))
			return next(c)
		}
	}
}

// callingNode returns the node that the caller says it is, "" for none. It is shown to people and decides nothing.
func callingNode(h http.Header) string {
	id := h.Get(peer.HeaderNode)
	if peer.CheckNodeID(id) != nil {
		return ""
	}
	return id
}

// underAPI says whether path belongs to the API, whether it exists or not.
func underAPI(path string) bool { return path == "/api" || strings.HasPrefix(path, "/api/") }

// bearer returns the token of the Authorization headers, "" where there is none.
func bearer(headers []string) (string, error) {
	if len(headers) == 0 {
		return "", nil
	}
	scheme, token, _ := strings.Cut(headers[0], " ")
	if len(headers) > 1 || !strings.EqualFold(scheme, "Bearer") {
		return "", fault.New(fault.Unauthenticated, "UNAUTHORIZED", "Unauthorized",
			`Send exactly one header of the form "Authorization: Bearer <token>".`)
	}
	return strings.TrimSpace(token), nil
}

// authorize lets a caller through to an operation only with a role that the document names for it.
func authorize(access accessTable) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			op, known := access.operations[routeKey{c.Request().Method, c.Path()}]
			if !known || len(op.roles) == 0 {
				return next(c)
			}
			principal, ok := auth.FromContext(c.Request().Context())
			if !ok || !op.mayUse(principal.Role) {
				return fault.New(fault.Forbidden, "FORBIDDEN", "Insufficient permissions",
					"Role %s may not do this; it takes %s.", principal.Role, alternatives(op.roles))
			}
			return next(c)
		}
	}
}

// alternatives joins roles as a person would say them.
func alternatives(roles []auth.Role) string {
	names := make([]string, len(roles))
	for i, role := range roles {
		names[i] = string(role)
	}
	last := len(names) - 1
	if last == 0 {
		return names[0]
	}
	return strings.Join(names[:last], ", ") + " or " + names[last]
}
