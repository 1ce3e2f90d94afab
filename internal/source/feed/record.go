package feed

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// records reads an input record by record. It returns io.EOF at the end; other errors stop it for good.
type records interface {
	next() (record, error)
}

// record is one record as it came. What it holds is valid until the next one is read.
type record struct {
	line int
	raw  []byte
	// reason is why it cannot be read; "" if it can.
	reason string
	// names and values are the columns and cells of a table, or the members of an object. Those of JSON are read on demand; see members.
	names  []string
	values []value
}

// value is a cell or a JSON value.
type value struct {
	// text is a cell's; raw is nil then.
	text string
	raw  jsontext.Value
}

// clone returns a copy that stays valid.
func (r record) clone() record {
	r.raw = bytes.Clone(r.raw)
	r.values = slices.Clone(r.values)
	for i := range r.values {
		r.values[i].raw = r.values[i].raw.Clone()
	}
	return r
}

// members reads the members of an object, unless that was done. It returns false if raw is not one valid JSON object.
func (r *record) members() bool {
	if r.names != nil {
		return true
	}
	d := jsontext.NewDecoder(bytes.NewBuffer(r.raw))
	if d.PeekKind() != jsontext.KindBeginObject {
		return false
	}
	_, _ = d.ReadToken()
	r.names = []string{}
	for d.PeekKind() != jsontext.KindEndObject {
		name, err := d.ReadToken()
		if err != nil {
			r.names = nil
			return false
		}
		text := name.String()
		raw, err := d.ReadValue()
		if err != nil {
			r.names = nil
			return false
		}
		if text != RefusedColumn {
			r.names, r.values = append(r.names, text), append(r.values, value{raw: raw.Clone()})
		}
	}
	_, _ = d.ReadToken()
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		r.names = nil // something follows that nobody would read
		return false
	}
	return true
}

// path is where a value is in a record: a column or member, and then the members and indexes within it.
type path []string

func (p path) String() string { return strings.Join(p, ".") }

// at returns the value at a path.
func (r *record) at(p path) (value, bool) {
	i := slices.Index(r.names, p[0])
	if i < 0 {
		return value{}, false
	}
	v := r.values[i]
	for _, step := range p[1:] {
		inner, ok := within(v.raw, step)
		if !ok {
			return value{}, false
		}
		v = value{raw: inner}
	}
	return v, true
}

// within returns a member of a JSON object, or an element of an array.
func within(raw jsontext.Value, step string) (jsontext.Value, bool) {
	if len(raw) == 0 {
		return nil, false
	}
	d := jsontext.NewDecoder(bytes.NewBuffer(raw))
	switch d.PeekKind() {
	case jsontext.KindBeginObject:
		_, _ = d.ReadToken()
		for d.PeekKind() == jsontext.KindString {
			name, _ := d.ReadToken()
			found := name.String() == step
			inner, err := d.ReadValue()
			if err != nil || found {
				return inner.Clone(), err == nil
			}
		}
	case jsontext.KindBeginArray:
		index, err := strconv.Atoi(step)
		if err != nil {
			return nil, false
		}
		_, _ = d.ReadToken()
		for i := 0; d.PeekKind() != jsontext.KindEndArray; i++ {
			inner, err := d.ReadValue()
			if err != nil || i == index {
				return inner.Clone(), err == nil
			}
		}
	}
	return nil, false
}

// scalar returns the text of a cell, a string, a number exactly as written, or a boolean; "" for null. ok is false for anything else.
func (v value) scalar() (text string, ok bool) {
	if v.raw == nil {
		return v.text, true
	}
	switch v.raw.Kind() {
	case jsontext.KindNull:
		return "", true
	case jsontext.KindString:
		out, err := jsontext.AppendUnquote(nil, v.raw)
		return string(out), err == nil
	case jsontext.KindBeginObject, jsontext.KindBeginArray:
		return "", false
	}
	return string(v.raw), true
}

// isNumber reports whether it is a JSON number.
func (v value) isNumber() bool { return v.raw.Kind() == jsontext.KindNumber }

// appendTo appends it as JSON.
func (v value) appendTo(dst []byte) []byte {
	if v.raw != nil {
		return append(dst, v.raw...)
	}
	return appendText(dst, v.text)
}

// appendText appends text as a JSON string. It must be valid UTF-8.
func appendText(dst []byte, text string) []byte {
	dst, _ = jsontext.AppendQuote(dst, text) // the only error is invalid UTF-8
	return dst
}

// membersOf returns the names of the members of some records, in the order in which they first occur.
func membersOf(first []record) []string {
	var names []string
	for i := range first {
		if !first[i].members() {
			continue
		}
		for _, name := range first[i].names {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}
