package feed

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"fullsync/internal/fault"
	"fullsync/internal/plural"
)

// The formats.
const (
	NDJSON = "ndjson"
	JSON   = "json"
	CSV    = "csv"
	TSV    = "tsv"
	XML    = "xml"
)

// The fields of a product that a column can be mapped to.
const (
	fieldID       = "id"
	fieldSKU      = "sku"
	fieldName     = "name"
	fieldPrice    = "price"
	fieldCurrency = "currency"
	fieldActive   = "active"
)

func fields() []string {
	return []string{fieldID, fieldSKU, fieldName, fieldPrice, fieldCurrency, fieldActive}
}

// The units of prices.
const (
	// Major is the currency itself: 12.50 euros.
	Major = "major"
	// Minor is its smallest unit: 1250 cents.
	Minor = "minor"
)

// Options are what the caller knows about an input. Whatever is empty is found out.
type Options struct {
	// Format is one of ndjson, json, csv, tsv and xml.
	Format string
	// Preset names the system that the input comes from; see [Presets].
	Preset string
	// Map says which column a field comes from. In JSON and XML, a column may be a path such as variants.0.price.
	Map map[string]string
	// Default has values for fields that are empty.
	Default map[string]string
	// Decimal is the decimal separator of prices, "." or ",". The other one then separates thousands.
	Decimal string
	// Unit is major or minor.
	Unit string
	// Encoding is a name such as windows-1252.
	Encoding string
	// Delimiter separates the columns of CSV; one character.
	Delimiter string
}

// Check returns an Invalid [fault.Error] unless the options can be used.
func (o Options) Check() error {
	for _, one := range []struct {
		option, value string
		allowed       []string
	}{
		{"--format", o.Format, []string{NDJSON, JSON, CSV, TSV, XML}},
		{"--preset", o.Preset, Presets()},
		{"--decimal", o.Decimal, []string{".", ","}},
		{"--unit", o.Unit, []string{Major, Minor}},
	} {
		if one.value != "" && !slices.Contains(one.allowed, one.value) {
			return badOption("%s must be %s, not %s.", one.option, plural.Or(one.allowed), quote(one.value))
		}
	}
	for _, one := range []struct {
		option string
		values map[string]string
		fields []string
	}{
		{"--map", o.Map, fields()},
		{"--default", o.Default, fields()[1:]},
	} {
		for _, field := range slices.Sorted(maps.Keys(one.values)) {
			if !slices.Contains(one.fields, field) {
				return badOption("%s has no field %s. The fields are %s.", one.option, quote(field), plural.And(one.fields))
			}
		}
	}
	if n := len([]rune(o.Delimiter)); n > 1 || strings.ContainsAny(o.Delimiter, "\"\r\n") {
		return badOption("--delimiter must be one character, not %s.", quote(o.Delimiter))
	}
	if value := o.Default[fieldActive]; value != "" {
		if _, ok := flag(value); !ok {
			return badOption("--default active must be true or false, not %s.", quote(value))
		}
	}
	if o.Encoding != "" {
		_, _, err := encodingOf(o.Encoding)
		return err
	}
	return nil
}

func badOption(message string, args ...any) error {
	return fault.New(fault.Invalid, "INVALID_FEED_OPTION", "Invalid option", message, args...)
}

// Found is what an input turned out to be.
type Found struct {
	// Packed is gzip, zstd, or "" for neither.
	Packed    string
	Encoding  string
	Format    string
	Delimiter string
	// List is where in JSON the list of records is, as in data.products; "" if nothing is around it.
	List string
	// Columns are the names of the columns, or of the members of the first records.
	Columns []string
	// Preset is "" if the columns are mapped by their names alone.
	Preset string
	// Fields says which column each field comes from.
	Fields map[string]string
	// Decimal and Unit are those of the preset or the options; "" where each price decides.
	Decimal, Unit string
	// Hints are sentences about what may be wrong.
	Hints []string
}

// String describes the input in one sentence.
func (f Found) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Read as %s", strings.ToUpper(f.Format))
	if f.Packed != "" {
		fmt.Fprintf(&b, " packed with %s", f.Packed)
	}
	fmt.Fprintf(&b, " in %s", f.Encoding)
	if f.Format == CSV {
		fmt.Fprintf(&b, " with the delimiter %s", quote(f.Delimiter))
	}
	if f.List != "" {
		fmt.Fprintf(&b, ", the list %s", f.List)
	}
	if f.Preset != "" {
		fmt.Fprintf(&b, ", preset %s", f.Preset)
	}
	from := make([]string, 0, len(f.Fields))
	for _, field := range fields() {
		if column, ok := f.Fields[field]; ok {
			from = append(from, field+" from "+column)
		}
	}
	if len(from) > 0 {
		fmt.Fprintf(&b, ": %s; everything else goes into attributes", plural.And(from))
	}
	b.WriteByte('.')
	if f.Decimal != "" {
		fmt.Fprintf(&b, " The decimal separator is %s", quote(f.Decimal)+".")
	}
	if f.Unit == Minor {
		b.WriteString(" Prices are in the smallest unit of the currency.")
	}
	return b.String()
}

// IsOurs reports whether the input is plain NDJSON in fullsync's own form, about which there is nothing to say.
func (f Found) IsOurs() bool {
	return f.Format == NDJSON && f.Preset == ours && f.Packed == "" && f.Encoding == utf8Name
}
