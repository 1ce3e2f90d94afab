package catalog

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// productWrapper begins a product's line in a page from a node.
const productWrapper = `{"product":`

// UnreadableError is a product that its own node cannot read, because something other than fullsync wrote to its row.
type UnreadableError struct {
	// ID is the product's id.
	ID string
	// Reason is a sentence for people, without a full stop.
	Reason string
}

// Error says which product it is, and why it cannot be read.
func (e *UnreadableError) Error() string { return fmt.Sprintf("product %s: %s", e.ID, e.Reason) }

// AppendLine appends p as a line of a page for other nodes, without the line ending: {"product":{…}} around the canonical
// wire form. A product that cannot be sent as stored, because its attributes are not a JSON object or it is longer than a
// line may be, becomes the line of [UnreadableError.AppendLine]. Only products without a hash are checked, because a hash
// means that [Parse] accepts the attributes. They may still span several lines if something other than fullsync wrote them.
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

// AppendLine appends the line that represents the product in a page from a node: {"product":{"id":…,"unreadable":…}}. Every
// version refuses a product without a name, so readers that do not know this member refuse it too, with its id.
func (e *UnreadableError) AppendLine(dst []byte) []byte {
	dst = appendQuoted(append(append(dst, productWrapper...), `{"id":`...), e.ID)
	dst = appendQuoted(append(dst, `,"unreadable":`...), e.Reason)
	return append(dst, "}}"...)
}

// maxUnreadable is how many characters of another node's reason to keep.
const maxUnreadable = 200

// ParseSent is [Parse] for a product that another node sent. If that node could not read the product, the reason is that
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

// shown makes another node's text safe to put into a sentence.
func shown(text string) string {
	n := 0
	return strings.Map(func(r rune) rune {
		if n++; n > maxUnreadable || !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, text)
}

// IDOfLine returns the product id from the beginning of a cut-off line; "" if it finds none. In the canonical form the id
// comes first, both by itself and in a page from a node.
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
