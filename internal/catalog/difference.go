package catalog

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
)

// Difference is a field of a product before and after, as JSON; nil where it is absent. Attributes are fields of their own, by the name
// attributes.stock.
type Difference struct {
	Field         string
	Before, After json.RawMessage
}

// Differences returns the fields in which two versions of a product differ, in the order of a product's members. One of them may be nil: then
// every field of the other counts.
func Differences(before, after *Stored) (all []Difference) {
	was, is := fieldsOf(before), fieldsOf(after)
	add := func(name string) {
		if !bytes.Equal(was[name], is[name]) {
			all = append(all, Difference{Field: name, Before: was[name], After: is[name]})
		}
	}
	own := []string{"sku", "name", "price", "currency", "active", "originNodeId"}
	for _, name := range own {
		add(name)
	}
	attributes := maps.Clone(is)
	maps.Copy(attributes, was)
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		if !slices.Contains(own, name) {
			add(name)
		}
	}
	return all
}

// fieldsOf returns the fields of a product that are there; none for nil.
func fieldsOf(p *Stored) map[string]json.RawMessage {
	fields := map[string]json.RawMessage{}
	if p == nil {
		return fields
	}
	for name, text := range map[string]string{"sku": p.SKU, "name": p.Name, "price": p.Price, "currency": p.Currency, "originNodeId": p.OriginNodeID} {
		if text != "" {
			fields[name] = appendQuoted(nil, text)
		}
	}
	fields["active"] = json.RawMessage("false")
	if p.Active {
		fields["active"] = json.RawMessage("true")
	}
	var attributes map[string]json.RawMessage
	if json.Unmarshal([]byte(p.Attributes), &attributes) != nil { // somebody else wrote the row
		fields["attributes"] = appendQuoted(nil, p.Attributes)
	}
	for name, value := range attributes {
		fields["attributes."+name] = value
	}
	return fields
}
