package feed

import (
	"bytes"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// Page is what one answer of a list says about itself.
type Page struct {
	// IsList says that it is JSON with a list of records, or with nothing at all. Records is how many it has.
	IsList  bool
	Records int64
	// Total is how many records the whole list has, -1 if the page does not say.
	Total int64
	// Next is the address of the next page, as it stands in the page; "" if it has none.
	Next string
	// Error is what the server says has gone wrong, if the page stands for that; "" otherwise.
	Error string
	// OffsetName is the parameter that says how many records to leave out, as the page repeats it: offset or skip; "" if it does not.
	OffsetName string
}

// The members that say how long a list is, how many of its records come before the page, and where the next page is.
func totalNames() []string {
	return []string{"total", "count", "totalItems", "total_count", "totalCount"}
}
func offsetNames() []string { return []string{"offset", "skip"} }
func nextNames() []string   { return []string{"next", "next_page_url"} }

// LookAt says what a page of JSON says about itself. It is the zero Page with an unknown total for anything else. opt are those of the feed.
func LookAt(page []byte, opt Options) Page {
	out := Page{Total: -1}
	body := jsontext.Value(bytes.TrimSpace(page))
	switch body.Kind() {
	case jsontext.KindBeginArray:
		out.IsList, out.Records = true, lengthOf(body)
		return out
	case jsontext.KindBeginObject:
	default:
		return out
	}
	if out.Error = errorIn(body, len(opt.Map) > 0); out.Error != "" {
		return out
	}
	to := pathToRecords(body, opt.Map[fieldID])
	if len(to) == 0 {
		return out // one record, or one on each line
	}
	for i, step := range to {
		out.read(body, i == 0)
		if step == everyMember {
			rec := record{raw: body}
			out.IsList, _ = true, rec.members()
			out.Records = int64(len(rec.names))
			return out
		}
		inner, ok := within(body, step)
		if !ok {
			return Page{Total: -1}
		}
		body = inner
	}
	if body.Kind() == jsontext.KindBeginArray {
		out.IsList, out.Records = true, lengthOf(body)
	}
	return out
}

// read looks for what an object around the list says.
func (p *Page) read(around jsontext.Value, outermost bool) {
	rec := record{raw: around}
	if !rec.members() {
		return
	}
	for i, name := range rec.names {
		text, ok := rec.values[i].scalar()
		n, err := strconv.ParseInt(text, 10, 64)
		number := ok && err == nil && n >= 0 && rec.values[i].isNumber()
		switch {
		case number && slices.Contains(totalNames(), name):
			p.Total = max(p.Total, n)
		case number && outermost && slices.Contains(offsetNames(), name):
			p.OffsetName = name
		case ok && outermost && rec.values[i].raw.Kind() == jsontext.KindString && slices.Contains(nextNames(), name):
			p.Next = text
		}
	}
}

// lengthOf counts the elements of an array.
func lengthOf(list jsontext.Value) (n int64) {
	d := jsontext.NewDecoder(bytes.NewBuffer(list), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	_, _ = d.ReadToken()
	for d.PeekKind() != jsontext.KindEndArray && d.SkipValue() == nil {
		n++
	}
	return n
}
