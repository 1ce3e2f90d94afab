package catalog

import (
	"crypto/sha256"
	"encoding"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"hash"

	"fullsync/internal/fault"
)

// Certificate identifies the content of a whole catalog: two catalogs with the same certificate hold the same products. It
// is the SHA-256 over one line per product, ascending by id: the id, a tab, the content hash and a line feed. The zero
// value is not usable; see [NewCertificate].
type Certificate struct {
	sum   hash.Hash
	count int64
	line  []byte
}

// NewCertificate returns the certificate of an empty catalog.
func NewCertificate() *Certificate { return &Certificate{sum: sha256.New()} }

// Add adds the next product.
func (c *Certificate) Add(id, hash string) {
	c.line = append(append(append(append(c.line[:0], id...), '\t'), hash...), '\n')
	c.sum.Write(c.line) // never fails
	c.count++
}

// Count returns how many products were added.
func (c *Certificate) Count() int64 { return c.count }

// String returns the SHA-256 so far as 64 hexadecimal digits.
func (c *Certificate) String() string { return hex.EncodeToString(c.sum.Sum(nil)) }

// State returns an opaque text for [ResumeCertificate], which continues from it, even in another process.
func (c *Certificate) State() string {
	state, err := c.sum.(encoding.BinaryMarshaler).MarshalBinary()
	if err != nil {
		panic(err) // SHA-256 always has a state
	}
	return base64.RawURLEncoding.EncodeToString(binary.AppendUvarint(state, uint64(c.count))) //nolint:gosec // never negative
}

// MaxCertificateState is the length of the longest text that [Certificate.State] returns.
const MaxCertificateState = 256

// ResumeCertificate restores a certificate from its [Certificate.State]. It returns an Invalid [fault.Error] for any other
// text.
func ResumeCertificate(state string) (*Certificate, error) {
	c := NewCertificate()
	empty, err := c.sum.(encoding.BinaryMarshaler).MarshalBinary()
	if err != nil {
		panic(err) // SHA-256 always has a state
	}
	raw, err := base64.RawURLEncoding.DecodeString(state)
	if err == nil && len(raw) > len(empty) {
		count, n := binary.Uvarint(raw[len(empty):])
		if c.count = int64(count); c.count >= 0 && n == len(raw)-len(empty) && //nolint:gosec // a negative one is refused here
			c.sum.(encoding.BinaryUnmarshaler).UnmarshalBinary(raw[:len(empty)]) == nil {
			return c, nil
		}
	}
	return nil, fault.New(fault.Invalid, "INVALID_CERTIFICATE", "Invalid certificate",
		"The certificate of the products so far cannot be read; begin again at the start of the catalog.")
}
