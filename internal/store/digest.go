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
func scanEntry(scan func(into ...any) error) (e entry, err error) {
	var p catalog.Product
	if err := scan(&p.ID, &p.Hash, &e.distrusted, &p.SKU, &p.Name, &p.Price, &p.Currency, &p.Active, &p.Attributes); err != nil {
		var other any
		if scan(&e.ID, &other, &other, &other, &other, &other, &other, &other, &other) != nil {
			return e, err
		}
		e.Hash, e.distrusted, e.refused = noHash, true, unfit(e.ID)
		return e, nil
	}
	e.ID, e.Hash = p.ID, p.Hash
	if e.distrusted {
		e.Hash, e.refused = p.Rehash()
	}
	return e, nil
}

// noHash stands for the hash of a row that cannot even be read. It is no content hash, and equals none.
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
}

// rowColumns are what [scanRow] reads.
const rowColumns = contentColumns + ", digest"

// scanRow reads a row of rowColumns, and whatever more is asked for, and computes its hash anew.
func scanRow(scan func(into ...any) error, more ...any) (r row, err error) {
	into := append([]any{&r.ID, &r.SKU, &r.Name, &r.Price, &r.Currency, &r.Active, &r.Attributes, &r.Hash, &r.digest}, more...)
	if err := scan(into...); err != nil {
		var other any
		for i := range into[1 : len(into)-len(more)] {
			into[1+i] = &other
		}
		if scan(into...) != nil {
			return r, err
		}
		r.fresh, r.refused = noHash, unfit(r.ID)
		return r, nil
	}
	r.fresh, r.refused = r.Rehash()
	return r, nil
}

// lies says whether the stored hash or its digest is not that of the columns, though a digest says that it is.
func (r *row) lies() bool {
	if r.digest == nil {
		return false
	}
	digest := digestOf(r.fresh)
	return r.Hash != r.fresh || digest == nil || *digest != *r.digest || r.refused != nil
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
