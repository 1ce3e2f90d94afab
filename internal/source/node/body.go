package node

import (
	"errors"
	"io"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"fullsync/internal/catalog"
)

const (
	// maxPageBytes bounds the decompressed lines of a page: as much as a node may send before it ends a page, one more
	// product, and the wrappers of the lines.
	maxPageBytes = catalog.MaxBatchBytes + catalog.MaxLineBytes + 1<<20
	// maxSkippedBytes bounds what else a page holds: lines that are too long for a product, and so skipped.
	maxSkippedBytes = 64 << 20
	// maxWindow is the largest zstd window that HTTP allows (RFC 9659), in bytes.
	maxWindow = 8 << 20
)

// errPageTooLarge is a page that decompresses to more than a node may send.
var errPageTooLarge = errors.New("the page is too large")

// codingError is a body with a compression that we did not ask for.
type codingError struct{}

// Error says so.
func (*codingError) Error() string { return "the body has an encoding that we did not ask for" }

// unpack returns the decompressed body of a, bounded by maxPageBytes and maxSkippedBytes. The caller must call done when it
// has read what it wants.
func (s *Source) unpack(a *answer) (body io.Reader, done func(), err error) {
	coding := a.header.Get("Content-Encoding")
	if coding != "" && coding != notEncoded && s.encodings == notEncoded {
		return nil, nil, &codingError{}
	}
	var plain io.Reader
	done = func() {}
	switch coding {
	case "", notEncoded:
		plain = a.body
	case "gzip":
		z, err := gzip.NewReader(a.body)
		if err != nil {
			return nil, nil, err
		}
		plain = z
	case "zstd":
		z, err := s.decoders.acquire()
		if err != nil {
			return nil, nil, err
		}
		done = func() { s.decoders.release(z) }
		if err := z.Reset(a.body); err != nil {
			done()
			return nil, nil, err
		}
		plain = z
	default:
		return nil, nil, &codingError{}
	}
	return &bounded{in: plain, left: maxPageBytes + maxSkippedBytes}, done, nil
}

// decoders keeps decoders for later pages, because making one costs more than unpacking a page. It is safe for concurrent use.
type decoders struct {
	mu     sync.Mutex
	idle   []*zstd.Decoder
	closed bool
}

func (d *decoders) acquire() (*zstd.Decoder, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if last := len(d.idle) - 1; last >= 0 {
		z := d.idle[last]
		d.idle = d.idle[:last]
		return z, nil
	}
	return zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxMemory(maxWindow), zstd.WithDecoderMaxWindow(maxWindow))
}

func (d *decoders) release(z *zstd.Decoder) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		z.Close()
		return
	}
	d.idle = append(d.idle, z)
}

// close ends idle decoders at once, and the others when they are given back.
func (d *decoders) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	for _, z := range d.idle {
		z.Close()
	}
	d.idle = nil
}

// isTooLarge reports whether err says that a page is too large, or takes too much memory to unpack.
func isTooLarge(err error) bool {
	return errors.Is(err, errPageTooLarge) || errors.Is(err, zstd.ErrWindowSizeExceeded) ||
		errors.Is(err, zstd.ErrDecoderSizeExceeded)
}

// bounded reads at most left bytes and then returns errPageTooLarge. Unlike io.LimitedReader it does not make the limit look
// like the end.
type bounded struct {
	in   io.Reader
	left int64
}

// Read reads the next bytes.
func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.in.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, errPageTooLarge
	}
	return n, err
}
