package api

import (
	"bytes"
	"errors"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"fullsync/internal/fault"
)

// maxBodyDepth is how deep a body may be nested whose operation names no limit of its own.
const maxBodyDepth = 32

// checkBody says whether data is one JSON object that every reader understands alike: valid UTF-8, no name twice, no
// NUL (which PostgreSQL cannot store), nothing after it, and not nested absurdly. Returns Invalid otherwise.
func checkBody(data []byte, maxDepth int) error {
	dec := jsontext.NewDecoder(bytes.NewReader(data))
	if kind := dec.PeekKind(); kind != '{' && kind != 0 {
		return wrongBody("must be a JSON object")
	}
	for {
		token, err := dec.ReadToken()
		switch {
		case errors.Is(err, io.ErrUnexpectedEOF):
			return wrongBody("ends too early")
		case errors.Is(err, jsontext.ErrDuplicateName):
			return wrongBody("has a member twice")
		case err != nil:
			return wrongBody("must be valid JSON")
		}
		if dec.StackDepth() > maxDepth {
			return wrongBody("is nested too deep")
		}
		if token.Kind() == '"' && strings.ContainsRune(token.String(), 0) {
			return wrongBody("must not have NUL characters")
		}
		if dec.StackDepth() == 0 {
			break
		}
	}
	if _, err := dec.ReadToken(); !errors.Is(err, io.EOF) {
		return wrongBody("must be one JSON object and nothing after it")
	}
	return nil
}

func wrongBody(problem string) error {
	return fault.New(fault.Invalid, "INVALID_REQUEST", "Invalid request", "The body of the request %s.", problem).
		With("body", problem)
}
