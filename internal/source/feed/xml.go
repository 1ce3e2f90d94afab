package feed

import (
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"fullsync/internal/catalog"
)

// googleSpace is the namespace of Google's own elements; those of RSS and Atom may have the same names.
const googleSpace = "http://base.google.com/ns/1.0"

// elements reads the item elements of RSS, the entry elements of Atom, or elements called product.
type elements struct {
	in  *xml.Decoder
	cap *capped
	// root is the name of the outermost element, and any says that there was a record.
	root string
	any  bool
}

func newXML(in io.Reader) *elements {
	c := &capped{in: in}
	d := xml.NewDecoder(c)
	d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil } // it is UTF-8 by now
	d.Entity = xml.HTMLEntity
	c.reset()
	return &elements{in: d, cap: c}
}

func (e *elements) next() (record, error) {
	for {
		e.cap.reset()
		token, err := e.in.Token()
		if errors.Is(err, io.EOF) && !e.any && e.root != "rss" && e.root != "feed" {
			return record{}, unreadable("The XML has no elements called item, entry or product. Its outermost one is %s.", quote(e.root))
		}
		if err != nil {
			return record{}, e.stopped(err)
		}
		start, ok := token.(xml.StartElement)
		if ok && e.root == "" {
			e.root = start.Name.Local
		}
		if !ok || !slices.Contains([]string{"item", "entry", "product"}, start.Name.Local) {
			continue
		}
		e.any = true
		line, _ := e.in.InputPos()
		rec, err := e.record(start, line)
		if err != nil {
			return record{}, e.stopped(err)
		}
		return rec, nil
	}
}

func (e *elements) stopped(err error) error {
	var syntax *xml.SyntaxError
	switch {
	case errors.As(err, &syntax) && strings.Contains(syntax.Msg, "unexpected EOF"):
		return unreadable("The input ends too early, on line %d: is the file complete?", syntax.Line)
	case errors.As(err, &syntax):
		return unreadable("The XML is broken on line %d. Nothing after it was read.", syntax.Line)
	}
	return err
}

// deepestElement is how deep the elements of a product may be.
const deepestElement = 32

// record reads the members of an item: its elements, and the XML attributes of those and its own that have another name.
func (e *elements) record(item xml.StartElement, line int) (record, error) {
	rec := record{line: line, names: []string{}}
	google := map[string]bool{}
	for {
		token, err := e.in.Token()
		if err != nil {
			return rec, e.early(err)
		}
		switch t := token.(type) {
		case xml.EndElement:
			rec.attributes("", item)
			rec.raw = rec.object()
			return rec, nil
		case xml.StartElement:
			raw, err := e.value(t, 1)
			if err != nil {
				return rec, err
			}
			rec.attributes(t.Name.Local+".", t)
			ours := t.Name.Space == "g" || t.Name.Space == googleSpace
			rec.put(t.Name.Local, raw, ours && !google[t.Name.Local], google[t.Name.Local] && !ours)
			google[t.Name.Local] = google[t.Name.Local] || ours
		}
	}
}

// attributes adds the XML attributes of an element that say something about the product, unless it has members of these names.
func (r *record) attributes(before string, of xml.StartElement) {
	for _, a := range of.Attr {
		if a.Name.Space == "" && !slices.Contains([]string{"xmlns", "href", "rel", "type", "lang"}, a.Name.Local) {
			r.put(before+a.Name.Local, appendText(nil, a.Value), false, slices.Contains(r.names, before+a.Name.Local))
		}
	}
}

// put adds a member. Several of the same name become a list; replace takes the place of earlier ones, and ignore adds nothing.
func (r *record) put(name string, raw jsontext.Value, replace, ignore bool) {
	i := slices.Index(r.names, name)
	switch {
	case i < 0:
		r.names, r.values = append(r.names, name), append(r.values, value{raw: raw})
	case ignore:
	case replace:
		r.values[i].raw = raw
	case r.values[i].raw.Kind() == jsontext.KindBeginArray:
		list := r.values[i].raw
		r.values[i].raw = append(append(append(list[:len(list)-1:len(list)-1], ','), raw...), ']')
	default:
		r.values[i].raw = slices.Concat(jsontext.Value("["), r.values[i].raw, jsontext.Value(","), raw, jsontext.Value("]"))
	}
}

// value reads an element: its text or, if it has elements, an object.
func (e *elements) value(start xml.StartElement, depth int) (jsontext.Value, error) {
	if depth > deepestElement {
		line, _ := e.in.InputPos()
		return nil, unreadable("The XML is nested too deeply on line %d.", line)
	}
	var text strings.Builder
	inner := record{names: []string{}}
	for {
		token, err := e.in.Token()
		if err != nil {
			return nil, e.early(err)
		}
		switch t := token.(type) {
		case xml.CharData:
			text.Write(t)
		case xml.StartElement:
			raw, err := e.value(t, depth+1)
			if err != nil {
				return nil, err
			}
			inner.put(t.Name.Local, raw, false, false)
		case xml.EndElement:
			if len(inner.names) > 0 {
				return inner.object(), nil
			}
			said := strings.TrimSpace(text.String())
			for _, attribute := range start.Attr {
				if said == "" && attribute.Name.Local == "href" { // the link of Atom
					said = attribute.Value
				}
			}
			return appendText(nil, said), nil
		}
	}
}

// early says that the input ended within a product.
func (e *elements) early(err error) error {
	if errors.Is(err, io.EOF) {
		line, _ := e.in.InputPos()
		return unreadable("The input ends too early, on line %d: is the file complete?", line)
	}
	return err
}

// capped reads at most the longest product at a time, because the decoder keeps a whole element in memory.
type capped struct {
	in   io.Reader
	left int
}

func (c *capped) reset() { c.left = 2 * catalog.MaxLineBytes }

func (c *capped) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, unreadable("An element of the XML is longer than %d bytes.", catalog.MaxLineBytes)
	}
	n, err := c.in.Read(p[:min(len(p), c.left)])
	c.left -= n
	return n, err
}
