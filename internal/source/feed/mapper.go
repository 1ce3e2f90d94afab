package feed

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"fullsync/internal/catalog"
	"fullsync/internal/plural"
)

// mapper makes products of records.
type mapper struct {
	shape shape
	// from has the places of each field; the first that has a value counts.
	from map[string][]path
	opt  Options
	// decimal is what --decimal says, and point whether a point alone is certain to be the decimal separator.
	decimal  string
	point    bool
	unit     string
	encoding string
	out      []byte
}

const attributes = "attributes"

// item makes a product of a record, or a refusal.
func (m *mapper) item(rec record) Item {
	item := Item{Record: catalog.Record{Line: rec.line}, Raw: rec.raw}
	if rec.reason != "" {
		item.Reject = &catalog.Reject{ID: catalog.IDOfLine(rec.raw), Reason: rec.reason}
		return item
	}
	if m.shape.asItIs && !bytes.HasPrefix(rec.raw, refusedMember) {
		if p, err := catalog.Parse(rec.raw); err == nil {
			return m.checked(item, p)
		}
	}
	if !rec.members() {
		p, err := catalog.Parse(rec.raw)
		return m.finish(item, p, err)
	}
	line, reject := m.line(&rec)
	if reject != nil {
		item.Reject = reject
		return item
	}
	p, err := catalog.Parse(line)
	return m.finish(item, p, err)
}

func (m *mapper) finish(item Item, p catalog.Product, err error) Item {
	if err == nil {
		return m.checked(item, p)
	}
	if !errors.As(err, &item.Reject) {
		item.Reject = &catalog.Reject{Reason: err.Error()}
	}
	if !utf8.Valid(item.Raw) {
		item.Reject.Reason += "; " + otherEncoding
	}
	return item
}

const otherEncoding = "if it is in another encoding, say which, for example --encoding windows-1252"

// checked refuses a product with characters that were lost when the input was decoded.
func (m *mapper) checked(item Item, p catalog.Product) Item {
	item.Product = p
	if m.encoding == utf8Name {
		return item
	}
	for _, text := range []string{p.ID, p.SKU, p.Name, p.Attributes} {
		if before, _, lost := strings.Cut(text, "\uFFFD"); lost {
			item.Product = catalog.Product{}
			item.Reject = &catalog.Reject{ID: p.ID, Reason: fmt.Sprintf("it has bytes that are no character of %s, after %s",
				m.encoding, quote(before[max(0, len(before)-quoted):]))}
			return item
		}
	}
	return item
}

// line writes a record in the form that catalog.Parse reads.
func (m *mapper) line(rec *record) ([]byte, *catalog.Reject) {
	var used []string
	texts := map[string]string{}
	var price value
	for _, field := range fields() {
		v, top, problem := m.value(rec, field)
		if problem != "" {
			return nil, &catalog.Reject{ID: texts[fieldID], Reason: problem}
		}
		if top != "" {
			used = append(used, top)
		}
		if field == fieldPrice {
			price = v
		}
		if texts[field], _ = v.scalar(); texts[field] == "" {
			texts[field] = m.opt.Default[field]
		}
	}
	problem := m.price(rec, texts, price)
	if problem == "" && texts[fieldActive] != "" {
		active, ok := flag(texts[fieldActive])
		if !ok {
			problem = "active must be yes or no, not " + quote(texts[fieldActive])
		}
		texts[fieldActive] = fmt.Sprint(active)
	}
	if problem != "" {
		return nil, &catalog.Reject{ID: texts[fieldID], Reason: problem}
	}
	m.out = append(m.out[:0], '{')
	for _, field := range fields() {
		switch text := texts[field]; {
		case text == "" && field != fieldName && field != fieldID:
		case field == fieldActive:
			m.out = append(append(m.out, `"active":`...), text...)
			m.out = append(m.out, ',')
		default:
			m.out = append(appendText(append(appendText(m.out, field), ':'), text), ',')
		}
	}
	m.out = append(m.out, `"attributes":`...)
	m.attributes(rec, used)
	m.out = append(m.out, '}')
	return m.out, nil
}

