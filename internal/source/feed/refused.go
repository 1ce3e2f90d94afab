package feed

import (
	"bytes"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// RefusedColumn is the name of the column, or of the member, that says why a record was refused. Readers ignore it, so that a file of refused
// records can be corrected and read again.
const RefusedColumn = "fullsync:refused"

var refusedMember = []byte(`{"` + RefusedColumn + `"`)

// RefusedWriter writes refused records, each with its reason, in the format in which they came: tables as tables, everything else as NDJSON.
type RefusedWriter struct {
	out   io.Writer
	found Found
	begun bool
}

// NewRefusedWriter returns a writer for the refused records of an input.
func NewRefusedWriter(out io.Writer, found Found) *RefusedWriter {
	return &RefusedWriter{out: out, found: found}
}

// Write writes a refused record.
func (w *RefusedWriter) Write(item Item) error {
	if w.found.Format != CSV && w.found.Format != TSV {
		if w.found.Format != NDJSON {
			item.Raw = bytes.ReplaceAll(item.Raw, []byte("\n"), []byte(" "))
		}
		_, err := w.out.Write(refusedJSON(item))
		return err
	}
	var row []byte
	if !w.begun {
		w.begun = true
		row = []byte(RefusedColumn)
		for _, column := range w.found.Columns {
			if column != RefusedColumn {
				row = append(append(row, w.found.Delimiter...), cell(column)...)
			}
		}
		row = append(row, '\n')
	}
	for i, line := range w.rows(item.Raw) {
		if i == 0 {
			row = append(row, cell(item.Reject.Reason)...)
		}
		row = append(append(append(row, w.found.Delimiter...), line...), '\n')
	}
	_, err := w.out.Write(row)
	return err
}

// rows returns the rows of a record, without an earlier reason. One row may have several lines.
func (w *RefusedWriter) rows(raw []byte) [][]byte {
	raw = bytes.TrimRight(raw, "\r\n")
	var all [][]byte
	for quoted, start, i := false, 0, 0; i <= len(raw); i++ {
		switch {
		case i < len(raw) && raw[i] == '"':
			quoted = !quoted
		case i == len(raw) || raw[i] == '\n' && !quoted:
			row := bytes.TrimRight(raw[start:i], "\r")
			if len(w.found.Columns) > 0 && w.found.Columns[0] == RefusedColumn {
				row = w.afterFirst(row)
			}
			all, start = append(all, row), i+1
		}
	}
	return all
}

// afterFirst returns a row without its first cell.
func (w *RefusedWriter) afterFirst(row []byte) []byte {
	quoted := false
	for i, c := range row {
		switch {
		case c == '"':
			quoted = !quoted
		case !quoted && bytes.HasPrefix(row[i:], []byte(w.found.Delimiter)):
			return row[i+len(w.found.Delimiter):]
		}
	}
	return row
}

// cell quotes a cell.
func cell(text string) string { return `"` + strings.ReplaceAll(text, `"`, `""`) + `"` }

// refusedJSON returns the line of a record. What is not an object becomes a member of one.
func refusedJSON(item Item) []byte {
	raw := bytes.TrimSpace(item.Raw)
	first, rest, _ := bytes.Cut(raw, []byte("\n"))
	if compact := jsontext.Value(bytes.Clone(raw)); compact.Compact() == nil {
		first, rest = compact, nil
	}
	line := append(bytes.Clone(refusedMember), ':')
	line = appendText(line, item.Reject.Reason)
	inner, isObject := bytes.CutPrefix(first, []byte("{"))
	if before, found := bytes.CutPrefix(inner, refusedMember[1:]); found {
		inner = afterString(before)
	}
	if !isObject {
		line = append(appendText(append(line, `,"fullsync:line":`...), strings.ToValidUTF8(string(first), "\uFFFD")), '}')
	} else {
		if !bytes.HasPrefix(bytes.TrimSpace(inner), []byte("}")) {
			line = append(line, ',')
		}
		line = append(line, inner...)
	}
	line = append(line, '\n')
	if len(rest) > 0 {
		line = append(append(line, rest...), '\n')
	}
	return line
}

// afterString returns what follows a colon, a string and a comma.
func afterString(text []byte) []byte {
	text = bytes.TrimLeft(text, ": ")
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return bytes.TrimLeft(text[i+1:], ", ")
		}
	}
	return text
}
