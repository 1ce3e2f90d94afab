package feed

import (
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// part is a product, or what belongs to one: a variant, an image.
type part struct {
	record
	// list is the list in its parent that it belongs to; "" for a product.
	list string
	// parent is a name of its parent, and names are those that others may call it by.
	parent string
	keys   []string
}

// cell returns the text of a column; "" if there is none.
func (r *record) cell(column string) string {
	i := slices.IndexFunc(r.names, func(name string) bool { return strings.EqualFold(name, column) })
	if i < 0 {
		return ""
	}
	return strings.TrimSpace(r.values[i].text)
}

// only returns a record with the columns that are wanted and not empty.
func (r *record) only(wanted func(column string) bool) record {
	part := record{line: r.line, raw: r.raw, names: []string{}}
	for i, name := range r.names {
		if wanted(name) && r.values[i].text != "" {
			part.names, part.values = append(part.names, name), append(part.values, r.values[i])
		}
	}
	return part
}

// wooParts: a variation names its parent's SKU, or its id as in id:102.
func wooParts(rec record) []part {
	id, sku := rec.cell("ID"), rec.cell("SKU")
	if parent := rec.cell("Parent"); strings.Contains(strings.ToLower(rec.cell("Type")), "variation") {
		return []part{{record: rec.only(func(string) bool { return true }), list: variants, parent: parent}}
	}
	var keys []string
	if id != "" {
		keys = append(keys, "id:"+id)
	}
	if sku != "" {
		keys = append(keys, sku)
	}
	return []part{{record: rec, keys: keys}}
}

// shopifyParts: every line with the same handle may hold a variant and an image. The first one also holds the product.
func shopifyParts(handle string, isVariant, isImage func(column string) bool) func(record) []part {
	return func(rec record) []part {
		id := rec.cell(handle)
		if id == "" {
			return []part{{record: rec}} // to be refused
		}
		product := rec.only(func(column string) bool { return !isVariant(column) && !isImage(column) })
		parts := []part{{record: product, keys: []string{id}}}
		if variant := rec.only(isVariant); len(variant.names) > 0 {
			parts = append(parts, part{record: variant, list: variants, parent: id})
		}
		if image := rec.only(isImage); len(image.names) > 0 {
			parts = append(parts, part{record: image, list: images, parent: id})
		}
		return parts
	}
}

func isShopifyVariant(column string) bool {
	name := strings.ToLower(column)
	return strings.HasPrefix(name, "variant ") || strings.HasPrefix(name, "option") && (strings.HasSuffix(name, " value") || strings.HasSuffix(name, " linked to")) ||
		name == "cost per item"
}

func isShopifyImage(column string) bool { return strings.HasPrefix(strings.ToLower(column), "image ") }

// isNewShopifyVariant knows the columns of variants in the form that Shopify introduced in 2025.
func isNewShopifyVariant(column string) bool {
	switch name := strings.ToLower(column); name {
	case "sku", "barcode", "price", "compare-at price", "cost per item", "charge tax", "tax code", "unit price total measure",
		"unit price total measure unit", "unit price base measure", "unit price base measure unit", "inventory tracker", "inventory quantity",
		"continue selling when out of stock", "weight value (grams)", "weight unit for display", "requires shipping", "fulfillment service", //nolint:misspell // Shopify's spelling
		"variant image url":
		return true
	default:
		return isShopifyVariant(column)
	}
}

func isNewShopifyImage(column string) bool {
	name := strings.ToLower(column)
	return name == "product image url" || name == "image position" || name == "image alt text"
}

// bulkParts: a child names the id of its parent; its own id says what it is, as in gid://shopify/ProductVariant/1.
func bulkParts(rec record) []part {
	if !rec.members() {
		return []part{{record: rec}} // to be refused
	}
	text := func(name string) string { v, _ := rec.at(path{name}); text, _ := v.scalar(); return text }
	p := part{record: rec, parent: text(parentID)}
	if id := text(fieldID); id != "" {
		p.keys = []string{id}
	}
	if p.parent == "" {
		return []part{p}
	}
	i := slices.Index(rec.names, parentID)
	p.names, p.values = slices.Delete(slices.Clone(rec.names), i, i+1), slices.Delete(slices.Clone(rec.values), i, i+1)
	gid, _ := strings.CutPrefix(text(fieldID), "gid://shopify/")
	kind, _, found := strings.Cut(gid, "/")
	if !found {
		kind = ""
	}
	switch kind {
	case "ProductVariant":
		p.list = variants
	case "ProductImage", "MediaImage", "ImageSource":
		p.list = images
	case "":
		p.list = "children"
	default:
		p.list = strings.ToLower(kind[:1]) + kind[1:] + "s"
	}
	return []part{p}
}

// object writes a record as JSON, without empty cells.
func (r *record) object() jsontext.Value {
	out := []byte{'{'}
	for i, name := range r.names {
		if r.values[i].raw == nil && r.values[i].text == "" {
			continue
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = r.values[i].appendTo(append(appendText(out, name), ':'))
	}
	return append(out, '}')
}
