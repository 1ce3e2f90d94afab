package catalog

// Halves is a [Digest] as SQLite adds it up. Its sum of numbers of 64 bits would not fit, so the halves of the numbers are added up.
type Halves struct{ Count, digested, low, high int64 }

// SumOfHalves is SQLite's expression for the columns of [Halves.Into], over the rows that have a digest or NULL.
const SumOfHalves = "count(*), count(digest), coalesce(sum(digest & 4294967295), 0), coalesce(sum(digest >> 32), 0)"

// Into returns what a row is scanned into.
func (h *Halves) Into() []any { return []any{&h.Count, &h.digested, &h.low, &h.high} }

// Digest returns the digest. It is known if every row has one.
func (h *Halves) Digest() Digest {
	d := Digest{Count: h.Count, Known: h.Count == h.digested}
	if d.Known {
		d.Sum = uint64(h.low) + uint64(h.high)<<32 //nolint:gosec // modulo 2^64, also where the high half is negative
	}
	return d
}
