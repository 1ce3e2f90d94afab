package api

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/labstack/echo/v4"

	"fullsync/internal/fault"
)

// validate refuses requests that are not as the document describes them, with a 400 that names the fields.
func validate(access accessTable) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			op, known := access.operations[routeKey{c.Request().Method, c.Path()}]
			if !known {
				return next(c)
			}
			if err := op.check(c); err != nil {
				return err
			}
			return next(c)
		}
	}
}

// check validates the request of c. It leaves the body ready to be read again.
func (o operation) check(c echo.Context) error {
	r := c.Request()
	path, err := pathParameters(c)
	if err != nil {
		return err
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return invalidField("query", "must be percent-encoded correctly")
	}
	if err := checkText(query); err != nil {
		return err
	}
	joinHeaders(r, o.route.Operation.Parameters, o.route.PathItem.Parameters)
	if o.takesLines() || o.takesFile() { // the validator would take the lines in, and its operation reads them as they come
		lines := r.Body
		r.Body = http.NoBody
		defer func() { r.Body = lines }()
	} else if body := o.route.Operation.RequestBody; body != nil {
		if err := readBody(r, body.Value, o.maxDepth()); err != nil {
			return err
		}
	}
	err = openapi3filter.ValidateRequest(r.Context(), &openapi3filter.RequestValidationInput{
		Request:     r,
		PathParams:  path,
		QueryParams: query,
		Route:       o.route,
		Options: &openapi3filter.Options{
			MultiError:          true,
			SkipSettingDefaults: true,
			KeepValidatedValue:  true,
			ExcludeRequestBody:  o.body != nil,                         // the rules of products are not the document's
			AuthenticationFunc:  openapi3filter.NoopAuthenticationFunc, // authenticate has done it
		},
	})
	if err != nil {
		return invalid(err)
	}
	return nil
}

// maxDepth is how deep the body may be nested.
func (o operation) maxDepth() int {
	if o.body != nil {
		return o.body.MaxDepth
	}
	return maxBodyDepth
}

// pathParameters returns the parameters in the path, unescaped.
func pathParameters(c echo.Context) (map[string]string, error) {
	params := map[string]string{}
	for i, name := range c.ParamNames() {
		value, err := url.PathUnescape(c.ParamValues()[i])
		if err != nil {
			return nil, invalidField(name, "must be percent-encoded correctly")
		}
		if problem := textProblem(value); problem != "" {
			return nil, invalidField(name, problem)
		}
		params[name] = value
	}
	return params, nil
}

// checkText refuses query values that no database could compare.
func checkText(query url.Values) error {
	for name, values := range query {
		for _, value := range values {
			if problem := textProblem(value); problem != "" {
				return invalidField(printable(name), problem)
			}
		}
	}
	return nil
}

func textProblem(text string) string {
	switch {
	case !utf8.ValidString(text):
		return "must be valid UTF-8"
	case strings.ContainsRune(text, 0):
		return "must not have NUL characters"
	}
	return ""
}

// joinHeaders makes one line of the headers that are parameters: several lines mean the same as one with commas.
func joinHeaders(r *http.Request, lists ...openapi3.Parameters) {
	for _, list := range lists {
		for _, parameter := range list {
			if values := r.Header.Values(parameter.Value.Name); parameter.Value.In == openapi3.ParameterInHeader && len(values) > 1 {
				r.Header.Set(parameter.Value.Name, strings.Join(values, ", "))
			}
		}
	}
}

// readBody takes the whole body in, which is bounded, and checks it. A missing body misses the first required member,
// and is fine where the document does not ask for one.
func readBody(r *http.Request, described *openapi3.RequestBody, maxDepth int) error {
	data, err := io.ReadAll(r.Body)
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return err
	case err != nil:
		return wrongBody("ends too early")
	}
	if len(bytes.TrimSpace(data)) > 0 {
		r.Body = io.NopCloser(bytes.NewReader(data))
		return checkBody(data, maxDepth)
	}
	if !described.Required {
		r.Body, r.ContentLength = http.NoBody, 0
		return nil
	}
	for _, member := range described.Content.Get(echo.MIMEApplicationJSON).Schema.Value.Required {
		if missing := requiredMember(member); missing != nil {
			return missing
		}
	}
	return wrongBody("is missing")
}

// requiredMember returns the contract's own error for a missing member, nil for a member that has none.
func requiredMember(name string) *fault.Error {
	const problem = "is required"
	switch name {
	case "sessionId":
		return fault.New(fault.Invalid, "SESSION_ID_REQUIRED", "Session ID is required",
			"Name the session in the member sessionId.").With(name, problem)
	case "action":
		return fault.New(fault.Invalid, "ACTION_REQUIRED", "Action is required",
			`Say what to do in the member action: "pull" or "push".`).With(name, problem)
	case "targetPeer":
		return fault.New(fault.Invalid, "TARGET_PEER_REQUIRED", "Target peer is required",
			"Name the peer in the member targetPeer, by its node id.").With(name, problem)
	}
	return nil
}
