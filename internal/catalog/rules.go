package catalog

import (
	"bytes"
	"fmt"
	"unicode"

	"github.com/go-json-experiment/json/jsontext"
)

// Limits of single members, in bytes of UTF-8.
const (
	maxIDBytes    = 255
	maxSKUBytes   = 255
	maxNameBytes  = 4096
	maxPriceBytes = 40
)

// product checks the members and builds the product.
func (m *members) product(buf *buffer) (Product, error) {
	// The texts of the members id to currency are stored one after another; ends has the offset where each one stops.
	var ends [memberCurrency + 1]int
	text := buf.text[:0]
	for i := memberID; i <= memberCurrency; i++ {
		var reason string
		if text, reason = m.appendText(text, i); reason != "" {
			return Product{}, m.reject(reason)
		}
		ends[i] = len(text)
	}
	active, reason := m.active()
	if reason != "" {
		return Product{}, m.reject(reason)
	}
	attributes, reason := m.attributes(buf)
	if reason != "" {
		return Product{}, m.reject(reason)
	}
	text = append(text, attributes...)
	buf.text = text

	all := string(text)
	p := Product{
		ID:         all[:ends[memberID]],
		SKU:        all[ends[memberID]:ends[memberSKU]],
		Name:       all[ends[memberSKU]:ends[memberName]],
		Price:      all[ends[memberName]:ends[memberPrice]],
		Currency:   all[ends[memberPrice]:ends[memberCurrency]],
		Active:     active,
		Attributes: all[ends[memberCurrency]:],
	}
	buf.wire = p.AppendJSON(buf.wire[:0])
	if len(buf.wire) > MaxProductBytes {
		return Product{}, m.reject(fmt.Sprintf("the product is larger than %d bytes", MaxProductBytes))
	}
	p.Hash = hashOf(buf.wire)
	return p, nil
}

// reject refuses this line, with the product's id if it can be read.
func (m *members) reject(reason string) *Reject {
	id, problem := m.appendText(nil, memberID)
	if problem != "" {
		id = nil
	}
	return &Reject{ID: string(id), Reason: reason}
}

// appendText appends the text of one of the members id to currency to dst, or nothing if it is absent. If the member has
// the wrong type or breaks its rule, it returns the reason to refuse the product.
func (m *members) appendText(dst []byte, i member) (text []byte, reason string) {
	raw := m.own[i]
	if isAbsent(raw) {
		return dst, check(i, nil)
	}
	value := raw // a number is taken exactly as written
	switch kind := kindOf(raw); {
	case kind == jsontext.KindString:
		var space [64]byte
		value = unquote(space[:0], raw)
	case kind != jsontext.KindNumber || i != memberPrice:
		return dst, wrongType(i, kind)
	}
	return append(dst, value...), check(i, value)
}

// check returns why text cannot be a member's value, or "".
func check(i member, text []byte) string {
	if bytes.IndexByte(text, 0) >= 0 {
		return nameOf(i) + " must not contain NUL"
	}
	switch i {
	case memberID:
		return checkID(text)
	case memberName:
		if len(text) == 0 {
			return "name is required"
		}
		return checkLength(i, text, maxNameBytes)
	case memberSKU:
		return checkLength(i, text, maxSKUBytes)
	case memberPrice:
		return checkPrice(text)
	case memberCurrency:
		if len(text) != 0 && !isCurrency(text) {
			return "currency must be three letters such as EUR, not " + quote(text)
		}
	}
	return ""
}

// IsID reports whether a product may have this id.
func IsID(id string) bool { return checkID([]byte(id)) == "" }

func checkID(id []byte) string {
	if len(id) == 0 {
		return "id is required"
	}
	if bytes.IndexFunc(id, unicode.IsControl) >= 0 {
		return "id must not contain control characters"
	}
	return checkLength(memberID, id, maxIDBytes)
}

func checkLength(i member, text []byte, limit int) string {
	if len(text) <= limit {
		return ""
	}
	return fmt.Sprintf("%s must be at most %d bytes long, not %d", nameOf(i), limit, len(text))
}

func checkPrice(text []byte) string {
	if len(text) == 0 || isDecimal(text) && len(text) <= maxPriceBytes {
		return ""
	}
	if isDecimal(text) {
		return fmt.Sprintf("price must be at most %d characters long, not %d", maxPriceBytes, len(text))
	}
	return "price must be a decimal such as 12.50, not " + quote(text)
}

// isDecimal reports whether text consists of digits with an optional minus sign and fraction.
func isDecimal(text []byte) bool {
	text = bytes.TrimPrefix(text, []byte("-"))
	whole, fraction, found := bytes.Cut(text, []byte("."))
	return areDigits(whole) && (!found || areDigits(fraction))
}

func areDigits(text []byte) bool {
	for _, c := range text {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(text) > 0
}

func isCurrency(text []byte) bool {
	for _, c := range text {
		if c|0x20 < 'a' || c|0x20 > 'z' {
			return false
		}
	}
	return len(text) == 3
}

// active returns the flag, which is true if absent.
func (m *members) active() (active bool, reason string) {
	switch kind := kindOf(m.own[memberActive]); kind {
	case jsontext.KindFalse:
		return false, ""
	case 0, jsontext.KindNull, jsontext.KindTrue:
		return true, ""
	default:
		return false, wrongType(memberActive, kind)
	}
}
