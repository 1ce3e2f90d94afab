package spec_test

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"fullsync/api/spec"
)

// load reads the document at the top level.
func load(t *testing.T) *openapi3.T {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromFile("../../openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestDocumentAndExamplesAreValid(t *testing.T) {
	doc := load(t)
	if err := doc.Validate(t.Context(), openapi3.EnableExamplesValidation()); err != nil {
		t.Fatal(err)
	}
	examples := 0
	check := func(where string, media *openapi3.MediaType) {
		if media.Example == nil && len(media.Examples) == 0 {
			t.Errorf("%s has no example", where)
		}
		all := []any{}
		if media.Example != nil {
			all = append(all, media.Example)
		}
		for _, example := range media.Examples {
			all = append(all, example.Value.Value)
		}
		for _, example := range all {
			examples++
			if err := media.Schema.Value.VisitJSON(example, openapi3.EnableFormatValidation()); err != nil {
				t.Errorf("%s: the example is not valid: %v", where, err)
			}
		}
	}
	for path, item := range doc.Paths.Map() {
		for method, operation := range item.Operations() {
			where := method + " " + path
			if operation.RequestBody != nil {
				for _, media := range operation.RequestBody.Value.Content {
					check(where+" request", media)
				}
			}
			for status, response := range operation.Responses.Map() {
				for _, media := range response.Value.Content {
					check(where+" "+status, media)
				}
			}
		}
	}
	if examples < 100 {
		t.Errorf("only %d examples were looked at", examples)
	}
}

func TestEverythingIsDescribed(t *testing.T) {
	doc := load(t)
	for name, schema := range doc.Components.Schemas {
		if schema.Value.Description == "" {
			t.Errorf("schema %s has no description", name)
		}
		for member, property := range schema.Value.Properties {
			described := property.Value.Description != ""
			for _, part := range property.Value.AllOf {
				described = described || part.Value.Description != ""
			}
			if !described {
				t.Errorf("%s.%s has no description", name, member)
			}
			if _, ok := property.Value.Extensions["x-order"]; !ok {
				t.Errorf("%s.%s has no x-order", name, member)
			}
		}
	}
	for path, item := range doc.Paths.Map() {
		for method, operation := range item.Operations() {
			if operation.Summary == "" || operation.OperationID == "" || len(operation.Tags) != 1 {
				t.Errorf("%s %s wants a summary, an operationId and one tag", method, path)
			}
			for _, parameter := range operation.Parameters {
				if parameter.Value.Description == "" {
					t.Errorf("%s %s: parameter %s has no description", method, path, parameter.Value.Name)
				}
			}
		}
	}
}

// TestNullIsSaidSoThatToolsUnderstandIt: in OpenAPI 3.0 nullable only widens the type beside it, so beside a reference it allows
// nothing, and code generators disagree on what it means. What may be null there is one of a schema and Nothing.
func TestNullIsSaidSoThatToolsUnderstandIt(t *testing.T) {
	for name, schema := range load(t).Components.Schemas {
		check := func(where string, s *openapi3.Schema) {
			if s.Nullable && (s.Type == nil || len(s.AllOf)+len(s.AnyOf)+len(s.OneOf) > 0) {
				t.Errorf("%s: nullable wants a type of its own beside it, and no reference", where)
			}
		}
		check(name, schema.Value)
		for member, property := range schema.Value.Properties {
			check(name+"."+member, property.Value)
		}
	}
}

// TestNoSchemaIsLeftOver: a schema that nothing refers to is named in a description, as lines of NDJSON are.
func TestNoSchemaIsLeftOver(t *testing.T) {
	text := string(spec.Document())
	for name := range load(t).Components.Schemas {
		if !strings.Contains(text, "'#/components/schemas/"+name+"'") && !strings.Contains(text, "`"+name+"`") {
			t.Errorf("nothing refers to %s", name)
		}
	}
}

// TestRolesAreDeclared holds the rule that every operation either names its roles or is open on purpose.
func TestRolesAreDeclared(t *testing.T) {
	for path, item := range load(t).Paths.Map() {
		for method, operation := range item.Operations() {
			roles, _ := operation.Extensions["x-roles"].([]any)
			open := operation.Security != nil && len(*operation.Security) == 0
			if open == (len(roles) > 0) {
				t.Errorf("%s %s: wants either x-roles or security: []", method, path)
			}
			_, has401 := operation.Responses.Map()["401"]
			_, has403 := operation.Responses.Map()["403"]
			if !open && (!has401 || !has403) {
				t.Errorf("%s %s: describes no 401 or no 403", method, path)
			}
		}
	}
}

// TestGeneratedCodeIsUpToDate compares the document that was compiled in with the one at the top level.
func TestGeneratedCodeIsUpToDate(t *testing.T) {
	written, err := os.ReadFile("../../openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(written, spec.Document()) {
		t.Error("api/spec/openapi.yaml differs from openapi.yaml: run go generate ./api/spec")
	}
	compiled, err := spec.GetSpec()
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(compiled)
	if err != nil {
		t.Fatal(err)
	}
	want, err := json.Marshal(load(t))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("spec.gen.go was made from another openapi.yaml: run go generate ./api/spec")
	}
}

func TestMembersComeOutInTheContractsOrder(t *testing.T) {
	text, err := json.Marshal(spec.SyncInProgress{})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(text), `{"error":"","sessionId":"00000000-0000-0000-0000-000000000000","currentStep":"","progress":0,"code":`) {
		t.Errorf("the 409 begins with %s", text)
	}
	text, err = json.Marshal(spec.Session{})
	if err != nil {
		t.Fatal(err)
	}
	order := `sessionId catalog direction sourceNodeId targetNodeId method status phase currentStep progress totalRecords ` +
		`transferredRecords created updated unchanged deleted rejected transferredBytes transferSpeed recordsPerSecond ` +
		`estimatedTimeRemaining startedAt startedBy lastHeartbeatAt lastCommitAt lastSourceAt completedAt errorMessage errorCode cancelledBy ` +
		`cancelReason attempts worker resumedFrom resumedRecords options outcome deletesWithheld health`
	at := 0
	for _, member := range strings.Fields(order) {
		i := strings.Index(string(text[at:]), `"`+member+`":`)
		if i < 0 {
			t.Fatalf("member %s is missing or out of order in %s", member, text)
		}
		at += i
	}
}
