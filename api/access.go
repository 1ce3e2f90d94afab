package api

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/routers"

	"fullsync/api/spec"
	"fullsync/internal/auth"
)

// publicRoutes is every route that needs no token. This is the whole list: a test fails when another one can be
// reached without, and [New] fails when the document disagrees.
func publicRoutes() []routeKey {
	return []routeKey{
		{http.MethodGet, "/healthz"},
		{http.MethodGet, "/readyz"},
		{http.MethodGet, "/openapi.yaml"},
		// Safe by its own limits: failed logins are slowed, and few passwords are hashed at once.
		{http.MethodPost, "/api/auth/login"},
		{http.MethodGet, docsPath},
		{http.MethodGet, docsPath + "/*"},
		{http.MethodGet, "/"},
		{http.MethodGet, consolePath},
		{http.MethodGet, consolePath + "/*"},
	}
}

// routeKey is a method and a path as Echo writes it (/peers/:nodeId).
type routeKey struct{ method, path string }

// accessTable says who may use which route, from the document.
type accessTable struct {
	operations  map[routeKey]operation
	public      map[routeKey]bool
	publicPaths map[string]bool
}

// operation is one operation of the document.
type operation struct {
	route *routers.Route
	// roles are the ones that may call it; none for a public one.
	roles []auth.Role
}

// pathParameter is a parameter in a path of the document.
var pathParameter = regexp.MustCompile(`\{(\w+)\}`)

func newAccessTable() (accessTable, error) {
	doc, err := spec.GetSpec()
	if err != nil {
		return accessTable{}, fmt.Errorf("api: read the document: %w", err)
	}
	t := accessTable{
		operations:  map[routeKey]operation{},
		public:      map[routeKey]bool{},
		publicPaths: map[string]bool{},
	}
	for _, key := range publicRoutes() {
		t.public[key] = true
		t.publicPaths[key.path] = true
	}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			key := routeKey{method, pathParameter.ReplaceAllString(path, ":$1")}
			roles, err := rolesOf(op)
			if err != nil {
				return accessTable{}, fmt.Errorf("api: %s %s: %w", method, path, err)
			}
			if open := len(roles) == 0; open != t.public[key] {
				return accessTable{}, fmt.Errorf("api: %s %s is not in the list of public routes as the document says", method, path)
			}
			t.operations[key] = operation{roles: roles, route: &routers.Route{
				Spec: doc, Path: path, PathItem: item, Method: method, Operation: op,
			}}
		}
	}
	return t, nil
}

// rolesOf returns the roles that the document names for an operation, none for one that is open on purpose.
func rolesOf(op *openapi3.Operation) ([]auth.Role, error) {
	named, _ := op.Extensions["x-roles"].([]any)
	open := op.Security != nil && len(*op.Security) == 0
	if open == (len(named) > 0) {
		return nil, fmt.Errorf("wants either x-roles or an empty security")
	}
	var roles []auth.Role
	for _, name := range named {
		role, err := auth.ParseRole(fmt.Sprint(name))
		if err != nil {
			return nil, fmt.Errorf("role %v: %w", name, err)
		}
		roles = append(roles, role)
	}
	return roles, nil
}

// mayUse says whether role is among those that may call the operation.
func (o operation) mayUse(role auth.Role) bool { return slices.Contains(o.roles, role) }