// value returns the value of a field and the column or member that it used up.
func (m *mapper) value(rec *record, field string) (v value, top, problem string) {
	for _, at := range m.from[field] {
		v, ok := rec.at(at)
		if !ok {
			continue
		}
		text, ok := v.scalar()
		kind := v.raw.Kind()
		switch {
		case kind == jsontext.KindBeginObject:
			return v, "", notScalar(field, at, v)
		case !ok, field != fieldActive && (kind == jsontext.KindTrue || kind == jsontext.KindFalse):
			return v, "", fmt.Sprintf("%s must be text or a number, not %s", field, quote(string(v.raw)))
		case !utf8.ValidString(text):
			return v, "", fmt.Sprintf("%s is not valid UTF-8: %s; %s", field, quote(text), otherEncoding)
		case text == "":
			if len(at) == 1 && top == "" {
				top = at[0]
			}
			continue
		}
		if len(at) == 1 {
			top = at[0]
		}
		if v.raw == nil && m.shape.preset != ours {
			v.text = strings.TrimSpace(text)
		}
		return v, top, ""
	}
	return value{}, top, ""
}

// notScalar says that a field is an object, and how to say which of its members is meant.
func notScalar(field string, at path, v value) (problem string) {
	inner := record{raw: v.raw}
	problem = field + " must be text or a number, not an object"
	if inner.members() && len(inner.names) > 0 {
		problem += fmt.Sprintf(" with %s; say which of them, as in %s", catalog.Shown(plural.And(inner.names), quoted), option(field, at.String()+"."+inner.names[0]))
	}
	return problem
}

// price puts the price into its canonical form, and its currency beside it.
func (m *mapper) price(rec *record, texts map[string]string, v value) (problem string) {
	text := texts[fieldPrice]
	if text == "" {
		return ""
	}
	if m.unit == Minor {
		places := decimals(texts[fieldCurrency])
		if m.shape.places != "" {
			v, _ := rec.at(strings.Split(m.shape.places, "."))
			said, _ := v.scalar()
			if n, err := strconv.Atoi(said); err == nil && n >= 0 && n <= mostPlaces {
				places = n
			}
		}
		texts[fieldPrice], problem = minorPrice(text, texts[fieldCurrency], places)
		return problem
	}
	var w written
	if v.isNumber() {
		w, problem = readPrice(text, "", true)
	} else {
		w, problem = readPrice(text, m.decimal, m.point)
	}
	texts[fieldPrice] = w.price
	known := texts[fieldCurrency]
	switch {
	case problem != "":
		return problem
	case w.shared != "" && known == "":
		return fmt.Sprintf("price %s has a sign that several currencies have: say which it is, for example with --default currency=%s", quote(text), w.shared)
	case w.currency == "":
	case known == "" || known == m.opt.Default[fieldCurrency]:
		texts[fieldCurrency] = w.currency
	case !strings.EqualFold(known, w.currency):
		return fmt.Sprintf("price %s has another currency than %s", quote(text), quote(known))
	}
	return ""
}

// attributes appends everything that no field used up.
func (m *mapper) attributes(rec *record, used []string) {
	m.out = append(m.out, '{')
	for i, name := range rec.names {
		v := rec.values[i]
		switch {
		case slices.Contains(used, name), v.raw == nil && v.text == "":
			continue
		case name == attributes:
			object := v.raw
			if object == nil {
				object = jsontext.Value(v.text)
			}
			if object.Kind() == jsontext.KindBeginObject && object.IsValid() {
				m.member(bytes.TrimSpace(bytes.TrimSpace(object)[1 : len(bytes.TrimSpace(object))-1]))
				continue
			}
		}
		m.member(v.appendTo(append(appendText(nil, name), ':')))
	}
	m.out = append(m.out, '}')
}

// member appends members to the object at the end of out.
func (m *mapper) member(text []byte) {
	if len(text) == 0 {
		return
	}
	if m.out[len(m.out)-1] != '{' {
		m.out = append(m.out, ',')
	}
	m.out = append(m.out, text...)
}
