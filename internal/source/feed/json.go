package feed

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"fullsync/internal/catalog"
)

// objects reads the records of JSON: the elements of arrays, or objects one after another. Around them may be other objects.
type objects struct {
	in scanner
	// to is the path from an outer object to its records.
	to path
	// open is how many outer objects are open.
	open    int
	inArray bool
	// begun says that what is open has had a member or element.
	begun bool
}

func newJSON(in *bufio.Reader, to path) *objects {
	return &objects{in: scanner{in: in, line: 1}, to: to}
}

// next returns the next record. Only the brackets, strings and commas around it are known to be right.
func (o *objects) next() (record, error) {
	for {
		c, err := o.in.peek()
		if err != nil {
			if errors.Is(err, io.EOF) && (o.open > 0 || o.inArray) {
				err = o.in.endsTooEarly(o.in.line)
			}
			return record{}, err
		}
		switch {
		case o.inArray:
			if more, err := o.more(c, ']'); err != nil {
				return record{}, err
			} else if !more {
				o.inArray = false
				continue
			}
			return o.record()
		case o.open > 0:
			rec, err := o.member(c)
			if err != nil || rec.raw != nil {
				return rec, err
			}
		case c == '[':
			o.in.skip()
			o.inArray, o.begun = true, false
		case c == '{' && len(o.to) > 0:
			o.in.skip()
			o.open, o.begun = 1, false
		case c == '{':
			return o.record()
		default:
			return record{}, o.in.unexpected(c, "an object or an array")
		}
	}
}

// more goes to the next member or element; false at the end of all.
func (o *objects) more(c, end byte) (bool, error) {
	if c == end {
		o.in.skip()
		o.begun = true // what is around it
		return false, nil
	}
	if o.begun {
		if c != ',' {
			return false, o.in.unexpected(c, "a comma or "+string(end))
		}
		o.in.skip()
		if c, err := o.in.peek(); err != nil || c == end { // a comma too many
			return o.more(c, end)
		}
	}
	o.begun = true
	return true, nil
}

// member goes through the next member of an outer object. It returns a record if the member is one.
func (o *objects) member(c byte) (record, error) {
	more, err := o.more(c, '}')
	if err != nil {
		return record{}, err
	}
	if !more {
		o.open--
		return record{}, nil
	}
	name, err := o.in.name()
	if err != nil {
		return record{}, err
	}
	c, err = o.in.peek()
	switch {
	case err != nil:
		return record{}, o.in.endsTooEarly(o.in.line)
	case name != o.to[o.open-1] && o.to[o.open-1] != everyMember:
		_, _, err := o.in.value(0)
		return record{}, err
	case o.open < len(o.to) && c == '{':
		o.in.skip()
		o.open++
		o.begun = false
		return record{}, nil
	case o.open == len(o.to) && c == '[':
		o.in.skip()
		o.inArray, o.begun = true, false
		return record{}, nil
	case o.open == len(o.to) && c == '{':
		return o.record()
	}
	_, _, err = o.in.value(0)
	return record{}, err
}

func (o *objects) record() (record, error) {
	if _, err := o.in.peek(); err != nil {
		return record{}, o.in.endsTooEarly(o.in.line)
	}
	line := o.in.line
	raw, whole, err := o.in.value(catalog.MaxLineBytes)
	if err != nil {
		return record{}, err
	}
	rec := record{line: line, raw: raw}
	if !whole {
		rec.reason = fmt.Sprintf("the product is longer than %d bytes", catalog.MaxLineBytes)
	}
	// The lists of GraphQL: {"edges": [{"node": {…}}]}.
	if inner, ok := within(raw, "node"); ok && whole && o.to != nil && o.to[len(o.to)-1] == "edges" {
		rec.raw = inner
	}
	return rec, nil
}

// scanner finds where JSON values begin and end, in constant memory. What is between is not checked.
type scanner struct {
	in   *bufio.Reader
	line int
	buf  []byte
}

// peek skips white space and returns the next byte without taking it.
func (s *scanner) peek() (byte, error) {
	for {
		c, err := s.in.ReadByte()
		if err != nil {
			return 0, err
		}
		switch c {
		case '\n':
			s.line++
		case ' ', '\t', '\r':
		default:
			return c, s.in.UnreadByte()
		}
	}
}

func (s *scanner) skip() { _, _ = s.in.Discard(1) }

// name reads the name of a member and its colon.
func (s *scanner) name() (string, error) {
	c, err := s.peek()
	if err != nil {
		return "", s.endsTooEarly(s.line)
	}
	if c != '"' {
		return "", s.unexpected(c, "a name in quotes")
	}
	raw, _, err := s.value(1 << 10)
	if err != nil {
		return "", err
	}
	name, _ := value{raw: bytes.Clone(raw)}.scalar()
	if c, err = s.peek(); err != nil {
		return "", s.endsTooEarly(s.line)
	}
	if c != ':' {
		return "", s.unexpected(c, "a colon")
	}
	s.skip()
	return name, nil
}

// value reads one value, of which it returns the first keep bytes, and whether that is all. It is valid until the next call.
func (s *scanner) value(keep int) (raw []byte, whole bool, err error) {
	s.buf = s.buf[:0]
	begin := s.line
	depth, size, quoted := 0, 0, false
	for {
		c, err := s.in.ReadByte()
		if errors.Is(err, io.EOF) && depth == 0 && !quoted && size > 0 {
			return s.buf, size <= keep, nil // a number, true, false or null
		}
		if err != nil {
			return nil, false, s.stopped(begin, err)
		}
		if depth == 0 && !quoted && (c == ',' || c == ']' || c == '}' || c <= ' ') {
			return s.buf, size <= keep, s.in.UnreadByte()
		}
		s.take(c, keep, &size)
		switch {
		case c == '\n':
			s.line++
		case quoted && c == '\\':
			if c, err = s.in.ReadByte(); err != nil {
				return nil, false, s.stopped(begin, err)
			}
			s.take(c, keep, &size)
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			depth--
		}
		if depth == 0 && !quoted && (c == '"' || c == '}' || c == ']') {
			return s.buf, size <= keep, nil
		}
	}
}

func (s *scanner) take(c byte, keep int, size *int) {
	if *size++; *size <= keep {
		s.buf = append(s.buf, c)
	}
}

func (s *scanner) stopped(begin int, err error) error {
	if errors.Is(err, io.EOF) {
		return s.endsTooEarly(begin)
	}
	return err
}

func (s *scanner) endsTooEarly(line int) error {
	return unreadable("The input ends in the middle of what begins on line %d: is the file complete?", line)
}

func (s *scanner) unexpected(c byte, wanted string) error {
	return unreadable("The JSON is broken on line %d: there should be %s, not %s. Nothing after it was read.", s.line, wanted, quote(string(rune(c))))
}
