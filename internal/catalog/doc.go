// Package catalog defines products for every part of fullsync: what a product is, how to parse it strictly from a line of
// JSON, its canonical wire form and content hash, batches, and the cursor that says how far a source has been read. It
// knows no database and no network.
package catalog
