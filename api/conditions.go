package api

import (
	"fmt"
	"strings"

	"fullsync/internal/catalog"
	"fullsync/internal/fault"
)

// The headers of conditions. headerETag says what a product is; see [etag].
const (
	headerETag        = "ETag"
	headerIfMatch     = "If-Match"
	headerIfNoneMatch = "If-None-Match"
)

// etag is the strong ETag of a product with that content hash, nil where it has none.
func etag(hash string) *string {
	if hash == "" {
		return nil
	}
	return new(`"` + hash + `"`)
}

// condition reads If-Match, and whether If-None-Match says *. A proxy that compresses answers may have marked a tag as weak;
// it stands for the same content.
func condition(ifMatch string, absent bool) (c catalog.Condition, err error) {
	c.Absent = absent
	if strings.TrimSpace(ifMatch) == "*" {
		c.Exists = true
		return c, nil
	}
	for rest := strings.TrimSpace(ifMatch); rest != ""; {
		tag, after, ok := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(rest, "W/"), `"`), `"`)
		after = strings.TrimSpace(after)
		if !ok || !strings.HasPrefix(strings.TrimPrefix(rest, "W/"), `"`) || after != "" && after[0] != ',' {
			return c, invalidField(headerIfMatch, `must be the ETag of the product, with its quotes, or *`)
		}
		c.Hashes = append(c.Hashes, tag)
		rest = strings.TrimSpace(strings.TrimPrefix(after, ","))
	}
	return c, nil
}

// preconditionError is the 412 of products that are not as the caller expects.
type preconditionError struct {
	// etag is what the product has now, nil where there is none or there are several products.
	etag  *string
	fault *fault.Error
}

func (e *preconditionError) Error() string { return e.fault.Error() }

const preconditionFailed = "PRECONDITION_FAILED"

// unmetOne says what is wrong with the condition of a single edit.
func unmetOne(u catalog.Unmet) *fault.Error {
	id := printable(u.ID)
	switch {
	case u.If.Absent && u.Hash != "":
		return fault.New(fault.Conflict, preconditionFailed, "Product exists already",
			"There is a product %s already. To replace it, send its ETag in If-Match.", id).With(headerIfNoneMatch, doesNotFit(u))
	case u.Hash == "":
		return fault.New(fault.Conflict, preconditionFailed, "Product has changed",
			"There is no product %s any more. To create it again, leave If-Match out.", id).With(headerIfMatch, doesNotFit(u))
	default:
		return fault.New(fault.Conflict, preconditionFailed, "Product has changed",
			"Product %s has changed since it was read. Read it again, and repeat your change with its new ETag.", id).With(headerIfMatch, doesNotFit(u))
	}
}

// unmetMany says what is wrong with the conditions of a batch.
func unmetMany(err *catalog.UnmetError) *fault.Error {
	out := fault.New(fault.Conflict, preconditionFailed, "Products have changed",
		"Nothing was written: %d of the products are not as their edits expect them. Read them again, and repeat the batch.", len(err.Unmet))
	for _, u := range err.Unmet[:min(len(err.Unmet), maxDetails)] {
		out = out.With(editField(u.Index), doesNotFit(u))
	}
	return out
}

// doesNotFit says what a product is instead of what a condition expects.
func doesNotFit(u catalog.Unmet) string {
	if u.Hash == "" {
		return fmt.Sprintf("does not fit: there is no product %s", printable(u.ID))
	}
	return fmt.Sprintf("does not fit: the ETag of product %s is now %s", printable(u.ID), *etag(u.Hash))
}
