package catalog

import (
	"bytes"
	"errors"
	"fmt"
	"io"
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
		reject.Reason = "the source cannot read this product: " + Shown(*sent.Unreadable, maxUnreadable)
		return p, &reject
	}
	return p, err
}

// Shown makes another node's text safe to show: only its printable characters, of its first most ones.
func Shown(text string, most int) string {
	n := 0
	return strings.Map(func(r rune) rune {
		if n++; n > most || !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, text)
}

// Line is one line that a node sends another: a product, refused or not, or another member.
type Line struct {
	Product Product
	// Reject is the refusal of the product, nil if it is not refused.
	Reject *Reject
	// Name is the line's only member if that is not a product, and Value is its JSON; "" for a product.
	Name  string
	Value []byte
}

// ErrNoLine means that a line is not JSON, or has not exactly one member with a name.
var ErrNoLine = errors.New("not a line from a node")

// ParseLine reads a line of a page or of a batch, as [Product.AppendLine] and [UnreadableError.AppendLine] write those of products. A refused product
// is no error; the errors are ErrNoLine.
func ParseLine(line []byte) (Line, error) {
	// Nearly every line goes this way: take the wrapper off by hand and leave all checking to Parse, so that the product
	// is read only once.
	if inner, ok := bytes.CutPrefix(line, []byte(productWrapper)); ok {
		if inner, ok = bytes.CutSuffix(inner, []byte("}")); ok {
			if l, err := parseLine(inner); err == nil {
				return l, nil
			}
		}
	}
	name, value, err := unwrap(line)
	if err != nil || name != "product" {
		return Line{Name: name, Value: value}, err
	}
	return parseLine(value)
}

// parseLine reads the product of a line. What is not JSON is ErrNoLine.
func parseLine(text []byte) (Line, error) {
	p, err := ParseSent(text)
	var reject *Reject
	if err != nil && (!errors.As(err, &reject) || !jsontext.Value(text).IsValid(lenient())) {
		return Line{}, ErrNoLine
	}
	return Line{Product: p, Reject: reject}, nil
}

// unwrap returns the only member of a line.
func unwrap(line []byte) (name string, value jsontext.Value, err error) {
	d := jsontext.NewDecoder(bytes.NewBuffer(line), lenient())
	open, err := d.ReadToken()
	if err != nil || open.Kind() != jsontext.KindBeginObject {
		return "", nil, ErrNoLine
	}
	token, err := d.ReadToken()
	if err != nil || token.Kind() != jsontext.KindString {
		return "", nil, ErrNoLine
	}
	if name = token.String(); name == "" {
		return "", nil, ErrNoLine
	}
	if value, err = d.ReadValue(); err != nil {
		return "", nil, ErrNoLine
	}
	value = value.Clone()
	if shut, err := d.ReadToken(); err != nil || shut.Kind() != jsontext.KindEndObject {
		return "", nil, ErrNoLine
	}
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		return "", nil, ErrNoLine
	}
	return name, value, nil
}

// lenient also accepts JSON that makes a product a reject: Parse decides about that.
func lenient() json.Options {
	return json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
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
