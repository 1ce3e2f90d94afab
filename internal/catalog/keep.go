package catalog

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

const (
	// maxFields is how many fields a list may name, maxFieldBytes how long each name may be.
	maxFields, maxFieldBytes = 100, 255
	// ofAttributes begins the name of a field that is one of a product's attributes.
	ofAttributes = "attributes."
)

// Fields names fields of products: sku, name, price, currency, active, or attributes.NAME for one attribute. Those of a peer are the fields that
// a pull from it keeps as they are here.
type Fields []string

// Refused returns why the list is none, as the rest of a sentence that begins with its name; "" if it is one.
func (f Fields) Refused() string {
	if len(f) > maxFields {
		return fmt.Sprintf("must name at most %d fields, not %d", maxFields, len(f))
	}
	for i, name := range f {
		own, ok := memberOf([]byte(name))
		attribute, isAttribute := strings.CutPrefix(name, ofAttributes)
		switch {
		case ok && own == memberID:
			return "must not name id, by which products are told apart"
		case !isAttribute && (!ok || own == memberAttributes), isAttribute && (attribute == "" || strings.ContainsFunc(name, unicode.IsControl)):
			return "names no field of a product: " + quote(name) + "; there are sku, name, price, currency, active and attributes.NAME"
		case len(name) > maxFieldBytes:
			return fmt.Sprintf("must not name a field longer than %d bytes: %s", maxFieldBytes, quote(name))
		case slices.Contains(f[:i], name):
			return "names a field twice: " + quote(name)
		}
	}
	return ""
}

// Keep returns the product to show where came is what its source has and held is what is here: came, with these fields as they are in held.
// theirs is what the source has in those of them in which the two differ, for [Product.AsCame]; it is "" where they do not. It refuses what makes
// no valid product.
func (f Fields) Keep(came, held *Product) (shown Product, theirs string, refused *Reject) {
	a, err := f.take(came)
	if err != nil {
		return shown, "", unkept(came.ID, err)
	}
	b, err := f.take(held)
	if err != nil {
		return shown, "", unkept(came.ID, err)
	}
	differing := map[string][]jsontext.Value{}
	for _, name := range f {
		theirs, ours := a.get(name), b.get(name)
		if bytes.Equal(theirs, ours) {
			continue
		}
		differing[name] = []jsontext.Value{}
		if theirs != nil {
			differing[name] = append(differing[name], theirs)
		}
		a.set(name, ours)
	}
	if len(differing) == 0 {
		return *came, "", nil
	}
	if shown, err = a.product(); err != nil {
		return shown, "", unkept(came.ID, err)
	}
	text, err := json.Marshal(differing, json.Deterministic(true))
	if err != nil {
		return shown, "", unkept(came.ID, err)
	}
	return shown, string(text), nil
}

// unkept refuses a product that cannot be put together.
func unkept(id string, why error) *Reject {
	return &Reject{ID: id, Reason: "with the fields that are kept here: " + why.Error()}
}

// AsCame returns the product as its source has it, by what [Fields.Keep] said of that. It returns an error where theirs is nothing of the kind.
func (p *Product) AsCame(theirs string) (Product, error) {
	over, err := readTheirs(theirs)
	if err != nil {
		return Product{}, err
	}
	came, err := Fields(slices.Collect(maps.Keys(over))).take(p)
	if err != nil {
		return Product{}, err
	}
	for name, value := range over {
		if len(value) == 0 {
			came.set(name, nil)
		} else {
			came.set(name, value[0])
		}
	}
	return came.product()
}

// Cover reports whether every field that theirs mentions is among f.
func (f Fields) Cover(theirs string) bool {
	over, err := readTheirs(theirs)
	for name := range over {
		if !slices.Contains(f, name) {
			return false
		}
	}
	return err == nil
}

var errNotTheirs = errors.New("what the source has in kept fields cannot be read")

// readTheirs reads what [Fields.Keep] wrote: by name, a list with the source's value, which is empty where the source has none.
func readTheirs(text string) (over map[string][]jsontext.Value, err error) {
	if json.Unmarshal([]byte(text), &over) != nil || len(over) == 0 {
		return nil, errNotTheirs
	}
	for name, value := range over {
		if (Fields{name}).Refused() != "" || len(value) > 1 {
			return nil, errNotTheirs
		}
	}
	return over, nil
}

// parts are a product whose fields can be replaced.
type parts struct {
	members
	// attributes are nil while none of them is looked at.
	attributes map[string]jsontext.Value
}

// take takes a product apart, as far as it must be for these fields.
func (f Fields) take(p *Product) (*parts, error) {
	text := func(value string) []byte {
		if value == "" {
			return nil
		}
		return appendQuoted(nil, value)
	}
	out := &parts{}
	out.own = [ownMembers][]byte{
		memberID: text(p.ID), memberSKU: text(p.SKU), memberName: text(p.Name), memberPrice: text(p.Price), memberCurrency: text(p.Currency),
		memberActive: strconv.AppendBool(nil, p.Active), memberAttributes: []byte(p.Attributes),
	}
	if !slices.ContainsFunc(f, func(name string) bool { return strings.HasPrefix(name, ofAttributes) }) {
		return out, nil
	}
	out.attributes = map[string]jsontext.Value{}
	if p.Attributes == "" {
		return out, nil
	}
	if err := json.Unmarshal(out.own[memberAttributes], &out.attributes); err != nil || out.attributes == nil {
		return nil, errors.New("the attributes are not one JSON object")
	}
	return out, nil
}

// get returns the JSON of a field, nil where the product has none.
func (p *parts) get(name string) []byte {
	if attribute, ok := strings.CutPrefix(name, ofAttributes); ok {
		return p.attributes[attribute]
	}
	own, _ := memberOf([]byte(name))
	return p.own[own]
}

// set replaces a field.
func (p *parts) set(name string, value []byte) {
	if attribute, ok := strings.CutPrefix(name, ofAttributes); !ok {
		own, _ := memberOf([]byte(name))
		p.own[own] = value
	} else if value == nil {
		delete(p.attributes, attribute)
	} else {
		p.attributes[attribute] = value
	}
}

// product puts the product together, with its content hash. The error is always a [*Reject].
func (p *parts) product() (Product, error) {
	if p.attributes != nil {
		object, err := json.Marshal(p.attributes)
		if err != nil {
			return Product{}, p.reject("the attributes cannot be put together")
		}
		p.own[memberAttributes] = object
	}
	buf := buffers.Get().(*buffer)
	defer buf.release()
	return p.members.product(buf)
}
