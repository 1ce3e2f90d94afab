package catalog

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
)

// lineBuffer is what a [LineReader] reads at once, in bytes.
const lineBuffer = 64 << 10

// LineReader reads NDJSON line by line. It holds at most one line, whatever the size of the input.
type LineReader struct {
	in     *bufio.Reader
	long   []byte // a line that did not fit the buffer of in
	number int
	err    error // what ended the input
}

// NewLineReader returns a reader of the lines of r.
func NewLineReader(r io.Reader) *LineReader {
	return &LineReader{in: bufio.NewReaderSize(r, lineBuffer)}
}

// LineTooLongError is a line over [MaxLineBytes]. The reader has skipped it and can go on.
type LineTooLongError struct {
	// Number is the line's number, from 1.
	Number int
	// Beginning is a copy of the first bytes of the line, enough for an id that stands first.
	Beginning []byte
}

// lineBeginning is how many bytes of a line that is too long are kept: room for an id whose every byte is an escape.
const lineBeginning = 2 << 10

// Error says how long a line may be.
func (e *LineTooLongError) Error() string {
	return fmt.Sprintf("the line is longer than %d bytes", MaxLineBytes)
}

// Next returns the next line that is not blank, without its line end, and its number; blank lines are counted, and a
// byte order mark before the first line is dropped. The line is valid until the next call.
//
// It returns a [*LineTooLongError] for a line over [MaxLineBytes], after which Next goes on behind it; io.EOF at the
// end; and an error of the underlying reader as it is, then and ever after. No part of a line that was cut by such an
// error is returned.
func (l *LineReader) Next() (line []byte, number int, err error) {
	for {
		line, tooLong, err := l.read()
		if err != nil {
			return nil, l.number, err
		}
		l.number++
		if l.number == 1 {
			line = bytes.TrimPrefix(line, []byte("\uFEFF"))
		}
		line = bytes.TrimSuffix(line, []byte("\r"))
		if tooLong || len(line) > MaxLineBytes {
			return nil, l.number, &LineTooLongError{Number: l.number, Beginning: bytes.Clone(line[:min(len(line), lineBeginning)])}
		}
		if len(bytes.Trim(line, " \t\r")) > 0 {
			return line, l.number, nil
		}
	}
}

// read returns the next line as it came, without its newline. Of a line that is too long it returns a part.
func (l *LineReader) read() (line []byte, tooLong bool, err error) {
	if cap(l.long) > 4*lineBuffer {
		l.long = nil // a rare long line shall not be paid for in memory from then on
	}
	l.long = l.long[:0]
	for l.err == nil {
		var part []byte
		part, l.err = l.in.ReadSlice('\n')
		if l.err == nil {
			part = part[:len(part)-1]
			if len(l.long) == 0 && !tooLong {
				return part, false, nil
			}
		}
		// Room for a byte order mark and a carriage return, which do not count.
		if tooLong = tooLong || len(l.long)+len(part) > MaxLineBytes+4; !tooLong {
			l.long = append(l.long, part...)
		}
		switch {
		case l.err == nil:
			return l.long, tooLong, nil
		case l.err == bufio.ErrBufferFull:
			l.err = nil
		case l.err == io.EOF && (len(l.long) > 0 || tooLong):
			return l.long, tooLong, nil // the last line has no newline; the end comes with the next call
		}
	}
	return nil, false, l.err
}
