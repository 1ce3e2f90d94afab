package catalog

import (
	"encoding/base64"
	"encoding/binary"
	"strings"
)

// HashVersion is the version of the content hash. Digests of different versions cannot be compared, so a node sends its
// version with every answer about digests.
const HashVersion = "1"

// DigestOf returns the digest of a content hash: its first 8 bytes after the version, big-endian. It returns false if the
// text is not a content hash of [HashVersion]. Databases store the same 64 bits as a signed number.
func DigestOf(hash string) (uint64, bool) {
	if len(hash) != len(hashVersion)+wholeHash {
		return 0, false
	}
	return digestOf(hash)
}

// Characters of base64url that stand for all 32 bytes of a hash, and for the first 8.
const wholeHash, shortHash = 43, 11

// digestOf is DigestOf for a hash that may be a short one.
func digestOf(hash string) (uint64, bool) {
	text, ok := strings.CutPrefix(hash, hashVersion)
	if !ok || len(text) != wholeHash && len(text) != shortHash {
		return 0, false
	}
	var source [shortHash]byte
	copy(source[:], text)
	var sum [8]byte
	if _, err := base64.RawURLEncoding.Decode(sum[:], source[:]); err != nil {
		return 0, false
	}
	return binary.BigEndian.Uint64(sum[:]), true
}

// Short returns the short form of a content hash, by which two products are compared as well: that of its digest. What is no hash of
// [HashVersion] stays as it is.
func Short(hash string) string {
	if len(hash) == len(hashVersion)+wholeHash {
		if digest, ok := digestOf(hash); ok {
			return ShortOf(digest)
		}
	}
	return hash
}

// SameContent reports whether two content hashes, both whole or both short, stand for the same content. What stands for a row that is no valid product is
// no content hash, and equals none.
func SameContent(a, b string) bool { return a == b && strings.HasPrefix(a, hashVersion) }

// ShortOf returns the short content hash with this digest.
func ShortOf(digest uint64) string {
	text := append(make([]byte, 0, len(hashVersion)+shortHash), hashVersion...)
	return string(base64.RawURLEncoding.AppendEncode(text, binary.BigEndian.AppendUint64(nil, digest)))
}

// Digest stands for a span of products in a comparison: how many there are, and the sum of their hashes' digests modulo
// 2^64. Two spans with equal digests hold the same products.
type Digest struct {
	Count int64
	Sum   uint64
	// Known is false if at least one product's digest is missing. Sum is then meaningless, and the digest equals no other.
	Known bool
}

// Same reports whether both digests are known and equal.
func (d Digest) Same(other Digest) bool { return d.Known && other.Known && d == other }

// Add adds one product with this content hash, which may be a short one. An invalid hash makes the digest unknown.
func (d *Digest) Add(hash string) {
	digest, ok := digestOf(hash)
	d.Count++
	d.Sum += digest
	d.Known = d.Known && ok
}

// Plus returns the digest of two spans together.
func (d Digest) Plus(other Digest) Digest {
	return Digest{Count: d.Count + other.Count, Sum: d.Sum + other.Sum, Known: d.Known && other.Known}
}

// Interval is a range of ids: greater than After, up to and including Through. A Through of "" means the end of the
// catalog.
type Interval struct{ After, Through string }

// Span is the digest of the products with ids greater than the previous span's Through, up to and including its own.
type Span struct {
	Through string
	Digest
}
