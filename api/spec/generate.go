// Package spec is the OpenAPI document as Go: the models, the strict server interface that package api implements,
// and the client with which nodes talk to each other. All of it but this file is generated from the openapi.yaml at
// the top level; change that and run go generate.
package spec

import _ "embed"

//go:generate cp ../../openapi.yaml openapi.yaml
//go:generate go tool oapi-codegen -config oapi-codegen.yaml ../../openapi.yaml

//go:embed openapi.yaml
var document []byte

// Document returns the OpenAPI document as it was written, in YAML. The caller must not change it.
func Document() []byte { return document }
