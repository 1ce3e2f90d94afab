package feed

import (
	"bytes"
	"regexp"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

var (
	webPage   = regexp.MustCompile(`(?i)^(<!--.*?-->\s*)*<(!doctype html|html|head|body|script|div)\b`)
	jsonStart = regexp.MustCompile(`^[{\[]`)
	dump      = regexp.MustCompile(`(?i)^(--|/\*|(create|drop) (table|database)|insert into|set) [^\n]*`)
	statement = regexp.MustCompile(`(?im)^(create table|insert into) `)
)

// sniff returns the format of an input by its first bytes and, for JSON, the path to its records.
func sniff(head []byte, opt Options) (format string, to path, err error) {
	if webPage.Match(head) {
		return "", nil, unreadable("The input is a web page (HTML), not product data: is it the page of a login, or of an error?")
	}
	if dump.Match(head) && statement.Match(head) {
		return "", nil, unreadable("The input is SQL, not product data. Export the table as CSV, and import that file.")
	}
	if bytes.ContainsFunc(head[:min(len(head), 512)], func(r rune) bool { return r < ' ' && r != '\t' && r != '\n' && r != '\r' && r != '\f' }) {
		return "", nil, unreadable("The input is not text. It should be NDJSON, JSON, CSV, TSV or XML, packed with gzip or zstd if you like.")
	}
	begins := jsonStart.Match(head)
	if said := errorIn(head, len(opt.Map) > 0); said != "" {
		return "", nil, unreadable("The input is an error of its server, not product data: \"%s\".", said)
	}
	switch {
	case opt.Format == JSON, opt.Format == "" && begins:
		to = pathToRecords(head, opt.Map[fieldID])
		if opt.Format == "" && len(to) == 0 && head[0] == '{' && onePerLine(head) {
			return NDJSON, nil, nil
		}
		return JSON, to, nil
	case opt.Format != "":
		return opt.Format, nil, nil
	case head[0] == '<':
		return XML, nil, nil
	}
	return CSV, nil, nil
}

// onePerLine reports whether JSON that begins with an object has one object on each line.
func onePerLine(head []byte) bool {
	first, rest, _ := bytes.Cut(head, []byte("\n"))
	first, rest = bytes.TrimSpace(first), bytes.TrimLeft(rest, " \t\r\n")
	d := jsontext.NewDecoder(bytes.NewBuffer(first), jsontext.AllowDuplicateNames(true))
	switch whole := d.SkipValue() == nil; {
	case whole && d.PeekKind() == jsontext.KindBeginObject:
		return false // several on a line
	case whole, len(rest) == 0:
		return true
	}
	// A broken first line is one of many if the next one begins with an object, too.
	return len(first) > 1 && first[len(first)-1] != '[' && first[len(first)-1] != ':' && first[len(first)-1] != ',' && bytes.HasPrefix(rest, []byte("{"))
}

// listNames returns the names that lists of products have, best first.
func listNames() []string {
	return []string{"products", "items", "data", "results", "records", "entries", "nodes", "edges", "rows", "articles", "objects", "list", "hits"}
}

// pathToRecords returns where in an object the list of products is, or nothing if the input is an array, or if its objects are products
// themselves. It goes by the first bytes.
func pathToRecords(head []byte, id string) path {
	d := jsontext.NewDecoder(bytes.NewBuffer(head), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if d.PeekKind() != jsontext.KindBeginObject {
		return nil
	}
	s := search{d: d, id: id}
	_, _ = s.object(nil) // it ends in the middle of a long input
	best := -1
	for i, list := range s.lists {
		if best < 0 || rank(list) < rank(s.lists[best]) {
			best = i
		}
	}
	switch {
	case s.keyed != nil && !s.isProduct && (best < 0 || s.inKeyed(s.lists[best]) || len(s.keyed) > 1 && rank(s.keyed[:len(s.keyed)-1]) < rank(s.lists[best])):
		return s.keyed
	case best >= 0 && (!s.isProduct || rank(s.lists[best]) == 0 && len(s.lists[best]) == 1):
		return s.lists[best]
	case best < 0 && !s.isProduct && len(s.only) > 0:
		return s.only
	}
	return nil
}

// everyMember is the last step of a path to an object whose members are the records: {"products": {"12": {…}, "13": {…}}}, as PHP writes lists with keys.
const everyMember = "*"

// rank is the place of a list's name among listNames.
func rank(list path) int {
	name := list[len(list)-1]
	for i, known := range listNames() {
		if plain(name) == known {
			return i
		}
	}
	return len(listNames())
}

// search looks for lists of objects in an object.
type search struct {
	d  *jsontext.Decoder
	id string
	// isProduct says that the object itself has an id.
	isProduct bool
	lists     []path
	// only is an object that looks like a product: {"product": {"id": …}}.
	only path
	// keyed is an object whose members all look like products.
	keyed path
}

// inKeyed reports whether a list is part of one of the members of the keyed object.
func (s *search) inKeyed(list path) bool {
	around := len(s.keyed) - 1
	return len(list) > around+1 && slices.Equal(list[:around], s.keyed[:around])
}

// deepest is how deep a list of products may be.
const deepest = 5

// object looks through an object. hasID says that the object looks like a product itself.
func (s *search) object(at path) (hasID bool, err error) {
	if _, err := s.d.ReadToken(); err != nil {
		return false, err
	}
	others, products := false, 0 // members that are no products, and those that are
	defer func() {
		known := len(at) > 0 && rank(at) < len(listNames())
		if !others && !hasID && (products > 1 || products == 1 && known) && (s.keyed == nil || len(at) < len(s.keyed)) {
			s.keyed = slices.Concat(at, path{everyMember})
		}
	}()
	for s.d.PeekKind() == jsontext.KindString {
		token, err := s.d.ReadToken()
		if err != nil {
			return hasID, err
		}
		name := token.String()
		inner := slices.Concat(at, path{name})
		switch kind := s.d.PeekKind(); {
		case kind == jsontext.KindBeginObject && len(inner) < deepest:
			var isOne bool
			if isOne, err = s.object(inner); isOne {
				products++
			} else if err == nil {
				others = true
			}
		case kind == jsontext.KindBeginArray:
			others = true
			err = s.array(inner)
		default:
			others = true
			if kind != jsontext.KindBeginObject && kind != jsontext.KindNull && (name == fieldID || name == fieldSKU || name == s.id || name == parentID) {
				hasID = true
				if len(at) == 0 {
					s.isProduct = true
				} else if len(at) == 1 {
					s.only = at
				}
			}
			err = s.d.SkipValue()
		}
		if err != nil {
			return hasID, err
		}
	}
	_, err = s.d.ReadToken()
	return hasID, err
}

func (s *search) array(at path) error {
	if _, err := s.d.ReadToken(); err != nil {
		return err
	}
	if kind := s.d.PeekKind(); kind == jsontext.KindBeginObject || kind == jsontext.KindEndArray {
		s.lists = append(s.lists, at)
	}
	for s.d.PeekKind() != jsontext.KindEndArray {
		if err := s.d.SkipValue(); err != nil {
			return err
		}
	}
	_, err := s.d.ReadToken()
	return err
}
