package staging

import (
	"encoding/binary"
	"errors"
	"fmt"
	"unicode/utf8"

	"fullsync/internal/catalog"
)

// Records reads a feed record by record.
type Records interface {
	// Next returns the next record, or io.EOF at the end. A record stays valid.
	Next() (catalog.Record, error)
}

// maxID is the longest id of a product, in bytes.
const maxID = 255

// refusal is the reject of a record with its line. An id that no product can have is left out.
func refusal(r *catalog.Record) catalog.Reject {
	reject := catalog.Reject{ID: r.Reject.ID, Reason: fmt.Sprintf("%s (line %d)", r.Reject.Reason, r.Line)}
	if len(reject.ID) > maxID || !utf8.ValidString(reject.ID) {
		reject.ID = ""
	}
	return reject
}

// appendBody appends everything of a product but its id.
func appendBody(dst []byte, p *catalog.Product) []byte {
	active := byte(0)
	if p.Active {
		active = 1
	}
	dst = append(dst, active)
	for _, text := range []string{p.SKU, p.Name, p.Price, p.Currency, p.Attributes, p.Hash} {
		dst = binary.AppendUvarint(dst, uint64(len(text)))
		dst = append(dst, text...)
	}
	return dst
}

// errDamaged says that a staged file is not as it was written.
var errDamaged = errors.New("the temporary file is damaged")

// errEnough ends the reading of rows.
var errEnough = errors.New("enough")

// parseBody is the opposite of appendBody.
func parseBody(id, body string) (p catalog.Product, err error) {
	if body == "" {
		return p, errDamaged
	}
	p.ID, p.Active = id, body[0] == 1
	body = body[1:]
	for _, into := range []*string{&p.SKU, &p.Name, &p.Price, &p.Currency, &p.Attributes, &p.Hash} {
		n, width := uvarint(body)
		if width <= 0 || n > uint64(len(body)-width) { //nolint:gosec // a length
			return p, errDamaged
		}
		*into, body = body[width:width+int(n)], body[width+int(n):] //nolint:gosec // at most the length
	}
	return p, nil
}

// uvarint reads a length of at most 21 bits, which is more than a product has.
func uvarint(text string) (n uint64, width int) {
	for width < min(len(text), 4) {
		c := text[width]
		n |= uint64(c&0x7f) << (7 * width)
		if width++; c < 0x80 {
			return n, width
		}
	}
	return 0, 0
}
