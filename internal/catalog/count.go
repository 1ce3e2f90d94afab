package catalog

// Count is how many products a catalog holds.
type Count struct {
	Catalog  string
	Products int64
}
