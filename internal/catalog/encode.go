package catalog

import (
	"crypto/sha256"
	"encoding/base64"
	"sync"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// hashVersion begins every content hash. It changes whenever [Product.AppendJSON] does, so that hashes of different
// versions are never equal.
const hashVersion = HashVersion + ":"

// emptyAttributes is the canonical form of a product without attributes.
const emptyAttributes = "{}"

// AppendJSON appends the canonical wire form of p to dst and returns it. Nodes exchange this form and hash it: members in
// the order id, sku, name, price, currency, active, attributes; without an absent sku, price or currency; no white space,
// minimal escaping, attributes verbatim. [Parse] turns it back into the same product. Invalid UTF-8, which Parse never lets
// in, comes out as U+FFFD.
func (p *Product) AppendJSON(dst []byte) []byte {
	dst = appendQuoted(append(dst, `{"id":`...), p.ID)
	if p.SKU != "" {
		dst = appendQuoted(append(dst, `,"sku":`...), p.SKU)
	}
	dst = appendQuoted(append(dst, `,"name":`...), p.Name)
	if p.Price != "" {
		dst = appendQuoted(append(dst, `,"price":`...), p.Price)
	}
	if p.Currency != "" {
		dst = appendQuoted(append(dst, `,"currency":`...), p.Currency)
	}
	if p.Active {
		dst = append(dst, `,"active":true,"attributes":`...)
	} else {
		dst = append(dst, `,"active":false,"attributes":`...)
	}
	if p.Attributes == "" {
		dst = append(dst, emptyAttributes...)
	} else {
		dst = append(dst, p.Attributes...)
	}
	return append(dst, '}')
}

// ContentHash computes the content hash of p: the version, then the SHA-256 of the canonical wire form in base64url without
// padding.
func (p *Product) ContentHash() string {
	buf := buffers.Get().(*buffer)
	defer buf.release()
	buf.wire = p.AppendJSON(buf.wire[:0])
	return hashOf(buf.wire)
}

func hashOf(wire []byte) string {
	sum := sha256.Sum256(wire)
	text := make([]byte, 0, 48)
	text = append(text, hashVersion...)
	return string(base64.RawURLEncoding.AppendEncode(text, sum[:]))
}

// appendQuoted appends s as a JSON string. Most strings need no escapes and are copied as they are.
func appendQuoted(dst []byte, s string) []byte {
	ascii := true
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c < ' ', c == '"', c == '\\':
			return appendEscaped(dst, s)
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	if !ascii && !utf8.ValidString(s) {
		return appendEscaped(dst, s)
	}
	dst = append(dst, '"')
	dst = append(dst, s...)
	return append(dst, '"')
}

func appendEscaped(dst []byte, s string) []byte {
	// An error only means that invalid UTF-8 was replaced, which AppendJSON documents.
	dst, _ = jsontext.AppendQuote(dst, s)
	return dst
}

// keepBytes is the largest scratch space to keep for the next product, so that a rare 1 MB product does not use memory for
// ever.
const keepBytes = 64 << 10

// buffer is scratch space. It is reused only to save allocations; no result refers to it.
type buffer struct {
	wire       []byte // a canonical wire form
	text       []byte // a product's texts, one after another
	extra      []byte // the other members of a line, put together
	attributes []byte // attributes in canonical form
}

var buffers = sync.Pool{New: func() any { return new(buffer) }}

func (b *buffer) release() {
	if cap(b.wire)+cap(b.text)+cap(b.extra)+cap(b.attributes) > 4*keepBytes {
		*b = buffer{}
	}
	buffers.Put(b)
}
