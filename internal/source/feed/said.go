package feed

import (
	"bytes"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"fullsync/internal/catalog"
)

// saidMost is the most characters of an error that are repeated.
const saidMost = 200

// errorIn returns what an object of JSON says has gone wrong, if it stands for an error of a server and not for products; "" otherwise. GraphQL, for
// one, answers with {"errors": […]} and status 200, and what it has beside that is not complete. It goes by the first bytes. With mapped, columns of
// any name may be those of a product, so that only a list of errors counts.
func errorIn(head []byte, mapped bool) string {
	d := jsontext.NewDecoder(bytes.NewBuffer(head), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if d.PeekKind() != jsontext.KindBeginObject {
		return ""
	}
	_, _ = d.ReadToken()
	var said string
	certain, named := false, false
	for d.PeekKind() == jsontext.KindString {
		token, err := d.ReadToken()
		if err != nil {
			break
		}
		name := token.String()
		if slices.Contains([]string{fieldID, fieldSKU, fieldName, "title"}, name) {
			return "" // a product may have members of these names
		}
		raw, err := d.ReadValue()
		if err != nil {
			break // a long value, which no error is
		}
		message := messageIn(raw)
		switch {
		case name == "errors" && message != "":
			return message
		case mapped:
		case name == "error" && message != "":
			said, certain = message, true
		case name == "message" && message != "" && !certain:
			said = message
		case slices.Contains([]string{"code", "status", "statusCode", "success", "error", "type"}, name):
			named = true
		case raw.Kind() == jsontext.KindBeginArray:
			return "" // it may hold products
		}
	}
	if certain || named {
		return said
	}
	return ""
}

// messageIn returns the text of an error: a string, or the member message of an object, or that of the first one in a list.
func messageIn(raw jsontext.Value) string {
	if raw.Kind() == jsontext.KindBeginArray {
		raw, _ = within(raw, "0")
	}
	if raw.Kind() == jsontext.KindBeginObject {
		raw, _ = within(raw, "message")
	}
	if raw.Kind() != jsontext.KindString {
		return ""
	}
	text, _ := value{raw: raw}.scalar()
	return catalog.Shown(text, saidMost)
}
