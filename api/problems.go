package api

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"

	"fullsync/internal/fault"
)

const (
	// maxDetails is how many problems one answer names.
	maxDetails = 20
	// maxFieldRunes is how much of a field's name, which may come from the request, is repeated.
	maxFieldRunes = 80
)

// invalid turns the validator's errors into the contract's 400.
func invalid(err error) error {
	p := problems{missing: map[string]bool{}}
	p.collect("", err)
	for _, member := range []string{"sessionId", "action", "targetPeer"} {
		if missing := requiredMember(member); p.missing[member] && missing != nil {
			return missing
		}
	}
	if len(p.details) == 0 {
		return invalidRequest().Because(err)
	}
	first := p.details[0]
	out := fault.New(fault.Invalid, "INVALID_REQUEST", "Invalid request", "%s %s.", first.Field, first.Problem)
	out.Details = p.details
	return out.Because(err)
}

// problems gathers what is wrong, one per field.
type problems struct {
	details []fault.Detail
	// missing has the members of the body that are absent, null or empty.
	missing map[string]bool
}

// collect goes through the tree of errors down to those that say something of one field. field is the parameter they
// are about, "" for the body.
func (p *problems) collect(field string, err error) {
	switch e := err.(type) { //nolint:errorlint // goes through the tree node by node; errors.As would skip some
	case openapi3.MultiError:
		for _, one := range e {
			p.collect(field, one)
		}
	case *openapi3filter.RequestError:
		p.collectRequest(e)
	case *openapi3.SchemaError:
		if e.SchemaField == "allOf" && e.Origin != nil {
			p.collect(field, e.Origin)
			return
		}
		p.addSchema(field, e)
	default:
		if inner := errors.Unwrap(err); inner != nil {
			p.collect(field, inner)
		}
	}
}

func (p *problems) collectRequest(e *openapi3filter.RequestError) {
	field := ""
	if e.Parameter != nil {
		field = e.Parameter.Name
		var parse *openapi3filter.ParseError
		switch {
		case errors.Is(e.Err, openapi3filter.ErrInvalidRequired):
			p.add(field, "is required")
			return
		case errors.Is(e.Err, openapi3filter.ErrInvalidEmptyValue):
			p.add(field, "must not be empty")
			return
		case errors.As(e.Err, &parse):
			p.add(field, parseProblem(e.Parameter.Schema.Value))
			return
		}
	}
	p.collect(field, e.Err)
}

// parseProblem says what a parameter should have been that could not even be read.
func parseProblem(schema *openapi3.Schema) string {
	if !schema.Type.Is(openapi3.TypeInteger) {
		return "has the wrong shape"
	}
	if schema.Min != nil && schema.Max != nil {
		return "must be a whole number from " + number(schema.Min) + " to " + number(schema.Max)
	}
	return "must be a whole number"
}

func (p *problems) addSchema(field string, e *openapi3.SchemaError) {
	path := e.JSONPointer()
	if field != "" {
		path = append([]string{field}, path...)
	} else if len(path) == 1 && isMissing(e) {
		p.missing[path[0]] = true
	}
	if object, ok := e.Value.(map[string]any); ok && e.SchemaField == "properties" {
		for _, name := range slices.Sorted(maps.Keys(object)) {
			if e.Schema.Properties[name] == nil {
				p.add(strings.Join(append(path, name), "."), "is not known")
			}
		}
		return
	}
	p.add(strings.Join(path, "."), problemOf(e))
}

// isMissing says whether the error is that a member is absent, or as good as. A target peer without nodeId is none.
func isMissing(e *openapi3.SchemaError) bool {
	value := e.Value
	if object, ok := value.(map[string]any); ok && e.SchemaField == "oneOf" {
		value = object["nodeId"]
	}
	return e.SchemaField == "required" || value == nil || value == ""
}

func (p *problems) add(field, problem string) {
	if field == "" {
		field = "body"
	}
	field = printable(field)
	for _, d := range p.details {
		if d.Field == field {
			return
		}
	}
	if len(p.details) < maxDetails {
		p.details = append(p.details, fault.Detail{Field: field, Problem: problem})
	}
}

// problemOf says what is wrong, never with the value itself: it may be a secret.
func problemOf(e *openapi3.SchemaError) string {
	schema := e.Schema
	if e.SchemaField == "required" {
		return "is required"
	}
	if e.Value == nil || e.SchemaField == "nullable" {
		return "must not be null"
	}
	if said, ok := schema.Extensions["x-problem"].(string); ok && e.SchemaField != "type" {
		return said
	}
	switch e.SchemaField {
	case "type":
		return "must be " + typeName(schema)
	case "enum":
		return "must be " + choices(schema.Enum)
	case "minimum":
		return "must be at least " + number(schema.Min)
	case "maximum":
		return "must be at most " + number(schema.Max)
	case "minLength":
		return "must not be empty"
	case "maxLength":
		return fmt.Sprintf("must have at most %d characters", *schema.MaxLength)
	case "maxItems":
		return fmt.Sprintf("must be given at most %d times", *schema.MaxItems)
	case "format":
		if schema.Format == "date-time" {
			return "must be a time such as 2026-01-31T10:00:00Z"
		}
	}
	return "has the wrong shape"
}

func typeName(schema *openapi3.Schema) string {
	switch {
	case schema.Type.Is(openapi3.TypeInteger):
		return "a whole number"
	case schema.Type.Is(openapi3.TypeNumber):
		return "a number"
	case schema.Type.Is(openapi3.TypeBoolean):
		return "true or false"
	case schema.Type.Is(openapi3.TypeObject):
		return "an object"
	case schema.Type.Is(openapi3.TypeArray):
		return "a list"
	}
	return "a string"
}

// number writes a limit of a schema, all of which are whole, without an exponent.
func number(limit *float64) string { return strconv.FormatInt(int64(*limit), 10) }

func choices(values []any) string {
	names := make([]string, len(values))
	for i, value := range values {
		names[i] = fmt.Sprint(value)
	}
	if len(names) == 1 {
		return names[0]
	}
	return "one of " + strings.Join(names, ", ")
}

// printable returns a name from a request as it may be shown: short and without control characters.
func printable(name string) string {
	name = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, name)
	if runes := []rune(name); len(runes) > maxFieldRunes {
		return string(runes[:maxFieldRunes]) + "…"
	}
	return name
}
