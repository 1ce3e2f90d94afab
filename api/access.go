package api

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"

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
	// body says how large its body may be; nil where the general limits hold.
	body *bodyLimits
}

// bodyLimits are what an operation that takes products says of its body, which it then reads by itself.
type bodyLimits struct {
	MaxBytes int64
	MaxDepth int
}

// pathParameter is a parameter in a path of the document.
var pathParameter = regexp.MustCompile(`\{(\w+)\}`)

// document is openapi.yaml, read once for every server of the process: that takes longer than everything else at the start of a node.
// Nobody changes it.
var document = sync.OnceValues(spec.GetSpec)

func newAccessTable() (accessTable, error) {
	doc, err := document()
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
			key := routeKey{method, routePath(path)}
			roles, err := rolesOf(op)
			if err != nil {
				return accessTable{}, fmt.Errorf("api: %s %s: %w", method, path, err)
			}
			if open := len(roles) == 0; open != t.public[key] {
				return accessTable{}, fmt.Errorf("api: %s %s is not in the list of public routes as the document says", method, path)
			}
			body, err := bodyOf(op)
			if err != nil {
				return accessTable{}, fmt.Errorf("api: %s %s: %w", method, path, err)
			}
			t.operations[key] = operation{roles: roles, body: body, route: &routers.Route{
				Spec: doc, Path: path, PathItem: item, Method: method, Operation: op,
			}}
		}
	}
	return t, nil
}

// routePath is a path of the document as Echo writes it.
func routePath(path string) string {
	return pathParameter.ReplaceAllString(strings.ReplaceAll(path, ":", `\:`), ":$1")
}

// bodyOf returns the limits that the document names for the body of an operation, nil where it names none.
func bodyOf(op *openapi3.Operation) (*bodyLimits, error) {
	named, ok := op.Extensions["x-body"].(map[string]any)
	if !ok {
		return nil, nil
	}
	maxBytes, ok1 := named["maxBytes"].(float64)
	maxDepth, ok2 := named["maxDepth"].(float64)
	if !ok1 || !ok2 || maxBytes < 1 || maxDepth < 1 {
		return nil, errors.New("x-body wants maxBytes and maxDepth")
	}
	return &bodyLimits{MaxBytes: int64(maxBytes), MaxDepth: int(maxDepth)}, nil
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

// takesLines says whether the body of the operation is NDJSON.
func (o operation) takesLines() bool {
	return o.route != nil && o.route.Operation.RequestBody != nil && o.route.Operation.RequestBody.Value.Content[ndjson] != nil
}

// takesFile says whether the body of the operation is a file, which it reads as it comes.
func (o operation) takesFile() bool {
	return o.route != nil && o.route.Operation.RequestBody != nil && o.route.Operation.RequestBody.Value.Content[fileBody] != nil
}

// mayUse says whether role is among those that may call the operation.
func (o operation) mayUse(role auth.Role) bool { return slices.Contains(o.roles, role) }
