package catalog

import (
	"bufio"
	"encoding/csv"
	"io"
	"strconv"
)

// The formats of an export.
const (
	ExportNDJSON = "ndjson"
	ExportJSON   = "json"
	ExportCSV    = "csv"
)

// ExportFormats returns the formats of an export.
func ExportFormats() []string { return []string{ExportNDJSON, ExportJSON, ExportCSV} }

// Exporter writes products to a file that an import reads back as the same products: one per line, as a JSON array, or as a table whose
// column attributes holds JSON.
type Exporter struct {
	format string
	out    *bufio.Writer
	table  *csv.Writer
	n      int64
	line   []byte
}

// NewExporter returns an exporter in one of [ExportFormats]. Call Close at the end.
func NewExporter(out io.Writer, format string) *Exporter {
	e := &Exporter{format: format, out: bufio.NewWriterSize(out, 1<<16)}
	e.table = csv.NewWriter(e.out)
	return e
}

// Write writes the next product.
func (e *Exporter) Write(p *Product) error {
	before := e.begin()
	e.n++
	if e.format == ExportCSV {
		attributes := p.Attributes
		if attributes == "" {
			attributes = emptyAttributes
		}
		return e.table.Write([]string{p.ID, p.SKU, p.Name, p.Price, p.Currency, strconv.FormatBool(p.Active), attributes})
	}
	e.line = p.AppendJSON(append(e.line[:0], before...))
	if e.format == ExportNDJSON {
		e.line = append(e.line, '\n')
	}
	_, err := e.out.Write(e.line)
	return err
}

// begin returns what comes before the next product.
func (e *Exporter) begin() string {
	switch {
	case e.format == ExportJSON && e.n == 0:
		return "[\n"
	case e.format == ExportJSON:
		return ",\n"
	case e.format == ExportCSV && e.n == 0:
		_ = e.table.Write([]string{"id", "sku", "name", "price", "currency", "active", "attributes"}) // an error shows at the next write
	}
	return ""
}

// Pages writes a catalog page by page, so that no database cursor waits for a slow reader. read reads the products after an id.
func (e *Exporter) Pages(read func(after string, limit int, each func(*Product) error) error) error {
	for after, more := "", true; more; {
		n := 0
		err := read(after, MaxBatchProducts, func(p *Product) error {
			n++
			after = p.ID
			return e.Write(p)
		})
		if err != nil {
			return err
		}
		more = n == MaxBatchProducts
	}
	return nil
}

// Close writes what comes after the last product. It does not close the output.
func (e *Exporter) Close() error {
	if e.n == 0 {
		_, _ = e.out.WriteString(e.begin()) // an error shows at the flush
	}
	if e.format == ExportJSON {
		end := "\n]\n"
		if e.n == 0 {
			end = "]\n"
		}
		_, _ = e.out.WriteString(end)
	}
	e.table.Flush()
	return e.out.Flush()
}

// Count returns how many products were written.
func (e *Exporter) Count() int64 { return e.n }
