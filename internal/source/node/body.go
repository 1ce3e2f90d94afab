package node

import (
	"errors"
	"io"

	"fullsync/internal/catalog"
	"fullsync/internal/packing"
)

// maxSkippedBytes bounds what a page holds besides its products: lines that are too long for a product, and so skipped.
const maxSkippedBytes = 64 << 20

// codingError is a body with a compression that we did not ask for.
type codingError struct{}

// Error says so.
func (*codingError) Error() string { return "the body has an encoding that we did not ask for" }

// unpack returns the decompressed body of a, bounded by [catalog.MaxPageBytes] and maxSkippedBytes. The caller must call done when it
// has read what it wants.
func (s *Source) unpack(a *answer) (body io.Reader, done func(), err error) {
	coding := a.header.Get("Content-Encoding")
	if coding != "" && coding != packing.Identity && s.encodings == packing.Identity {
		return nil, nil, &codingError{}
	}
	body, done, err = s.decoders.Unpack(a.body, coding, catalog.MaxPageBytes+maxSkippedBytes)
	if errors.Is(err, packing.ErrUnknown) {
		err = &codingError{}
	}
	return body, done, err
}
