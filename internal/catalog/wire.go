package catalog

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// productWrapper begins the line of a product in a page of a node.
const productWrapper = `{"product":`

// UnreadableError is a product that its own node cannot read, because something else than fullsync wrote to its row.
type UnreadableError struct {
	// ID is the product's id.
	ID string
	// Reason is a sentence for a person, without a full stop.
	Reason string
}

// Error says which product, and why.
func (e *UnreadableError) Error() string { return fmt.Sprintf("product %s: %s", e.ID, e.Reason) }

// AppendLine appends p as a line of a page of a node, without the line end: {"product":{…}} around the canonical wire
// form. A product that cannot be sent as it is stored, because its attributes are no JSON object or it is larger than
// a line may be, becomes the line of [UnreadableError.AppendLine]. Only one without a hash is checked: a hash means that
// [Parse] takes the attributes. They may still lie on several lines, where somebody else wrote them.
func (p *Product) AppendLine(dst []byte) []byte {
	start := len(dst)
	dst = p.AppendJSON(append(dst, productWrapper...))
	if p.Attributes != "" && (p.Hash == "" || strings.IndexByte(p.Attributes, '\n') >= 0 || strings.IndexByte(p.Attributes, '\r') >= 0) {
		wire := dst[start+len(productWrapper):]
		attributes := jsontext.Value(wire[len(wire)-len("}")-len(p.Attributes) : len(wire)-len("}")])
		if attributes.Kind() != jsontext.KindBeginObject || !attributes.IsValid(jsontext.AllowDuplicateNames(true)) {
			return (&UnreadableError{p.ID, "its attributes are not a JSON object"}).AppendLine(dst[:start])
		}
		if bytes.ContainsAny(attributes, "\r\n") { // white space, and the end of a line
			for i, c := range attributes {
				if c == '\r' || c == '\n' {
					attributes[i] = ' '
				}
			}
		}
	}
	if dst = append(dst, '}'); len(dst)-start > MaxLineBytes {
		return (&UnreadableError{p.ID, fmt.Sprintf("it is larger than %d bytes", MaxLineBytes)}).AppendLine(dst[:start])
	}
	return dst
}

// AppendLine appends the line that stands for the product in a page of a node: {"product":{"id":…,"unreadable":…}}. A
// product without a name is refused by every version, so readers that do not know the member refuse it too, with its id.
func (e *UnreadableError) AppendLine(dst []byte) []byte {
	dst = appendQuoted(append(append(dst, productWrapper...), `{"id":`...), e.ID)
	dst = appendQuoted(append(dst, `,"unreadable":`...), e.Reason)
	return append(dst, "}}"...)
}

// maxUnreadable is how many characters of another node's reason are kept.
const maxUnreadable = 200

// ParseSent is [Parse] for a product that another node sent. The reason of one that its own node cannot read is that
// node's.
func ParseSent(line []byte) (Product, error) {
	p, err := Parse(line)
	if err == nil {
		return p, nil
	}
	var sent struct {
		ID         string  `json:"id"`
		Unreadable *string `json:"unreadable"`
		Name       *string `json:"name"`
	}
	if json.Unmarshal(line, &sent) == nil && sent.Unreadable != nil && sent.Name == nil {
		reject := *err.(*Reject) //nolint:errorlint // the error of Parse is always one
		reject.Reason = "the source cannot read this product: " + shown(*sent.Unreadable)
		return p, &reject
	}
	return p, err
}

// shown makes text of another node fit to stand in a sentence.
func shown(text string) string {
	n := 0
	return strings.Map(func(r rune) rune {
		if n++; n > maxUnreadable || !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, text)
}

// IDOfLine returns the id of the product at the beginning of a line whose end is not there, "" where it cannot be
// found. It stands first in the canonical form, in a page of a node or by itself.
func IDOfLine(beginning []byte) string {
	d := jsontext.NewDecoder(bytes.NewReader(beginning), jsontext.AllowDuplicateNames(true))
	for depth := 1; depth <= 2; depth++ {
		if t, err := d.ReadToken(); err != nil || t.Kind() != jsontext.KindBeginObject {
			return ""
		}
		name, err := d.ReadToken()
		if err != nil || name.Kind() != jsontext.KindString {
			return ""
		}
		switch name.String() {
		case "product":
			continue
		case "id":
			id, err := d.ReadToken()
			if err != nil || id.Kind() != jsontext.KindString || checkID([]byte(id.String())) != "" {
				return ""
			}
			return id.String()
		default:
			return ""
		}
	}
	return ""
}
