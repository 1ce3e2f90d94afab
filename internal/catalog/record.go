package catalog

// Record is one record of a feed: a product, or why there is none.
type Record struct {
	Product Product
	// Reject is why the record was refused; nil for a product.
	Reject *Reject
	// Line is where the record begins, from 1.
	Line int
}
