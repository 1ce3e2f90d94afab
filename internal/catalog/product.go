package catalog

import "time"

// Limits of what a node takes in.
const (
	// MaxBatchProducts is the largest number of products in one batch.
	MaxBatchProducts = 5000
	// MaxBatchBytes is the encoded size, in bytes, above which a batch takes no further product.
	MaxBatchBytes = 4 << 20
	// MaxLineBytes is the longest NDJSON line, in bytes without its line end.
	MaxLineBytes = 2 << 20
	// MaxProductBytes is the largest canonical form of a product, in bytes. It is below [MaxLineBytes] so that a
	// product and the wrapper of its line always fit together.
	MaxProductBytes = 1536 << 10
)

// Product is the content of one product: what is compared, hashed and sent. Values come from [Parse] or from a
// database that was filled from it; both guarantee that every string is valid UTF-8 and Attributes canonical.
type Product struct {
	// ID is stable within its catalog, 1 to 255 bytes, compared byte by byte.
	ID string
	// SKU is empty where absent.
	SKU  string
	Name string
	// Price is the exact decimal text as it came ("12.50"), empty where absent.
	Price string
	// Currency is three letters as they came, empty where absent.
	Currency string
	Active   bool
	// Attributes is a canonical JSON object, "{}" where the product has no other members.
	Attributes string
	// Hash is the content hash, as [Product.ContentHash] computes it.
	Hash string
}

// Entry is a product's id and content hash, for comparing catalogs without reading them.
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

// Reject is a product that was refused, with its reason. It is the error of [Parse].
type Reject struct {
	// ID is the product's id, empty where it could not be read.
	ID string
	// Reason is one sentence for a person.
	Reason string
}

// Error returns the reason.
func (r *Reject) Error() string { return r.Reason }

// Batch is the products of one commit: ascending by id, one per id, within [MaxBatchProducts] and about
// [MaxBatchBytes].
type Batch struct {
	Products []Product
	Rejects  []Reject
	// Deletes are the ids of products that the session has proposed to delete. A batch has either these or Products.
	Deletes []string
	// Skipped is how many products up to Cursor were found equal without being read.
	Skipped int64
	// Again says that the products came before, with another content, and were counted then.
	Again bool
	// Total is how many products the source said to have when this batch was read, nil where it did not say.
	Total *int64
	// Cursor is the position in the source after this batch; the zero one leaves the session where it is.
	Cursor Cursor
	// Bytes is what the batch took on the wire.
	Bytes int64
}
