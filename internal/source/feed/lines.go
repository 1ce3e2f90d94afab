package feed

import (
	"errors"
	"io"

	"fullsync/internal/catalog"
)

// lines reads NDJSON.
type lines struct{ in *catalog.LineReader }

func newLines(in io.Reader) *lines { return &lines{catalog.NewLineReader(in)} }

func (l *lines) next() (record, error) {
	line, number, err := l.in.Next()
	var tooLong *catalog.LineTooLongError
	switch {
	case errors.As(err, &tooLong):
		return record{line: number, raw: tooLong.Beginning, reason: tooLong.Error()}, nil
	case err != nil && !errors.Is(err, io.EOF):
		return record{}, broken(number, err)
	}
	return record{line: number, raw: line}, err
}
