package node

import (
	"errors"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"fullsync/internal/catalog"
)

const (
	// maxPageBytes bounds the lines of a page after decompressing: what a node sends at most before it ends a page, one
	// more product, and the wrappers of the lines.
	maxPageBytes = catalog.MaxBatchBytes + catalog.MaxLineBytes + 1<<20
	// maxSkippedBytes bounds what a page holds besides: lines that are too long for a product and are skipped.
	maxSkippedBytes = 64 << 20
	// maxWindow is the largest zstd window that HTTP allows (RFC 9659), in bytes.
	maxWindow = 8 << 20
)

// errPageTooLarge is a page that decompresses to more than a node may send.
var errPageTooLarge = errors.New("the page is larger than a page may be")

// codingError is a body compressed in a way that was not asked for.
type codingError struct{}

// Error says so.
func (*codingError) Error() string { return "the body has an encoding that was not asked for" }

// unpack returns the body of a decompressed, bounded by maxPageBytes and maxSkippedBytes.
func (s *Source) unpack(a *answer) (io.Reader, error) {
	coding := a.header.Get("Content-Encoding")
	if coding != "" && coding != notEncoded && s.encodings == notEncoded {
		return nil, &codingError{}
	}
	var plain io.Reader
	switch coding {
	case "", notEncoded:
		plain = a.body
	case "gzip":
		z, err := gzip.NewReader(a.body)
		if err != nil {
			return nil, err
		}
		plain = z
	case "zstd":
		if err := s.resetZstd(a.body); err != nil {
			return nil, err
		}
		plain = s.zstd
	default:
		return nil, &codingError{}
	}
	return &bounded{in: plain, left: maxPageBytes + maxSkippedBytes}, nil
}

// resetZstd points the decoder, which is costly to make and made once, at in.
func (s *Source) resetZstd(in io.Reader) error {
	if s.zstd == nil {
		var err error
		s.zstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxMemory(maxWindow), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return err
		}
	}
	return s.zstd.Reset(in)
}

// isTooLarge reports whether err says that a page is larger than allowed, in itself or in what it takes to unpack it.
func isTooLarge(err error) bool {
	return errors.Is(err, errPageTooLarge) || errors.Is(err, zstd.ErrWindowSizeExceeded) ||
		errors.Is(err, zstd.ErrDecoderSizeExceeded)
}

// bounded reads at most left bytes; more is errPageTooLarge. Unlike io.LimitedReader it does not pass the limit off
// as the end.
type bounded struct {
	in   io.Reader
	left int64
}

// Read reads on.
func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.in.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, errPageTooLarge
	}
	return n, err
}
