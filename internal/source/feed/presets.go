package feed

import (
	"slices"
	"strings"
)

// parentID is the member of Shopify's bulk results that names a record's parent.
const parentID = "__parentId"

// ours is the preset of what fullsync itself exports.
const ours = "fullsync"

// The lists that grouping adds to a product.
const (
	variants = "variants"
	images   = "images"
)

// shape says what the records of a system look like in one of its formats.
type shape struct {
	preset  string
	formats []string
	// The shape is recognised by columns that all exist (needs), and of which at least one exists (any). is decides instead if it is set.
	needs, any []string
	is         func(columns []string, first []record) bool
	// rules says where each field is. The first place that exists counts; in JSON and XML, the first that has a value.
	rules map[string][]string
	// point says that prices have a decimal point, whatever follows it. unit is that of prices; "" for major.
	point bool
	unit  string
	// places is where a record says how many decimal places the smallest unit of its currency has; "" if that follows from the currency.
	places string
	// askUnit reports whether the unit is not certain.
	askUnit func(first []record) bool
	// parts takes records apart if several make up a product; see groups.
	parts func(record) []part
	// inVariant says which columns become those of variants.
	inVariant func(column string) bool
	// asItIs says that most lines are in the form that catalog.Parse reads.
	asItIs bool
}

// Presets returns the names of the systems whose exports are known.
func Presets() []string {
	var names []string
	for _, s := range shapes() {
		if !slices.Contains(names, s.preset) {
			names = append(names, s.preset)
		}
	}
	return names
}

func tables() []string { return []string{CSV, TSV} }
func trees() []string  { return []string{NDJSON, JSON} }

// shapes returns all shapes. Of several that fit, the first one counts.
func shapes() []shape {
	return []shape{
		{
			preset: "woocommerce", formats: tables(), needs: []string{"Type", "SKU", "Name", "Regular price"},
			rules: map[string][]string{
				fieldID: {"ID", "SKU"}, fieldSKU: {"SKU"}, fieldName: {"Name"}, fieldPrice: {"Regular price"}, fieldActive: {"Published"},
			},
			parts: wooParts,
		},
		{
			preset: "woocommerce", formats: trees(), needs: []string{"id", "name", "regular_price"},
			rules: map[string][]string{
				fieldID: {"id"}, fieldSKU: {"sku"}, fieldName: {"name"}, fieldPrice: {"regular_price", "price"}, fieldActive: {"status"},
			},
			point: true,
		},
		{ // the list that shows a shop's customers what it has: /wc/store/v1/products
			preset: "woocommerce", formats: trees(), needs: []string{"id", "name", "prices.price", "prices.currency_minor_unit"},
			rules: map[string][]string{
				fieldID: {"id"}, fieldSKU: {"sku"}, fieldName: {"name"}, fieldPrice: {"prices.regular_price", "prices.price"}, fieldCurrency: {"prices.currency_code"},
			},
			unit: Minor, places: "prices.currency_minor_unit",
		},
		{
			preset: "shopify", formats: tables(), needs: []string{"Handle", "Title", "Variant Price"},
			rules: map[string][]string{
				fieldID: {"Handle"}, fieldSKU: {"Variant SKU"}, fieldName: {"Title"}, fieldPrice: {"Variant Price"}, fieldActive: {"Status", "Published"},
			},
			parts: shopifyParts("Handle", isShopifyVariant, isShopifyImage), inVariant: isShopifyVariant,
		},
		{
			preset: "shopify", formats: tables(), needs: []string{"URL handle", "Title", "Price"},
			rules: map[string][]string{
				fieldID: {"URL handle"}, fieldSKU: {"SKU"}, fieldName: {"Title"}, fieldPrice: {"Price"}, fieldActive: {"Status", "Published on online store"},
			},
			parts: shopifyParts("URL handle", isNewShopifyVariant, isNewShopifyImage), inVariant: isNewShopifyVariant,
		},
		{
			preset: "shopify-bulk", formats: trees(), is: isBulk,
			rules: map[string][]string{
				fieldID: {"id"}, fieldName: {"title"}, fieldActive: {"status"},
				fieldSKU:      {"variants.0.sku", "variants.edges.0.node.sku", "variants.nodes.0.sku"},
				fieldPrice:    {"variants.0.price", "variants.edges.0.node.price", "variants.nodes.0.price", "priceRangeV2.minVariantPrice.amount"},
				fieldCurrency: {"priceRangeV2.minVariantPrice.currencyCode"},
			},
			point: true, parts: bulkParts,
		},
		{
			preset: "medusa", formats: trees(), needs: []string{"id", "title", "handle"},
			any: []string{"variants.0.prices", "variants.0.calculated_price", "variants.0.manage_inventory", "is_giftcard"},
			rules: map[string][]string{
				fieldID: {"id"}, fieldName: {"title"}, fieldSKU: {"variants.0.sku"}, fieldActive: {"status"},
				fieldPrice:    {"variants.0.prices.0.amount", "variants.0.calculated_price.calculated_amount"},
				fieldCurrency: {"variants.0.prices.0.currency_code", "variants.0.calculated_price.currency_code"},
			},
			point: true, askUnit: isMedusa1,
		},
		{
			preset: "shopify", formats: trees(), needs: []string{"title"}, any: []string{"variants.0.price", "body_html"},
			rules: map[string][]string{
				fieldID: {"id"}, fieldName: {"title"}, fieldSKU: {"variants.0.sku"}, fieldPrice: {"variants.0.price"}, fieldActive: {"status"},
			},
			point: true,
		},
		{
			preset: "vendure", formats: trees(), needs: []string{"id", "name"},
			any: []string{"variants.0.priceWithTax", "variants.0.currencyCode", "variantList.items.0.priceWithTax", "variantList.items.0.currencyCode"},
			rules: map[string][]string{
				fieldID: {"id"}, fieldName: {"name"}, fieldActive: {"enabled"},
				fieldSKU:      {"variants.0.sku", "variantList.items.0.sku"},
				fieldPrice:    {"variants.0.price", "variantList.items.0.price"},
				fieldCurrency: {"variants.0.currencyCode", "variantList.items.0.currencyCode"},
			},
			unit: Minor,
		},
		{
			preset: "google-merchant", formats: append(tables(), XML), needs: []string{"id", "title", "price"},
			any: []string{"availability", "image_link", "image link"}, rules: sameNames(),
		},
		{preset: ours, formats: tables(), needs: []string{"id", "name", attributes}, rules: sameNames(), point: true},
		{preset: ours, formats: trees(), is: isOurs, rules: sameNames(), point: true, asItIs: true},
	}
}

