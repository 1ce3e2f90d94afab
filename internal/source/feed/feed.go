// Package feed reads products from what other systems export: NDJSON, JSON, CSV and XML, packed or not, in any encoding. It finds out what the
// input is, says so before anything is imported, and then yields products and refusals one by one in constant memory. It never guesses what a
// price means. It knows no database, no HTTP and no command line, although its sentences name options as the command line writes them.
package feed

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"fullsync/internal/catalog"
	"fullsync/internal/fault"
)

// Item is one product or refusal, and where it came from.
type Item struct {
	catalog.Record
	// Raw is the record as it came. It is valid until the next call.
	Raw []byte
}

// Reader reads the products of one input.
type Reader struct {
	found  Found
	source records
	mapper *mapper
	// sample has the first items until they are read.
	sample []Item
	end    error
	line   int
}

// Open finds out what the input is. If in has a problem that concerns everything, such as a missing column, the error is a [fault.Error] that
// says what to do. An input without any record is one too (code FEED_EMPTY).
func Open(in io.Reader, opt Options) (*Reader, error) {
	if err := opt.Check(); err != nil {
		return nil, err
	}
	r := &Reader{}
	packed, plain, err := unpack(in)
	if err != nil {
		return nil, err
	}
	encoding, text, err := decode(plain, opt.Encoding)
	if err != nil {
		return nil, err
	}
	r.found = Found{Packed: packed, Encoding: encoding}
	if err := r.open(text, opt); err != nil {
		return nil, err
	}
	return r, nil
}

// headBytes is how much of the input decides what it is.
const headBytes = 256 << 10

// open chooses the reader for the format, the shape of the records, and where in them the fields are.
func (r *Reader) open(text *bufio.Reader, opt Options) error {
	head, err := text.Peek(headBytes)
	if len(head) == 0 && err != nil && !errors.Is(err, io.EOF) {
		return broken(0, err)
	}
	head = bytes.TrimLeft(head, " \t\r\n\f")
	if len(head) == 0 {
		return errEmpty()
	}
	format, path, err := sniff(head, opt)
	if err != nil {
		return err
	}
	r.found.Format, r.found.List = format, path.String()
	var columns, twice []string
	switch format {
	case NDJSON:
		r.source = newLines(text)
	case JSON:
		r.source = newJSON(text, path)
	case XML:
		r.source = newXML(text)
	default:
		table, err := newTable(text, head, opt)
		if err != nil {
			return err
		}
		r.source, columns, twice = table, table.header, table.twice
		r.found.Delimiter, r.found.Format = string(table.delimiter), table.format()
	}
	first, err := r.lookAhead()
	if err != nil {
		return err
	}
	if columns == nil {
		columns = membersOf(first)
	}
	r.found.Columns = columns
	form, err := chooseShape(r.found.Format, columns, first, opt)
	if err != nil {
		return err
	}
	r.found.Preset = form.preset
	if form.parts != nil {
		r.source = newGroups(r.source, form.parts)
	}
	if r.mapper, err = bind(form, &r.found, first, opt); err != nil {
		return err
	}
	return r.mapper.certain(twice)
}

// sampled is how many records decide about the shape of the input.
const sampled = 10

// lookAhead returns the first records, and puts them back.
func (r *Reader) lookAhead() ([]record, error) {
	again := &replay{then: r.source}
	for len(again.first) < sampled {
		rec, err := r.source.next()
		if err != nil {
			switch {
			case len(again.first) > 0:
			case errors.Is(err, io.EOF):
				return nil, errEmpty()
			default:
				return nil, broken(0, err)
			}
			again.err = err
			break
		}
		again.first = append(again.first, rec.clone())
	}
	r.source = again
	return again.first, nil
}

// replay yields records that were read before, then the error that ended them, if any, then the others.
type replay struct {
	first []record
	err   error
	then  records
	at    int
}

func (r *replay) next() (record, error) {
	if r.at < len(r.first) {
		r.at++
		return r.first[r.at-1], nil
	}
	if r.err != nil {
		return record{}, r.err
	}
	return r.then.next()
}

// Found says what the input is.
func (r *Reader) Found() Found { return r.found }

// Sample returns up to n of the first items; Next returns them again. Call it before Next.
func (r *Reader) Sample(n int) []Item {
	var sample []Item
	for len(sample) < n {
		item, err := r.Next()
		if err != nil {
			break
		}
		item.Raw = bytes.Clone(item.Raw)
		sample = append(sample, item)
	}
	r.sample = sample
	return sample
}

// Next returns the next product or refusal, or io.EOF at the end. Other errors say at which line reading stopped, and stay.
func (r *Reader) Next() (Item, error) {
	if len(r.sample) > 0 {
		item := r.sample[0]
		r.sample = r.sample[1:]
		return item, nil
	}
	if r.end != nil {
		return Item{}, r.end
	}
	rec, err := r.source.next()
	if err != nil {
		r.end = err
		if !errors.Is(err, io.EOF) {
			r.end = broken(r.line, err)
		}
		return Item{}, r.end
	}
	r.line = rec.line
	return r.mapper.item(rec), nil
}

func errEmpty() error {
	return fault.New(fault.Impossible, "FEED_EMPTY", "Empty input", "The input holds no products.")
}

// broken returns the error for an input that cannot be read any further after a line.
func broken(after int, err error) error {
	var said *fault.Error
	if errors.As(err, &said) {
		return err
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return unreadable("The input ends too early, after line %d: is the file complete?", after)
	}
	return fmt.Errorf("reading stopped after line %d: %w", after, err)
}

// unreadable returns the error for an input that is not what it should be.
func unreadable(message string, args ...any) error {
	return fault.New(fault.Impossible, "FEED_UNREADABLE", "Input not understood", message, args...)
}
