package catalog

import (
	"encoding/base64"
	"encoding/binary"
	"strings"
	"unicode/utf8"

	"fullsync/internal/fault"
)

const (
	// cursorVersion is the first byte of an encoded cursor.
	cursorVersion = 1
	// maxCursorPart is the longest part of a cursor, in bytes: a product id with a few bytes before it.
	maxCursorPart = 300
	// maxCursorText is the longest text of a valid cursor: three parts, each with a length of up to two bytes.
	maxCursorText = (1+3*(2+maxCursorPart))*4/3 + 1
)

// Cursor is the position in a source after the last committed batch. It is valid only for its source node and catalog.
type Cursor struct {
	NodeID  string
	Catalog string
	// After is the id of the last product read, or what else the source calls its position; empty at the beginning.
	After string
}

// String returns the cursor as opaque text for [ParseCursor]. Each part must be at most 300 bytes of valid UTF-8 without
// NUL, as node ids, catalog names and product ids are.
func (c Cursor) String() string {
	b := make([]byte, 0, 64)
	b = append(b, cursorVersion)
	for _, part := range [...]string{c.NodeID, c.Catalog, c.After} {
		b = binary.AppendUvarint(b, uint64(len(part)))
		b = append(b, part...)
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// ParseCursor reads the text that [Cursor.String] made. It returns an Invalid [fault.Error] for any other text, including
// "".
func ParseCursor(text string) (Cursor, error) {
	if len(text) > maxCursorText {
		return Cursor{}, errCursor()
	}
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(b) == 0 || b[0] != cursorVersion {
		return Cursor{}, errCursor()
	}
	var c Cursor
	b = b[1:]
	for _, part := range [...]*string{&c.NodeID, &c.Catalog, &c.After} {
		size, n := binary.Uvarint(b)
		if n <= 0 || size > maxCursorPart || int(size) > len(b)-n {
			return Cursor{}, errCursor()
		}
		*part, b = string(b[n:n+int(size)]), b[n+int(size):]
		if !utf8.ValidString(*part) || strings.IndexByte(*part, 0) >= 0 {
			return Cursor{}, errCursor()
		}
	}
	// Each position has exactly one text, so refuse left-over bytes and other spellings.
	if len(b) > 0 || c.String() != text {
		return Cursor{}, errCursor()
	}
	return c, nil
}

// Check returns a Conflict [fault.Error] unless c is a position in the named catalog of the source node.
func (c Cursor) Check(nodeID, catalog string) error {
	if c.NodeID == nodeID && c.Catalog == catalog {
		return nil
	}
	return fault.New(fault.Conflict, "CURSOR_MISMATCH", "Cursor belongs to another source",
		"The saved position belongs to catalog %q of node %q, but this sync reads catalog %q of node %q; start a new sync.",
		clip(c.Catalog), clip(c.NodeID), clip(catalog), clip(nodeID))
}

func errCursor() error {
	return fault.New(fault.Invalid, "INVALID_CURSOR", "Invalid cursor",
		"The saved position cannot be read; start a new sync from the beginning.")
}
