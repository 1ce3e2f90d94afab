package feed

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"fullsync/internal/catalog"
	"fullsync/internal/plural"
)

// table reads CSV and TSV: RFC 4180 with what Excel and people make of it.
type table struct {
	in *rows
	// header has the names of the columns. Those at the end may have none.
	header []string
	// twice has the names that several columns have; the later ones are numbered.
	twice     []string
	delimiter byte
	values    []value // of the last record
}

// newTable reads as far as the header. head is the beginning of in.
func newTable(in *bufio.Reader, head []byte, opt Options) (*table, error) {
	r := &rows{in: in, quote: '"'}
	if i := bytes.IndexAny(head, "\r\n"); i >= 0 && !bytes.Contains(head, []byte("\n")) {
		r.in = bufio.NewReaderSize(carriageReturns{in}, headBytes) // as the first Macs did
		head = bytes.ReplaceAll(head, []byte("\r"), []byte("\n"))
	}
	first, _, _ := bytes.Cut(head, []byte("\n"))
	switch said, found := bytes.CutPrefix(bytes.ToLower(bytes.TrimSpace(first)), []byte("sep=")); {
	case opt.Delimiter != "":
		if len(opt.Delimiter) > 1 {
			return nil, badOption("--delimiter must be an ASCII character, not %s.", quote(opt.Delimiter))
		}
		r.delimiter = opt.Delimiter[0]
	case opt.Format == TSV:
		r.delimiter = '\t'
	case found && len(said) == 1:
		r.delimiter = said[0]
	default:
		r.delimiter = delimiterOf(head)
	}
	if r.delimiter == 0 {
		return nil, unreadable("The input is neither NDJSON, JSON, XML nor a table with columns. It begins with %s. "+
			"If it is a table: remove lines above its header, and name an unusual delimiter with --delimiter.", quote(string(first)))
	}
	if len(first) > 2 && first[0] == '\'' && bytes.Contains(first, []byte{'\'', r.delimiter, '\''}) {
		r.quote = '\''
	}
	t := &table{in: r, delimiter: r.delimiter}
	for {
		cells, err := r.read()
		if err != nil {
			return nil, err
		}
		if r.tooLong || !isBlank(cells) && !r.isSep() {
			err := t.name(cells)
			return t, err
		}
	}
}

func (t *table) format() string {
	if t.delimiter == '\t' {
		return TSV
	}
	return CSV
}

// name makes cells the header.
func (t *table) name(cells []string) error {
	if t.in.tooLong {
		return unreadable("The header on line %d is longer than %d bytes.", t.in.begin, catalog.MaxLineBytes)
	}
	for _, cell := range cells {
		cell = strings.TrimSpace(cell)
		switch {
		case !utf8.ValidString(cell):
			return unreadable("The header on line %d is not valid UTF-8. Say which encoding the file is in, for example --encoding windows-1252.", t.in.begin)
		case cell != "" && slices.Contains(t.header, cell):
			t.twice = append(t.twice, cell)
			cell = t.numbered(cell)
		}
		t.header = append(t.header, cell)
	}
	return nil
}

// numbered returns a name for a further column that is called like an earlier one.
func (t *table) numbered(name string) string {
	for n := 2; ; n++ {
		if another := fmt.Sprintf("%s (%d)", name, n); !slices.Contains(t.header, another) {
			return another
		}
	}
}

func (t *table) next() (record, error) {
	for {
		cells, err := t.in.read()
		if err != nil {
			return record{}, err
		}
		if !isBlank(cells) || t.in.tooLong {
			return t.record(cells), nil
		}
	}
}

// record makes cells a record. It refuses those that do not fit the header.
func (t *table) record(cells []string) record {
	n := len(t.header)
	if t.values == nil {
		t.values = make([]value, n)
	}
	clear(t.values)
	if len(cells) > 0 {
		cells[0] = strings.TrimPrefix(cells[0], "\uFEFF") // somebody has joined files
	}
	rec := record{line: t.in.begin, raw: t.in.raw, names: t.header, values: t.values}
	switch {
	case t.in.tooLong:
		rec.reason = fmt.Sprintf("the line is longer than %d bytes", catalog.MaxLineBytes)
	case len(cells) > n && !isBlank(cells[n:]):
		rec.reason = fmt.Sprintf("the line has %s, but the header has %d; the first one too many is %s", plural.Of(len(cells), "column"), n, quote(cells[n]))
	case len(cells) < n && t.in.cut:
		rec.reason = fmt.Sprintf("the input ends within the line, which has %d of %s: is the file complete?", len(cells), plural.Of(n, "column"))
	case t.isHeader(cells):
		rec.reason = "the line repeats the header"
	}
	for i := range min(n, len(cells)) {
		if t.header[i] == "" && cells[i] != "" && rec.reason == "" {
			rec.reason = fmt.Sprintf("column %d has a value, %s, but no name in the header", i+1, quote(cells[i]))
		}
		if t.header[i] != RefusedColumn {
			rec.values[i].text = cells[i]
		}
	}
	return rec
}

// isHeader reports whether a line says what the header says.
func (t *table) isHeader(cells []string) bool {
	return slices.EqualFunc(cells, t.header, func(cell, name string) bool { return strings.TrimSpace(cell) == name })
}

func isBlank(cells []string) bool {
	for _, cell := range cells {
		if strings.TrimSpace(cell) != "" {
			return false
		}
	}
	return true
}

// carriageReturns reads lines that end with a carriage return alone.
type carriageReturns struct{ in io.Reader }

