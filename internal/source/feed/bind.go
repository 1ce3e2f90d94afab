package feed

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"fullsync/internal/plural"
)

// UnclearError is the error for an input that can be read once the caller says which column is which, or what its prices mean.
type UnclearError struct {
	// Found is what the input turned out to be so far.
	Found Found
	// Proposed has the likely columns of fields that were not found.
	Proposed map[string]string
	cause    error
}

// Error implements error.
func (e *UnclearError) Error() string { return e.cause.Error() }

// Unwrap returns the [fault.Error] that says what to do.
func (e *UnclearError) Unwrap() error { return e.cause }

// bind finds the place of each field among the columns, and writes down what it found. The error names the columns and proposes some if there
// is none for the id or the name.
func bind(form shape, found *Found, first []record, opt Options) (*mapper, error) {
	// What catalog.Parse reads knows nothing of these options.
	form.asItIs = form.asItIs && opt.Decimal == "" && opt.Unit == "" && len(opt.Map)+len(opt.Default) == 0
	m := &mapper{shape: form, from: map[string][]path{}, opt: opt, decimal: opt.Decimal, unit: opt.Unit, encoding: found.Encoding,
		point: form.point && opt.Decimal == ""}
	if m.unit == "" {
		m.unit = form.unit
	}
	if form.askUnit != nil && opt.Unit == "" && form.askUnit(first) {
		return nil, &UnclearError{Found: *found, cause: unreadable(
			"The prices of this input may be in cents, as those of Medusa 1 are. Say --unit minor if they are, or --unit major.")}
	}
	found.Fields, found.Decimal, found.Unit = map[string]string{}, opt.Decimal, m.unit
	known := columns{names: found.Columns, inVariant: form.inVariant}
	if found.Format != CSV && found.Format != TSV {
		known.first = first
	}
	for _, field := range fields() {
		if column, mapped := opt.Map[field]; mapped {
			at, ok := known.place(column)
			if !ok {
				return nil, &UnclearError{Found: *found, cause: known.missing(column)}
			}
			m.from[field] = []path{at}
			found.Fields[field] = column
			continue
		}
		for _, column := range form.rules[field] {
			at, ok := known.place(column)
			if !ok && known.first == nil {
				continue
			}
			if ok && found.Fields[field] == "" {
				found.Fields[field] = at.String()
			}
			if !ok {
				at = strings.Split(column, ".") // a later record may have it
			}
			m.from[field] = append(m.from[field], at)
			if known.first == nil {
				break // of a table, the first column counts, so that an id means the same on every line
			}
		}
	}
	for _, field := range fields() {
		if found.Fields[field] != "" || form.preset != "" && form.preset != ours {
			continue
		}
		if column := known.propose(field, found.Fields); column != "" {
			is := "be the " + field
			if field == fieldActive {
				is = "say which products are active"
			}
			found.Hints = append(found.Hints, fmt.Sprintf("%s may %s: try %s.", column, is, option(field, column)))
		}
	}
	if len(known.names) > 0 && (found.Fields[fieldID] == "" || found.Fields[fieldName] == "" && opt.Default[fieldName] == "") {
		proposed := known.proposals(found.Fields)
		return nil, &UnclearError{Found: *found, Proposed: proposed,
			cause: known.unknown(found.Fields, proposed, looksLike(found.Format, found.Columns, first, form.preset))}
	}
	return m, nil
}

// certain returns an error if one of several columns with the same name would become a field.
func (m *mapper) certain(twice []string) error {
	for _, field := range fields() {
		for _, at := range m.from[field] {
			if name := at[len(at)-1]; slices.Contains(twice, name) {
				return unreadable("Two columns are called %s. Give one of them another name.", quote(name))
			}
		}
	}
	return nil
}

// columns are what an input has.
type columns struct {
	names []string
	// first are some records of JSON or XML, where a column may be a path.
	first []record
	// inVariant says which columns of a table are those of variants.
	inVariant func(column string) bool
}

// place returns where a column is. Its name may differ in case.
func (c columns) place(column string) (path, bool) {
	i := slices.Index(c.names, column)
	if i < 0 {
		i = slices.IndexFunc(c.names, func(name string) bool { return strings.EqualFold(name, column) })
	}
	switch {
	case i >= 0 && c.inVariant != nil && c.inVariant(c.names[i]):
		return path{variants, "0", c.names[i]}, true
	case i >= 0:
		return path{c.names[i]}, true
	}
	at := path(strings.Split(column, "."))
	for i := range c.first {
		if _, ok := c.first[i].at(at); ok {
			return at, true
		}
	}
	return at, false
}

// shownColumns is how many columns an error names.
const shownColumns = 30

func (c columns) list() string {
	names := slices.DeleteFunc(slices.Clone(c.names), func(name string) bool { return name == "" })
	if more := len(names) - shownColumns; more > 0 {
		names = append(names[:shownColumns:shownColumns], fmt.Sprintf("%d more", more))
	}
	return plural.And(names)
}

// missing is the error for a column that the caller named.
func (c columns) missing(column string) error {
	similar := ""
	for _, name := range c.names {
		if plain(name) == plain(column) || len(column) > 2 && strings.Contains(plain(name), plain(column)) {
			similar = " Do you mean " + quote(name) + "?"
			break
		}
	}
	return unreadable("There is no column %s. The columns are %s.%s", quote(column), c.list(), similar)
}

// proposals returns the likely columns of the fields that were not found.
func (c columns) proposals(found map[string]string) map[string]string {
	all, proposed := maps.Clone(found), map[string]string{}
	for _, field := range fields() {
		if all[field] != "" {
			continue
		}
		if column := c.propose(field, all); column != "" {
			all[field], proposed[field] = column, column
		}
	}
	return proposed
}

// unknown is the error for an input without an id or a name.
func (c columns) unknown(found, proposed map[string]string, hint string) error {
	var need, try []string
	for _, field := range fields() {
		if found[field] == "" && (field == fieldID || field == fieldName) {
			need = append(need, field)
		}
		if column := proposed[field]; column != "" {
			try = append(try, option(field, column))
		}
	}
	message := fmt.Sprintf("The input has no column for the product's %s. Its columns are %s.", plural.And(need), c.list())
	switch {
	case hint != "":
		message += " " + hint
	case len(try) > 0:
		message += " Try " + strings.Join(try, " ") + "."
	default:
		message += " Say which it is with --map FIELD=COLUMN."
	}
	return unreadable("%s", message)
}

// propose returns the column that is most likely a field's and is not another one's.
func (c columns) propose(field string, found map[string]string) string {
	for _, word := range likely(field) {
		for _, name := range c.names {
			if plain(name) != word {
				continue
			}
			taken := false
			for other, column := range found {
				taken = taken || column == name && (field != fieldID || other != fieldSKU) // an SKU may be the id as well
			}
			if !taken {
				return name
			}
		}
	}
	return ""
}

// option writes an option for a shell.
func option(field, column string) string {
	text := field + "=" + column
	if strings.ContainsAny(text, " ()&;'\"$*#?<>|\\") {
		text = "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
	}
	return "--map " + text
}
