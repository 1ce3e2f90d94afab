package feed

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"math"

	"fullsync/internal/fault"
	"fullsync/internal/packing"
)

// A bomb is an input that unpacks to more than bombRatio times its size, once it is larger than bombBytes. Product data shrink to a tenth or a
// twentieth.
const (
	bombRatio = 300
	bombBytes = 64 << 20
)

// unpack returns the input unpacked, and what it was packed with.
func unpack(in io.Reader) (packed string, plain io.Reader, err error) {
	counted := &packing.Counter{In: in}
	from := bufio.NewReaderSize(counted, 64<<10)
	magic, err := from.Peek(4)
	if len(magic) == 0 && err != nil && !errors.Is(err, io.EOF) {
		return "", nil, broken(0, err)
	}
	switch {
	case bytes.HasPrefix(magic, []byte("\x1f\x8b")):
		packed = packing.Gzip
	case bytes.HasPrefix(magic, []byte("\x28\xb5\x2f\xfd")):
		packed = packing.Zstd
	case bytes.HasPrefix(magic, []byte("PK\x03\x04")):
		return "", nil, unreadable("The input is a ZIP archive or an Excel workbook. Unpack it, or save the sheet as CSV, and import that file.")
	case bytes.HasPrefix(magic, []byte("\xd0\xcf\x11\xe0")):
		return "", nil, unreadable("The input is an Excel workbook. Save the sheet as CSV, and import that file.")
	default:
		return "", from, nil
	}
	plain, _, err = new(packing.Decoders).Unpack(from, packed, math.MaxInt64) // one decoder for this input only: there is none to give back
	if err != nil {
		return "", nil, unreadable("The input begins as %s does, but cannot be unpacked: is the file complete?", packed)
	}
	return packed, &unpacked{in: plain, packed: packed, size: counted}, nil
}

// unpacked reads what was packed, and stops at a bomb.
type unpacked struct {
	in     io.Reader
	packed string
	size   *packing.Counter
	n      int64
}

func (u *unpacked) Read(p []byte) (int, error) {
	n, err := u.in.Read(p)
	if u.n += int64(n); u.n > bombBytes && u.n/bombRatio > u.size.N {
		return 0, unreadable("The input unpacks to more than %d times its size. Product data never do, so nothing more is read.", bombRatio)
	}
	var said *fault.Error
	switch {
	case err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return n, err
	case errors.As(err, &said): // trouble with where it comes from
		return n, err
	case packing.IsTooLarge(err):
		return n, unreadable("The input takes too much memory to unpack. Pack it with a smaller window, as zstd does without --long.")
	}
	return n, unreadable("The input cannot be unpacked any further (%s): it is damaged or not complete.", u.packed)
}
