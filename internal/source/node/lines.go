package node

import (
	"errors"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"fullsync/internal/catalog"
)

const (
	// maxIDBytes is the length of the longest product id.
	maxIDBytes = 255
	// maxHashBytes is longer than any version of the content hash.
	maxHashBytes = 128
)

// errNoLine is a line that does not belong on a page.
var errNoLine = errors.New("not a line of a page")

// endLine is the last line of a page. Members that a later version adds are ignored.
type endLine struct {
	Count *int    `json:"count"`
	Next  *string `json:"next"`
	// Total is nil if the peer's version does not send it.
	Total *int64 `json:"total"`
}

// productLine is one line of a page of products: exactly one of them.
type productLine struct {
	product catalog.Product
	reject  *catalog.Reject
	end     *endLine
}

// parseProductLine reads a line of a page of products. It returns errNoLine for anything but a product, refused or not, or
// the end.
func parseProductLine(line []byte) (productLine, error) {
	l, err := catalog.ParseLine(line)
	switch {
	case err != nil:
		return productLine{}, errNoLine
	case l.Name == "":
		return productLine{product: l.Product, reject: l.Reject}, nil
	case l.Name == "end":
		end, err := parseEnd(l.Value)
		return productLine{end: end}, err
	}
	return productLine{}, errNoLine
}

// hashLine is one line of a page of hashes: an entry or the end.
type hashLine struct {
	entry catalog.Entry
	end   *endLine
}

// parseHashLine reads a line of a page of hashes. It returns errNoLine for anything but an entry or the end.
func parseHashLine(line []byte) (hashLine, error) {
	var l struct {
		ID   *string        `json:"id"`
		Hash *string        `json:"hash"`
		End  jsontext.Value `json:"end"`
	}
	err := json.Unmarshal(line, &l, json.RejectUnknownMembers(true))
	switch {
	case err != nil || (l.ID == nil) != (l.Hash == nil) || (l.ID == nil) == (l.End == nil):
		return hashLine{}, errNoLine
	case l.End != nil:
		end, err := parseEnd(l.End)
		return hashLine{end: end}, err
	case *l.ID == "" || len(*l.ID) > maxIDBytes || *l.Hash == "" || len(*l.Hash) > maxHashBytes:
		return hashLine{}, errNoLine
	}
	return hashLine{entry: catalog.Entry{ID: *l.ID, Hash: *l.Hash}}, nil
}

func parseEnd(text []byte) (*endLine, error) {
	var end *endLine
	if err := json.Unmarshal(text, &end); err != nil || end == nil {
		return nil, errNoLine
	}
	return end, nil
}
