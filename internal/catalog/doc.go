// Package catalog holds products as every part of fullsync sees them: what a product is, the strict reading of one
// JSON line into it, its canonical wire form and content hash, batches, and the cursor that says how far a source
// has been read. It is pure: it knows no database and no network.
package catalog
