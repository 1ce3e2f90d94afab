package feed

import "fullsync/internal/staging"

// Records returns what is left to read, as records for a temporary file or a stream. seen, if not nil, is called with each of them first; an error of it ends
// the reading. What seen gets in Raw is valid during the call.
func (r *Reader) Records(seen func(Item) error) staging.Records { return recordsOf{r, seen} }

type recordsOf struct {
	from *Reader
	seen func(Item) error
}

// Next implements [staging.Records].
func (r recordsOf) Next() (staging.Record, error) {
	item, err := r.from.Next()
	if err == nil && r.seen != nil {
		err = r.seen(item)
	}
	return staging.Record{Product: item.Product, Reject: item.Reject, Line: item.Line}, err
}
