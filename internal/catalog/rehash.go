package catalog

import (
	"errors"

	"github.com/go-json-experiment/json/jsontext"
)

// Rehash computes the content hash of a product from its database columns, which somebody may have changed by hand. It is
// the hash that another node would compute when it reads the product from this one. If that node would have to refuse the
// product, Rehash returns the reason as a [*Reject], and a hash over the columns as they are.
func (p *Product) Rehash() (hash string, refused *Reject) {
	buf := buffers.Get().(*buffer)
	defer buf.release()
	// Parse uses its own buffer, so the wire form in this one stays intact.
	buf.wire = p.AppendJSON(buf.wire[:0])
	read, err := Parse(buf.wire)
	if err == nil && read.Attributes == p.Attributes && read.ID == p.ID {
		return read.Hash, nil // the usual case
	}
	switch {
	case !isObject(p.Attributes):
		refused = &Reject{Reason: "the attributes are not one JSON object"}
	case err != nil && !errors.As(err, &refused):
		refused = &Reject{Reason: "the product cannot be read"} // not possible: every error of Parse is a reject
	case err == nil && read.ID != p.ID:
		refused = &Reject{Reason: "the id is not valid UTF-8"}
	case err == nil:
		return read.Hash, nil // its attributes are JSON, but not in canonical form
	}
	return hashOf(buf.wire), &Reject{ID: p.ID, Reason: refused.Reason}
}

// isObject reports whether the text of a product's attributes is empty or one complete JSON object. It leaves duplicate
// names and bad UTF-8 to [Parse], which has a sentence for each.
func isObject(attributes string) bool {
	value := jsontext.Value(attributes)
	return len(value) == 0 ||
		value.Kind() == jsontext.KindBeginObject && value.IsValid(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
}
