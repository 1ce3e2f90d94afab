package catalog

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"
)

// maxDepth is how deep the attributes of a product may be nested, their own object counted.
const maxDepth = 64

const tooDeep = "the product is nested deeper than 64 levels"

// attributes returns the canonical attributes of the line, or the reason to refuse the product. The result lies in
// the line or in buf.
func (m *members) attributes(buf *buffer) (canonical []byte, reason string) {
	raw := m.own[memberAttributes]
	switch {
	case m.hasExtra():
		raw = m.merge(raw)
	case isAbsent(raw):
		return []byte(emptyAttributes), ""
	}

	seen := inspect(raw)
	if seen.depth > maxDepth {
		return nil, tooDeep
	}
	if !seen.canonical {
		out, err := jsontext.AppendFormat(buf.attributes[:0], raw, jsontext.ReorderRawObjects(true))
		buf.attributes = out
		var syntax *jsontext.SyntacticError
		switch {
		case errors.Is(err, jsontext.ErrDuplicateName) && errors.As(err, &syntax):
			return nil, fmt.Sprintf("the member %q appears both in the product and in its attributes",
				clip(syntax.JSONPointer.LastToken()))
		case err != nil: // not possible after the decoder accepted every part
			return nil, "the attributes are not valid JSON"
		case hasNUL(out):
			return nil, "names and values must not contain NUL"
		}
		raw = out
	}
	return raw, ""
}

// merge puts the members of the attributes object behind those found beside it and returns the whole object.
func (m *members) merge(attributes []byte) []byte {
	if !isAbsent(attributes) {
		inner := bytes.Trim(attributes[1:len(attributes)-1], " \t\r\n")
		if len(inner) > 0 {
			m.extra = append(m.extra, ',')
			m.extra = append(m.extra, inner...)
		}
	}
	m.extra = append(m.extra, '}')
	return m.extra
}

// hasNUL looks for the escape of NUL in valid JSON. A raw NUL is never valid there.
func hasNUL(json []byte) bool {
	escape := []byte(`\u0000`)
	for rest := json; ; {
		i := bytes.Index(rest, escape)
		if i < 0 {
			return false
		}
		// An even number of backslashes before it means that this one is not itself escaped.
		before := rest[:i]
		slashes := len(before) - len(bytes.TrimRight(before, `\`))
		if slashes%2 == 0 {
			return true
		}
		rest = rest[i+len(escape):]
	}
}

// findings is what [inspect] sees in an object.
type findings struct {
	// canonical is true only where the object is in canonical form for certain.
	canonical bool
	depth     int
}

// inspect walks over an object that is already known to be valid JSON. It spares those that are canonical as they
// came, as all are that another node sends, a second pass through the formatter. It stops at [maxDepth].
func inspect(object []byte) findings {
	type level struct {
		inObject   bool
		start, end int // the last name seen in it; end 0 before the first
	}
	var levels [maxDepth + 1]level
	f := findings{canonical: true}
	depth, wantName := 0, false
	for i := 0; i < len(object); i++ {
		switch object[i] {
		case ' ', '\t', '\r', '\n':
			f.canonical = false
		case '{', '[':
			if depth++; depth > maxDepth {
				f.depth = depth
				return f
			}
			f.depth = max(f.depth, depth)
			wantName = object[i] == '{'
			levels[depth] = level{inObject: wantName}
		case '}', ']':
			depth--
		case ',':
			wantName = levels[depth].inObject
		case '"':
			start := i + 1
			var plain bool
			i, plain = stringEnd(object, start)
			f.canonical = f.canonical && plain
			if !wantName {
				continue
			}
			wantName = false
			name, here := object[start:i], &levels[depth]
			if here.end > 0 && bytes.Compare(object[here.start:here.end], name) >= 0 || !sortsAsBytes(name) {
				f.canonical = false
			}
			here.start, here.end = start, i
		}
	}
	return f
}

// stringEnd returns the index of the quote that ends the string whose text begins at i, and whether the text is free
// of escapes.
func stringEnd(json []byte, i int) (end int, plain bool) {
	plain = true
	for ; json[i] != '"'; i++ {
		if json[i] == '\\' {
			plain = false
			i++
		}
	}
	return i, plain
}

// sortsAsBytes says whether comparing name byte by byte is certain to agree with comparing UTF-16 code units; the
// two orders differ only from U+E000 on, whose UTF-8 begins with 0xEE.
func sortsAsBytes(name []byte) bool {
	for _, c := range name {
		if c >= 0xEE {
			return false
		}
	}
	return true
}