func (c carriageReturns) Read(p []byte) (int, error) {
	n, err := c.in.Read(p)
	for i := range p[:n] {
		if p[i] == '\r' {
			p[i] = '\n'
		}
	}
	return n, err
}

// delimiterOf returns the delimiter that splits the first lines best: into the most lines with as many columns as the header, and then into
// the most columns. It returns 0 if none splits the header.
func delimiterOf(head []byte) (best byte) {
	var most [2]int
	for _, c := range []byte{',', ';', '\t', '|'} {
		r := &rows{in: bufio.NewReader(bytes.NewReader(head)), delimiter: c, quote: '"'}
		header, err := r.read()
		if err != nil || len(header) < 2 {
			continue
		}
		score := [2]int{0, len(header)}
		for range sampled {
			cells, err := r.read()
			if err != nil {
				break
			}
			if len(cells) == score[1] {
				score[0]++
			}
		}
		if score[0] > most[0] || score[0] == most[0] && score[1] > most[1] {
			best, most = c, score
		}
	}
	return best
}

// rows splits text into rows of cells, in constant memory.
type rows struct {
	in               *bufio.Reader
	delimiter, quote byte

	// Of the last row: the line where it begins, its bytes, whether they are too many, and whether no end of the line follows.
	begin   int
	raw     []byte
	tooLong bool
	cut     bool

	lines int
	text  []byte
	ends  []int
	cells []string
}

// isSep reports whether the last row is Excel's line that names the delimiter.
func (r *rows) isSep() bool {
	row := bytes.TrimSpace(r.raw)
	return r.begin == 1 && len(row) <= len("sep=;") && bytes.HasPrefix(bytes.ToLower(row), []byte("sep="))
}

// read returns the cells of the next row, which stay valid. A quote that does not end within the longest row is an error.
func (r *rows) read() ([]string, error) {
	r.begin, r.raw, r.tooLong = r.lines+1, r.raw[:0], false
	r.text, r.ends = r.text[:0], r.ends[:0]
	inQuotes := false
	for {
		line, err := r.readLine()
		if len(line) == 0 && err != nil {
			switch {
			case inQuotes && errors.Is(err, io.EOF):
				return nil, r.neverEnds()
			case len(r.raw) > 0 && errors.Is(err, io.EOF):
				return r.row(), nil
			case errors.Is(err, io.EOF):
				return nil, io.EOF
			}
			return nil, broken(r.lines, err)
		}
		if r.tooLong {
			if inQuotes {
				return nil, r.neverEnds()
			}
			return nil, nil
		}
		if inQuotes = r.split(line, inQuotes); !inQuotes {
			return r.row(), nil
		}
	}
}

func (r *rows) neverEnds() error {
	return unreadable("A quote opens in column %d of line %d and does not end. Nothing from this line on was read.", len(r.ends)+1, r.begin)
}

// readLine reads a line with its end and adds it to raw. If that becomes too long, it skips the rest of the line.
func (r *rows) readLine() ([]byte, error) {
	start := len(r.raw)
	for {
		part, err := r.in.ReadSlice('\n')
		if r.tooLong = r.tooLong || len(r.raw)+len(part) > catalog.MaxLineBytes; !r.tooLong {
			r.raw = append(r.raw, part...)
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if len(r.raw) > start || r.tooLong {
			r.lines++
			r.cut = err != nil
			return r.raw[start:max(start, len(r.raw))], nil
		}
		return nil, err
	}
}

// split adds the cells of a line to the row. It returns whether the line ends within quotes.
func (r *rows) split(line []byte, inQuotes bool) bool {
	end := len(line)
	if end > 0 && line[end-1] == '\n' {
		end--
	}
	if end > 0 && line[end-1] == '\r' {
		end--
	}
	i := 0
	for {
		if !inQuotes && i < end && line[i] == r.quote {
			inQuotes = true
			i++
		}
		if inQuotes {
			var closed bool
			if i, closed = r.quotedCell(line, i, end); !closed {
				return true
			}
			inQuotes = false
		} else {
			n := bytes.IndexByte(line[i:end], r.delimiter)
			if n < 0 {
				n = end - i
			}
			r.text = append(r.text, line[i:i+n]...)
			i += n
		}
		r.ends = append(r.ends, len(r.text))
		if i >= end {
			return false
		}
		i++ // the delimiter
	}
}

// quotedCell adds the rest of a cell in quotes and returns where it ends. Only a quote before a delimiter or the end of the line ends it: others
// are text that somebody forgot to double.
func (r *rows) quotedCell(line []byte, i, end int) (after int, closed bool) {
	for {
		n := bytes.IndexByte(line[i:], r.quote)
		if n < 0 {
			r.text = append(r.text, line[i:]...)
			return end, false
		}
		r.text = append(r.text, line[i:i+n]...)
		i += n + 1
		switch {
		case i >= end || line[i] == r.delimiter:
			return i, true
		case line[i] == r.quote:
			i++
		}
		r.text = append(r.text, r.quote)
	}
}

// row returns the cells.
func (r *rows) row() []string {
	text, from := string(r.text), 0
	r.cells = make([]string, len(r.ends))
	for i, end := range r.ends {
		r.cells[i] = unwrapped(text[from:end])
		from = end
	}
	return r.cells
}

// unwrapped takes off what keeps Excel from making a number of digits: ="00123".
func unwrapped(cell string) string {
	inner, found := strings.CutPrefix(cell, `="`)
	if inner, closed := strings.CutSuffix(inner, `"`); found && closed && isDigits(inner) {
		return inner
	}
	return cell
}
