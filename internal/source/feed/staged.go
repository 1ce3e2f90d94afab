package feed

import (
	"errors"
	"io"

	"fullsync/internal/catalog"
	"fullsync/internal/fault"
	"fullsync/internal/staging"
)

// Records returns what is left to read, as records for a temporary file or a stream. seen, if not nil, is called with each of them first; an error of it ends
// the reading. An input that breaks in the middle is Impossible with [CodeBroken], and its cause says where. What seen gets in Raw is valid during the call.
func (r *Reader) Records(seen func(Item) error) staging.Records { return recordsOf{r, seen} }

// CodeBroken is the code of the fault that an input could not be read to its end.
const CodeBroken = "INPUT_BROKEN"

type recordsOf struct {
	from *Reader
	seen func(Item) error
}

// Next implements [staging.Records].
func (r recordsOf) Next() (catalog.Record, error) {
	item, err := r.from.Next()
	if err == nil && r.seen != nil {
		err = r.seen(item)
	}
	var said *fault.Error
	if err != nil && !errors.Is(err, io.EOF) && !errors.As(err, &said) {
		err = fault.New(fault.Impossible, CodeBroken, "Input broken", "The input could not be read any further after line %d.", r.from.line).Because(err)
	}
	return item.Record, err
}
