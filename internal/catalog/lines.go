package catalog

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
)

// lineBuffer is how many bytes a [LineReader] reads at a time.
const lineBuffer = 64 << 10

// LineReader reads NDJSON line by line. It holds at most one line in memory, however large the input is.
type LineReader struct {
	in     *bufio.Reader
	long   []byte // a line that did not fit into in's buffer
	number int
	err    error // what ended the input
}

// NewLineReader returns a reader for the lines of r.
func NewLineReader(r io.Reader) *LineReader {
	return &LineReader{in: bufio.NewReaderSize(r, lineBuffer)}
}

// LineTooLongError is the error for a line over [MaxLineBytes]. The reader has skipped the line and can go on.
type LineTooLongError struct {
	// Number is the line number, from 1.
	Number int
	// Beginning is a copy of the line's first bytes, enough for an id that comes first.
	Beginning []byte
}

// lineBeginning is how many bytes of a too long line are kept: room for an id of nothing but escapes.
const lineBeginning = 2 << 10

// Error says how long a line may be.
func (e *LineTooLongError) Error() string {
	return fmt.Sprintf("the line is longer than %d bytes", MaxLineBytes)
}

// Next returns the next line that is not blank, without its line ending, and its number. Blank lines count, and a byte
// order mark before the first line is dropped. The line is valid until the next call.
//
// It returns a [*LineTooLongError] for a line over [MaxLineBytes], and continues after that line at the next call. It
// returns io.EOF at the end. An error of the underlying reader is returned as it is, now and at every later call, without
// the part of a line before it.
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

// read returns the next raw line without its newline, and only part of a line that is too long.
func (l *LineReader) read() (line []byte, tooLong bool, err error) {
	if cap(l.long) > 4*lineBuffer {
		l.long = nil // so that a rare long line does not use memory for ever
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
		// Leave room for a byte order mark and a carriage return, which do not count.
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
