package catalog

import (
	"bytes"
	"io"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
)

// member is the index in [members.own] of one of a product's own members.
type member int

const (
	memberID member = iota
	memberSKU
	memberName
	memberPrice
	memberCurrency
	memberActive
	memberAttributes
	ownMembers
)

// memberOf returns a product's own member with that name. Names are case-sensitive.
func memberOf(name []byte) (member, bool) {
	switch string(name) {
	case "id":
		return memberID, true
	case "sku":
		return memberSKU, true
	case "name":
		return memberName, true
	case "price":
		return memberPrice, true
	case "currency":
		return memberCurrency, true
	case "active":
		return memberActive, true
	case "attributes":
		return memberAttributes, true
	}
	return 0, false
}

// members is a line taken apart into raw JSON values, which share the line's memory; nil means absent.
type members struct {
	own [ownMembers][]byte
	// extra is an object with all other members, without its closing brace.
	extra []byte
	// skip says which other members to leave out; nil means none.
	skip func(name []byte) bool
}

// Parse reads one product from one line of JSON and sets its content hash. The line must be a single JSON object with the
// members id and name, and optionally sku, price, currency, active and attributes. All other members end up in Attributes,
// together with those of an attributes object. Attributes is canonical: names sorted at every depth by their UTF-16 code
// units (RFC 8785), no white space, numbers exactly as written, strings with as few escapes as JSON allows.
//
// The error is always a [*Reject]. The strings of the product share one allocation and do not refer to line.
func Parse(line []byte) (Product, error) {
	buf := buffers.Get().(*buffer)
	defer buf.release()
	m := members{extra: append(buf.extra[:0], '{')}
	defer func() { buf.extra = m.extra }()
	if err := m.read(line); err != nil {
		return Product{}, m.reject(syntaxReason(line, err))
	}
	return m.product(buf)
}

// ParseEdit is [Parse] for a product as the API shows it. It ignores the members that only a node sets (originNodeId,
// createdAt, updatedAt), so that a client can send back what it has read. If id is not empty, the object may leave out its
// id but must not have a different one.
func ParseEdit(id string, object []byte) (Product, error) {
	buf := buffers.Get().(*buffer)
	defer buf.release()
	m := members{extra: append(buf.extra[:0], '{'), skip: onlyNodesKnow}
	defer func() { buf.extra = m.extra }()
	if err := m.read(object); err != nil {
		return Product{}, m.reject(syntaxReason(object, err))
	}
	if id != "" && isAbsent(m.own[memberID]) {
		m.own[memberID] = appendQuoted(nil, id)
	}
	p, err := m.product(buf)
	if err == nil && id != "" && p.ID != id {
		return Product{}, &Reject{ID: p.ID, Reason: "id must be that of the address, or be left out"}
	}
	return p, err
}

// onlyNodesKnow reports whether a member is shown with a product but cannot be set by callers.
func onlyNodesKnow(name []byte) bool {
	switch string(name) {
	case "originNodeId", "createdAt", "updatedAt":
		return true
	}
	return false
}

// decoder pairs a decoder with its input buffer, so that both can be reused.
type decoder struct {
	jsontext.Decoder
	input bytes.Buffer
}

var decoders = sync.Pool{New: func() any { return new(decoder) }}

func (d *decoder) release() {
	d.input = bytes.Buffer{}
	d.Reset(&d.input) // release the line
	decoders.Put(d)
}

// readError is an error of [members.read] that does not come from jsontext: a sentence for people.
type readError string

func (e readError) Error() string { return string(e) }

const (
	errNotObject readError = "a product must be one JSON object"
	errMore      readError = "nothing may follow the product's JSON object on its line"
)

// read takes a line apart. jsontext checks the syntax, the UTF-8, and that names are unique at every depth.
func (m *members) read(line []byte) error {
	d := decoders.Get().(*decoder)
	defer d.release()
	d.input = *bytes.NewBuffer(line)
	d.Reset(&d.input)

	if d.PeekKind() != jsontext.KindBeginObject {
		return errNotObject
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	for d.PeekKind() != jsontext.KindEndObject {
		quoted, err := d.value(line)
		if err != nil {
			return err
		}
		value, err := d.value(line)
		if err != nil {
			return err
		}
		m.add(quoted, value)
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	if _, err := d.ReadToken(); err != io.EOF {
		return errMore
	}
	return nil
}

// value reads the next name or value and returns its bytes in line, which stay valid as the decoder goes on.
func (d *decoder) value(line []byte) ([]byte, error) {
	v, err := d.ReadValue()
	if err != nil {
		return nil, err
	}
	end := d.InputOffset()
	return line[end-int64(len(v)) : end], nil
}

func (m *members) add(quoted, value []byte) {
	var space [32]byte
	name := unquote(space[:0], quoted)
	if m.skip != nil && m.skip(name) {
		return
	}
	if i, ok := memberOf(name); ok {
		own := &m.own[i]
		*own = value
		// A member called attributes that is not an object is an attribute like any other.
		if i != memberAttributes || kindOf(value) == jsontext.KindBeginObject || kindOf(value) == jsontext.KindNull {
			return
		}
		*own = nil
	}
	if m.hasExtra() {
		m.extra = append(m.extra, ',')
	}
	m.extra = append(m.extra, quoted...)
	m.extra = append(m.extra, ':')
	m.extra = append(m.extra, value...)
}

func (m *members) hasExtra() bool { return len(m.extra) > len("{") }

// unquote returns the text of a valid JSON string: part of quoted itself if it has no escapes, otherwise appended to space.
func unquote(space, quoted []byte) []byte {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return quoted[1 : len(quoted)-1]
	}
	text, _ := jsontext.AppendUnquote(space, quoted) // cannot fail: the decoder has checked it
	return text
}

// kindOf returns the kind of a raw value, or 0 if it is absent.
func kindOf(raw []byte) jsontext.Kind {
	if len(raw) == 0 {
		return 0
	}
	return jsontext.Value(raw).Kind()
}

// isAbsent reports whether an optional member is missing or null.
func isAbsent(raw []byte) bool { return len(raw) == 0 || raw[0] == 'n' }
