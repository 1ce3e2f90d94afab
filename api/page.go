package api

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/labstack/echo/v4"

	"fullsync/internal/packing"
)

const (
	// ndjson is the content type of pages: one JSON value per line.
	ndjson = "application/x-ndjson"
	// pageBuffer is how many bytes of a page are gathered before anything is sent. Until then a failure can still
	// become a proper error.
	pageBuffer = 64 << 10
)

// errPageFull ends the reading when the page has what it takes; the line it refuses proves that there is more.
var errPageFull = errors.New("page is full")

// page writes one NDJSON page in constant memory.
type page struct {
	encoders *encoders
	w        http.ResponseWriter
	encoding string
	limit    int
	maxBytes int

	out     *bufio.Writer
	encoder io.WriteCloser // nil until something is sent
	line    []byte

	count, bytes int
	last         string
	more         bool
}

// page begins a page of at most limit lines and about maxBytes; nothing is sent yet.
func (e *encoders) page(w http.ResponseWriter, acceptEncoding string, limit, maxBytes int) *page {
	p := &page{encoders: e, w: w, encoding: negotiate(acceptEncoding), limit: limit, maxBytes: maxBytes}
	p.out = bufio.NewWriterSize(writerFunc(p.send), pageBuffer)
	return p
}

// add writes the line that render appends for id. It returns errPageFull, and writes nothing, when the page has
// enough.
func (p *page) add(id string, render func(line []byte) []byte) error {
	if p.count == p.limit || p.bytes >= p.maxBytes {
		p.more = true
		return errPageFull
	}
	p.line = append(render(p.line[:0]), '\n')
	p.count++
	p.bytes += len(p.line)
	p.last = id
	_, err := p.out.Write(p.line)
	return err
}

// end finishes the page after the reading ended with failure, nil or errPageFull when all is well. total says how many
// products the catalog has; see [page.finish].
func (p *page) end(failure error, total func() (int64, error)) error {
	return p.finish(failure, func(line []byte) ([]byte, error) {
		products, err := total()
		return fmt.Appendf(line, `"count":%d,"next":%s,"total":%d`, p.count, p.next(), products), err
	})
}

// next is how to go on behind the page, in JSON.
func (p *page) next() string {
	if p.more {
		return string(quoted(nil, p.last))
	}
	return "null"
}

// finish ends the page with the members that render appends to its last line, after the reading ended with failure, nil or
// errPageFull when all is well. A page that failed in the middle ends without its last line, and its connection is cut:
// so the reader knows. It returns an error only while nothing has been sent, so that it can still be answered.
func (p *page) finish(failure error, render func(line []byte) ([]byte, error)) error {
	var line []byte
	if failure == nil || errors.Is(failure, errPageFull) {
		line, failure = render([]byte(`{"end":{`))
	}
	if failure != nil {
		if p.encoder == nil {
			return failure
		}
		panic(http.ErrAbortHandler)
	}
	_, err := p.out.Write(append(line, "}}\n"...))
	if err == nil {
		err = p.out.Flush()
	}
	if err == nil {
		err = p.encoder.Close()
	}
	if err != nil {
		// The reader has gone or is too slow.
		panic(http.ErrAbortHandler)
	}
	p.encoders.release(p.encoder)
	return nil
}

// send passes what was gathered on, and the header before the first of it.
func (p *page) send(b []byte) (int, error) {
	if p.encoder == nil {
		h := p.w.Header()
		h.Set(echo.HeaderContentType, ndjson)
		h.Set(echo.HeaderVary, echo.HeaderAcceptEncoding)
		if p.encoding != packing.Identity {
			h.Set(echo.HeaderContentEncoding, p.encoding)
		}
		p.encoder = p.encoders.acquire(p.encoding, p.w)
	}
	return p.encoder.Write(b)
}

// writerFunc is a function as an [io.Writer].
type writerFunc func(p []byte) (int, error)

// Write calls f.
func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
