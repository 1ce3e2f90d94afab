package catalog

// Skip is a number of products that were found to be equal without being read, the last of them with the id Through.
type Skip struct {
	Through string
	Count   int64
}

// Skipped returns how many products the batch skips.
func (b *Batch) Skipped() (n int64) {
	for _, s := range b.Skips {
		n += s.Count
	}
	return n
}

// Divides says whether a batch can be committed in parts, each of which moves the cursor on from the position after.
func (b *Batch) Divides(after string) bool {
	return b.Cursor.After > after && len(b.Products) > 0 && b.Products[0].ID > after && !b.Again
}

// Behind returns what of the batch is behind an id.
func (b Batch) Behind(after string) Batch {
	_, b = b.cut(after)
	return b
}

// First returns the part of the batch with its first n products.
func (b Batch) First(n int) Batch {
	last := b.Products[n-1].ID
	first, _ := b.cut(last)
	first.Cursor.After, first.Bytes = last, 0
	return first
}

// cut cuts the batch behind an id.
func (b Batch) cut(id string) (through, behind Batch) {
	through, behind = b, b
	through.Products, behind.Products = cut(b.Products, func(p Product) string { return p.ID }, id)
	through.Rejects, behind.Rejects = cut(b.Rejects, func(r Reject) string { return r.ID }, id)
	through.Skips, behind.Skips = cut(b.Skips, func(s Skip) string { return s.Through }, id)
	return through, behind
}

// cut cuts a list of a batch. Rejects without an id go first.
func cut[T any](all []T, idOf func(T) string, id string) (through, behind []T) {
	for _, one := range all {
		if idOf(one) <= id {
			through = append(through, one)
		} else {
			behind = append(behind, one)
		}
	}
	return through, behind
}
