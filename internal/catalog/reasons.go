package catalog

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// clipRunes is the most characters of the input that a reason repeats.
const clipRunes = 40

// clip returns the beginning of text in a form that is safe to put into a sentence.
func clip[T string | []byte](text T) string {
	var b strings.Builder
	n := 0
	for _, r := range string(text[:min(len(text), clipRunes*utf8.UTFMax)]) {
		if n++; n > clipRunes {
			break
		}
		if !unicode.IsPrint(r) {
			r = '?'
		}
		b.WriteRune(r)
	}
	if b.Len() < len(text) {
		b.WriteString("…")
	}
	return b.String()
}

// quote is clip in quotation marks, which show where the repeated input begins and ends.
func quote[T string | []byte](text T) string { return `"` + clip(text) + `"` }

// syntaxReason turns an error from reading line into a sentence. The sentence depends on the line and the error's type,
// never on the error's own text.
func syntaxReason(line []byte, err error) string {
	var own readError
	var syntax *jsontext.SyntacticError
	switch {
	case errors.As(err, &own):
		return string(own)
	case errors.Is(err, jsontext.ErrDuplicateName) && errors.As(err, &syntax):
		return fmt.Sprintf("the member %q appears twice in one object", clip(syntax.JSONPointer.LastToken()))
	case !utf8.Valid(line):
		return "the line is not valid UTF-8"
	case nesting(line) > maxDepth:
		return tooDeep
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "the JSON of the line ends too early"
	case errors.As(err, &syntax):
		at := int(syntax.ByteOffset)
		if at < len(line) && line[at] == '\\' {
			return fmt.Sprintf("the line has an escape at byte %d that stands for no character", at+1)
		}
		return fmt.Sprintf("the line is not valid JSON at byte %d", at+1)
	default:
		return "the line is not valid JSON"
	}
}

// nesting returns how deeply a line's arrays and objects are nested. The line need not be valid JSON.
func nesting(line []byte) int {
	depth, deepest, quoted := 0, 0, false
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			depth++
			deepest = max(deepest, depth)
		case c == '}' || c == ']':
			depth--
		}
	}
	return deepest
}

// nameOf returns the name of one of the product's own members.
func nameOf(i member) string {
	switch i {
	case memberID:
		return "id"
	case memberSKU:
		return "sku"
	case memberName:
		return "name"
	case memberPrice:
		return "price"
	case memberCurrency:
		return "currency"
	case memberActive:
		return "active"
	default:
		return "attributes"
	}
}

func wrongType(i member, kind jsontext.Kind) string {
	wanted := "a JSON string"
	switch i {
	case memberPrice:
		wanted = "a JSON string or number"
	case memberActive:
		wanted = "true or false"
	}
	return nameOf(i) + " must be " + wanted + ", not " + describe(kind)
}

func describe(kind jsontext.Kind) string {
	switch kind {
	case jsontext.KindTrue, jsontext.KindFalse:
		return "true or false"
	case jsontext.KindString:
		return "a string"
	case jsontext.KindNumber:
		return "a number"
	case jsontext.KindBeginObject:
		return "an object"
	case jsontext.KindBeginArray:
		return "an array"
	default:
		return "null"
	}
}
