package catalog

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"
)

// maxDepth is how deep a product's attributes may be nested, including their own object.
const maxDepth = 64

const tooDeep = "the product is nested deeper than 64 levels"

// attributes returns the canonical attributes of the line, or the reason to refuse the product. The result shares memory
// with the line or buf.
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
		case err != nil: // cannot happen, because the decoder has accepted every part
			return nil, "the attributes are not valid JSON"
		case hasNUL(out):
			return nil, "names and values must not contain NUL"
		}
		raw = out
	}
	return raw, ""
}

// merge appends the members of the attributes object to those found next to it and returns the whole object.
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

// hasNUL looks for an escaped NUL in valid JSON, which cannot contain a raw one.
func hasNUL(json []byte) bool {
	escape := []byte(`\u0000`)
	for rest := json; ; {
		i := bytes.Index(rest, escape)
		if i < 0 {
			return false
		}
		// After an even number of backslashes, this one is not itself escaped.
		before := rest[:i]
		slashes := len(before) - len(bytes.TrimRight(before, `\`))
		if slashes%2 == 0 {
			return true
		}
		rest = rest[i+len(escape):]
	}
}

// findings is what [inspect] learns about an object.
type findings struct {
	// canonical is true only if the object is certainly in canonical form.
	canonical bool
	depth     int
}

// inspect walks through an object that is known to be valid JSON, and stops at [maxDepth]. Objects that are canonical
// already, like all those from other nodes, need no second pass through the formatter.
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

// stringEnd returns the index of the closing quote of the string whose text begins at i, and whether the text has no
// escapes.
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

// sortsAsBytes reports whether comparing name byte by byte certainly agrees with comparing UTF-16 code units. The two
// orders only differ from U+E000 on, whose UTF-8 begins with 0xEE.
func sortsAsBytes(name []byte) bool {
	for _, c := range name {
		if c >= 0xEE {
			return false
		}
	}
	return true
}
