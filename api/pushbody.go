package api

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"

	"github.com/go-json-experiment/json"

	"fullsync/internal/catalog"
	"fullsync/internal/packing"
)

// linesBody is the body of a request with lines, decompressed as it is read.
type linesBody struct {
	io.Reader
	wire *packing.Counter
	done func()
}

// Close gives the decoder back.
func (b *linesBody) Close() error {
	b.done()
	return nil
}

// decoders are those of the bodies of all requests.
var decoders packing.Decoders

// unpackLines returns a body of lines decompressed, of a coding that [packing.Known] knows.
func unpackLines(body io.Reader, coding string) (*linesBody, error) {
	wire := &packing.Counter{In: body}
	plain, done, err := decoders.Unpack(wire, coding, 2*catalog.MaxPageBytes)
	if err != nil {
		return nil, wrongBody("is not compressed as it says")
	}
	return &linesBody{Reader: plain, wire: wire, done: sync.OnceFunc(done)}, nil
}

// readBatch reads the lines of a batch to their end. A product that is refused is a reject of the batch.
func readBatch(body io.Reader) (batch catalog.Batch, err error) {
	lines := catalog.NewLineReader(body)
	for count, size, last := 0, 0, ""; ; count++ {
		line, number, err := lines.Next()
		if err != nil {
			return batch, unreadableBatch(err)
		}
		if size += len(line); size > catalog.MaxPageBytes {
			return batch, bodyTooLarge(catalog.MaxPageBytes)
		}
		l, err := parseBatchLine(line)
		switch {
		case err != nil:
			return batch, wrongBody(fmt.Sprintf("has a line that does not belong in a batch: line %d", number))
		case l.end != nil && *l.end != count:
			return batch, wrongBody(fmt.Sprintf("has %d lines, and its end line says %d", count, *l.end))
		case l.end != nil:
			if _, _, err := lines.Next(); !errors.Is(err, io.EOF) {
				return batch, wrongBody("goes on behind its end line")
			}
			return batch, nil
		case count == catalog.MaxBatchProducts:
			return batch, wrongBody(fmt.Sprintf("has more than %d lines", catalog.MaxBatchProducts))
		case l.reject != nil:
			batch.Rejects = append(batch.Rejects, *l.reject)
			continue
		}
		id := l.delete
		if id == "" {
			id = l.product.ID
			batch.Products = append(batch.Products, l.product)
		} else {
			batch.Deletes = append(batch.Deletes, id)
		}
		if id <= last {
			return batch, wrongBody("must have its products in ascending order, each once")
		}
		last = id
	}
}

// unreadableBatch is the error for a body that could not be read to its end line.
func unreadableBatch(err error) error {
	var tooLarge *http.MaxBytesError
	var long *catalog.LineTooLongError
	switch {
	case errors.As(err, &tooLarge):
		return err
	case errors.As(err, &long):
		return wrongBody(fmt.Sprintf("has a line that is longer than %d bytes", catalog.MaxLineBytes))
	default:
		return wrongBody("ends before its end line")
	}
}

// batchLine is one line of a batch: exactly one of them.
type batchLine struct {
	product catalog.Product
	reject  *catalog.Reject
	delete  string
	end     *int
}

// parseBatchLine reads a line of a batch. It returns [catalog.ErrNoLine] for anything else.
func parseBatchLine(line []byte) (batchLine, error) {
	l, err := catalog.ParseLine(line)
	switch {
	case err != nil:
		return batchLine{}, err
	case l.Name == "":
		return batchLine{product: l.Product, reject: l.Reject}, nil
	case l.Name == "delete":
		var id string
		if json.Unmarshal(l.Value, &id) == nil && catalog.IsID(id) {
			return batchLine{delete: id}, nil
		}
	case l.Name == "end":
		var end struct {
			Count *int `json:"count"`
		}
		if json.Unmarshal(l.Value, &end) == nil && end.Count != nil {
			return batchLine{end: end.Count}, nil
		}
	}
	return batchLine{}, catalog.ErrNoLine
}
