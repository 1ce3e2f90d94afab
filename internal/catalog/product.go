package catalog

import "time"

// Limits on what a node accepts.
const (
	// MaxBatchProducts is the largest number of products in one batch.
	MaxBatchProducts = 5000
	// MaxBatchBytes is the encoded size, in bytes, at which a batch takes no more products.
	MaxBatchBytes = 4 << 20
	// MaxLineBytes is the longest NDJSON line, in bytes without its line ending.
	MaxLineBytes = 2 << 20
	// MaxPageBytes bounds the lines of a page or a pushed batch, unpacked: as much as a node may send before it ends a page, one more
	// product, and the wrappers of the lines.
	MaxPageBytes = MaxBatchBytes + MaxLineBytes + 1<<20
	// MaxProductBytes is the largest canonical form of a product, in bytes. It is below [MaxLineBytes] so that a product
	// always fits into a line with its wrapper.
	MaxProductBytes = 1536 << 10
)

// Product is the content of one product: what nodes compare, hash and send. Values come from [Parse], or from a database
// that was filled from it; both guarantee that all strings are valid UTF-8 and Attributes is canonical.
type Product struct {
	// ID is 1 to 255 bytes, compared byte by byte, and stable within its catalog.
	ID string
	// SKU is empty if absent.
	SKU  string
	Name string
	// Price is the decimal text exactly as it came ("12.50"); empty if absent.
	Price string
	// Currency is three letters as they came; empty if absent.
	Currency string
	Active   bool
	// Attributes is a canonical JSON object; "{}" if the product has no other members.
	Attributes string
	// Hash is the content hash; see [Product.ContentHash].
	Hash string
}

// Entry is a product's id and content hash, for comparing catalogs without reading whole products.
type Entry struct {
	ID   string
	Hash string
}

// Stored is a product as a node holds it.
type Stored struct {
	Product
	Catalog string
	// OriginNodeID is the node the product came from.
	OriginNodeID string
	CreatedAt    time.Time
	UpdatedAt    time.Time
}

// Reject is a refused product and the reason. [Parse] returns it as its error.
type Reject struct {
	// ID is the product's id; empty if it could not be read.
	ID string
	// Reason is one sentence for people.
	Reason string
}

// Error returns the reason.
func (r *Reject) Error() string { return r.Reason }

// Batch is the products of one commit: ascending by id, one per id, within [MaxBatchProducts] and about
// [MaxBatchBytes].
type Batch struct {
	Products []Product
	Rejects  []Reject
	// Deletes are the ids of products that the session proposed to delete. A batch has either Deletes or Products.
	Deletes []string
	// Restores are what a revert puts back, one per id, in place of Products.
	Restores []Restore
	// Skips are the products up to Cursor that were found to be equal without being read, in order.
	Skips []Skip
	// Held says that, when the two sides were compared, the target held all of these products with another content.
	Held bool
	// Again says that these products have come before with different content, and were counted then.
	Again bool
	// Total is how many products the source said it had when this batch was read; nil if it did not say.
	Total *int64
	// Cursor is the position in the source after this batch. The zero Cursor leaves the session where it is.
	Cursor Cursor
	// Bytes is the batch's size on the wire.
	Bytes int64
}