// sameNames are the rules where columns have the names of fields.
func sameNames() map[string][]string {
	return map[string][]string{
		fieldID: {"id"}, fieldSKU: {"sku"}, fieldName: {"name", "title"}, fieldPrice: {"price"}, fieldCurrency: {"currency"}, fieldActive: {"active"},
	}
}

// fits reports whether the shape is that of an input with these columns and first records.
func (s shape) fits(names []string, first []record) bool {
	if s.is != nil {
		return s.is(names, first)
	}
	known := columns{names: names, first: first}
	exists := func(column string) bool { _, ok := known.place(column); return ok }
	return !slices.ContainsFunc(s.needs, func(column string) bool { return !exists(column) }) &&
		(len(s.any) == 0 || slices.ContainsFunc(s.any, exists))
}

// chooseShape returns the shape of an input: one of the stated preset, or one that fits, or one that goes by the names of columns alone.
func chooseShape(format string, names []string, first []record, opt Options) (shape, error) {
	var possible []shape
	for _, s := range shapes() {
		switch {
		case !slices.Contains(s.formats, format) || opt.Preset != "" && !ofPreset(s, opt.Preset):
		case s.fits(names, first):
			return s, nil
		default:
			possible = append(possible, s)
		}
	}
	switch {
	case opt.Preset != "" && len(possible) == 0:
		return shape{}, unreadable("The preset %s does not read %s.", opt.Preset, strings.ToUpper(format))
	case opt.Preset != "":
		return possible[0], nil
	case format == NDJSON:
		return shape{preset: ours, rules: sameNames(), point: true, asItIs: true}, nil
	}
	return shape{rules: sameNames()}, nil
}

// ofPreset reports whether a shape belongs to a preset. Shopify's bulk results belong to shopify, too.
func ofPreset(s shape, preset string) bool {
	return s.preset == preset || preset == "shopify" && s.preset == "shopify-bulk"
}

// looksLike returns a sentence that names another preset that fits, or "".
func looksLike(format string, names []string, first []record, but string) string {
	for _, s := range shapes() {
		if s.preset != but && s.preset != ours && slices.Contains(s.formats, format) && s.fits(names, first) {
			return "This looks like the " + strings.ToUpper(format) + " of " + s.preset + "; try --preset " + s.preset + "."
		}
	}
	return ""
}

// isOurs recognises what fullsync exports: products with attributes that are an object.
func isOurs(_ []string, first []record) bool {
	for i := range first {
		_, id := first[i].at(path{fieldID})
		_, name := first[i].at(path{fieldName})
		if v, ok := first[i].at(path{attributes}); id && name && ok && v.raw.Kind() == '{' {
			return true
		}
	}
	return false
}

func isBulk(names []string, first []record) bool {
	if slices.Contains(names, parentID) {
		return true
	}
	for i := range first {
		id, _ := first[i].at(path{fieldID})
		if text, _ := id.scalar(); strings.HasPrefix(text, "gid://shopify/") {
			return true
		}
	}
	return false
}

// isMedusa1 recognises Medusa 1, whose prices count in cents; those of Medusa 2 do not.
func isMedusa1(first []record) bool {
	known := columns{first: first}
	for _, column := range []string{"profile_id", "variants.0.prices.0.region_id"} {
		if _, ok := known.place(column); ok {
			return true
		}
	}
	return false
}
