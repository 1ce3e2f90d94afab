// Package packing unpacks what comes compressed, over HTTP or in a file, within bounds: whoever sends it is not trusted.
package packing

import (
	"errors"
	"io"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// The content codings.
const (
	Zstd     = "zstd"
	Gzip     = "gzip"
	Identity = "identity"
)

// maxWindow is the largest zstd window that HTTP allows (RFC 9659), in bytes.
const maxWindow = 8 << 20

// ErrTooLarge means that a body unpacks to more than it may.
var ErrTooLarge = errors.New("the body is too large once it is unpacked")

// IsTooLarge reports whether err says that a body is too large, or takes too much memory to unpack.
func IsTooLarge(err error) bool {
	return errors.Is(err, ErrTooLarge) || errors.Is(err, zstd.ErrWindowSizeExceeded) || errors.Is(err, zstd.ErrDecoderSizeExceeded)
}

// ErrUnknown means that a body has another coding than those above.
var ErrUnknown = errors.New("the body has an unknown content coding")

// Known says whether a body with that Content-Encoding, "" for none, can be unpacked.
func Known(coding string) bool {
	return coding == "" || coding == Identity || coding == Gzip || coding == Zstd
}

// Decoders unpacks bodies. It keeps its zstd decoders for later ones, because making one costs more than unpacking a body. It is safe for
// concurrent use, and its zero value is ready.
type Decoders struct {
	mu     sync.Mutex
	idle   []*zstd.Decoder
	closed bool
}

// Unpack returns the body with that Content-Encoding unpacked. Reading more than limit bytes is an error for [IsTooLarge]. The caller must call
// done, once, when it has read what it wants. It returns ErrUnknown for an unknown coding.
func (d *Decoders) Unpack(body io.Reader, coding string, limit int64) (plain io.Reader, done func(), err error) {
	done = func() {}
	switch coding {
	case "", Identity:
		plain = body
	case Gzip:
		z, err := gzip.NewReader(body)
		if err != nil {
			return nil, nil, err
		}
		plain = z
	case Zstd:
		z, err := d.acquire()
		if err != nil {
			return nil, nil, err
		}
		done = func() { d.release(z) }
		if err := z.Reset(body); err != nil {
			done()
			return nil, nil, err
		}
		plain = z
	default:
		return nil, nil, ErrUnknown
	}
	return &bounded{in: plain, left: limit}, done, nil
}

func (d *Decoders) acquire() (*zstd.Decoder, error) {
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

func (d *Decoders) release(z *zstd.Decoder) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		z.Close()
		return
	}
	d.idle = append(d.idle, z)
}

// Close ends idle decoders at once, and the others when they are given back.
func (d *Decoders) Close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	for _, z := range d.idle {
		z.Close()
	}
	d.idle = nil
}

// Counter counts the bytes that are read through it, for instance before they are unpacked.
type Counter struct {
	In io.Reader
	N  int64
}

// Read reads the next bytes.
func (c *Counter) Read(p []byte) (int, error) {
	n, err := c.In.Read(p)
	c.N += int64(n)
	return n, err
}

// bounded reads at most left bytes and then returns ErrTooLarge. Unlike io.LimitedReader it does not make the limit look
// like the end.
type bounded struct {
	in   io.Reader
	left int64
}

// Read reads the next bytes.
func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.in.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, ErrTooLarge
	}
	return n, err
}
