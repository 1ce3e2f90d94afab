package store

import "fullsync/internal/catalog"

// digestOf is the digest that is stored beside a hash: the same 64 bits as a signed number, NULL where it has none.
func digestOf(hash string) *int64 {
	digest, ok := catalog.DigestOf(hash)
	if !ok {
		return nil
	}
	signed := int64(digest) //nolint:gosec // the sign bit stands where it belongs
	return &signed
}

// shortEntry is a product with its short hash, "" where it has no digest.
func shortEntry(id string, digest *int64) catalog.Entry {
	e := catalog.Entry{ID: id}
	if digest != nil {
		e.Hash = catalog.ShortOf(uint64(*digest)) //nolint:gosec // the same 64 bits
	}
	return e
}

// entryColumns are what [scanEntry] reads: the hash where it is to be believed, and where it is not, what it is computed
// from. So reading hashes costs no more than before, and none of them lies.
const entryColumns = `id, hash, digest IS NULL AS distrusted,
	CASE WHEN digest IS NULL THEN sku ELSE '' END AS sku, CASE WHEN digest IS NULL THEN name ELSE '' END AS name,
	CASE WHEN digest IS NULL THEN price ELSE '' END AS price, CASE WHEN digest IS NULL THEN currency ELSE '' END AS currency,
	CASE WHEN digest IS NULL THEN active ELSE false END AS active, CASE WHEN digest IS NULL THEN attributes ELSE '' END AS attributes`

// entry is what a catalog holds of a product, for comparing.
type entry struct {
	catalog.Entry
	// distrusted says that the stored hash was not believed; Hash was computed anew.
	distrusted bool
	// refused says why a distrusted row is no valid product.
	refused *catalog.Reject
}

// scanEntry reads a row of entryColumns.
func scanEntry(scan func(into ...any) error) (entry, error) {
	e, _, err := scanContent(scan)
	return e, err
}

// scanContent is scanEntry for a row with more columns, and returns what it has read of the product's content.
func scanContent(scan func(into ...any) error, more ...any) (e entry, p catalog.Product, err error) {
	into := append([]any{&p.ID, &p.Hash, &e.distrusted, &p.SKU, &p.Name, &p.Price, &p.Currency, &p.Active, &p.Attributes}, more...)
	if err := scan(into...); err != nil {
		if scan(ignoring(into)...) != nil {
			return e, p, err
		}
		e.ID, e.Hash, e.distrusted, e.refused = p.ID, noHash, true, unfit(p.ID)
		return e, p, nil
	}
	e.ID, e.Hash = p.ID, p.Hash
	if e.distrusted {
		e.Hash, e.refused = p.Rehash()
	}
	return e, p, nil
}

// ignoring is where to scan a row of which only the first column is wanted.
func ignoring(into []any) []any {
	var other any
	first := make([]any, len(into))
	for i := range first {
		first[i] = &other
	}
	first[0] = into[0]
	return first
}

// noHash stands for the hash of a row that is no valid product. It is no content hash, and equals none.
const noHash = "0:unreadable"

// unfit is why a row that cannot be read is refused.
func unfit(id string) *catalog.Reject {
	return &catalog.Reject{ID: id, Reason: anotherType}
}

// row is everything that a product's hash is made of and judged by.
type row struct {
	catalog.Product
	digest *int64
	// fresh is the hash that fits the columns.
	fresh string
	// refused says why they are no valid product.
	refused *catalog.Reject
	// theirs and theirDigest are what is stored of the product as it came; both are nil where that is the product itself.
	theirs      *string
	theirDigest *int64
	asCame      string // see came
}

// rowColumns are what [scanRow] reads.
const rowColumns = contentColumns + ", digest, theirs, their_digest"

// scanRow reads a row of rowColumns, and whatever more is asked for, and computes its hash anew.
func scanRow(scan func(into ...any) error, more ...any) (r row, err error) {
	if r, err = readRow(scan, more...); err == nil {
		r.rehash()
	}
	return r, err
}

// readRow is scanRow without the computing, which [row.rehash] does.
func readRow(scan func(into ...any) error, more ...any) (r row, err error) {
	into := append([]any{&r.ID, &r.SKU, &r.Name, &r.Price, &r.Currency, &r.Active, &r.Attributes, &r.Hash, &r.digest, &r.theirs, &r.theirDigest}, more...)
	if err := scan(into...); err != nil {
		if scan(append(ignoring(into[:len(into)-len(more)]), more...)...) != nil {
			return r, err
		}
		r.fresh, r.refused = noHash, unfit(r.ID)
	}
	return r, nil
}

func (r *row) rehash() {
	if r.refused == nil {
		r.fresh, r.refused = r.Rehash()
	}
}

// came is the hash of the product as it came, by theirs and the other columns; fresh where they do not say.
func (r *row) came() string {
	if r.asCame == "" {
		r.asCame = r.fresh
		if r.theirs != nil && r.refused == nil {
			if came, err := r.AsCame(*r.theirs); err == nil {
				r.asCame = came.Hash
			}
		}
	}
	return r.asCame
}

// lies says whether the stored hash or a digest is not that of the columns, though there is a digest, which says that it is.
func (r *row) lies() bool {
	if r.digest == nil {
		return false
	}
	return r.Hash != r.fresh || !isDigestOf(r.fresh, r.digest) || r.refused != nil || (r.theirs != nil || r.theirDigest != nil) && !isDigestOf(r.came(), r.theirDigest)
}

func isDigestOf(hash string, digest *int64) bool {
	of := digestOf(hash)
	return of != nil && digest != nil && *of == *digest
}

// eachRow calls each for every row and closes them. An error of each ends the reading and is returned.
func eachRow(rows pageRows, each func(scan func(into ...any) error) error) error {
	defer rows.Close() //nolint:errcheck // rows.Err is what counts
	for rows.Next() {
		if err := each(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}
