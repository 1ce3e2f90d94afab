package store

import "strings"

// view is which content of products a [Side] answers for: what is shown, or what came, which is another where fields were kept.
type view struct {
	// digest is the expression for a product's digest. Its columns are in the index of the key.
	digest string
	// columns are what scan reads; see [scanEntry].
	columns string
	scan    func(scan func(into ...any) error) (entry, error)
	// rehash is the hash by the columns of a row.
	rehash func(*row) string
}

var (
	asShown = view{
		digest:  "digest",
		columns: entryColumns, scan: scanEntry,
		rehash: func(r *row) string { return r.fresh },
	}
	asCame = view{
		digest:  "coalesce(their_digest, digest)",
		columns: strings.ReplaceAll(entryColumns, "WHEN digest IS NULL", "WHEN digest IS NULL OR their_digest IS NOT NULL") + ", theirs", scan: scanCame,
		rehash: (*row).came,
	}
)

// scanCame reads a product as it came. Its hash is computed where fields were kept, because only the digest of what came is stored.
func scanCame(scan func(into ...any) error) (entry, error) {
	var theirs *string
	e, p, err := scanContent(scan, &theirs)
	if err == nil && theirs != nil && !e.distrusted {
		if came, err := p.AsCame(*theirs); err == nil {
			e.Hash = came.Hash
		}
	}
	return e, err
}
