package node

import (
	"bytes"
	"errors"
	"io"

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
	// Nearly every line goes this way: take the wrapper off by hand and leave all checking to Parse, so that the product
	// is read only once.
	if inner, ok := bytes.CutPrefix(line, []byte(`{"product":`)); ok {
		if inner, ok = bytes.CutSuffix(inner, []byte("}")); ok {
			l, err := parseProduct(inner)
			if err == nil {
				return l, nil
			}
		}
	}
	name, value, err := unwrap(line)
	switch {
	case err == nil && name == "product":
		return parseProduct(value)
	case err == nil && name == "end":
		end, err := parseEnd(value)
		return productLine{end: end}, err
	}
	return productLine{}, errNoLine
}

// parseProduct reads a product. A refused one is a reject if it is JSON; if it is not JSON, errNoLine is returned.
func parseProduct(text []byte) (productLine, error) {
	p, err := catalog.ParseSent(text)
	if err == nil {
		return productLine{product: p}, nil
	}
	var reject *catalog.Reject
	if errors.As(err, &reject) && jsontext.Value(text).IsValid(lenient()) {
		return productLine{reject: reject}, nil
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

// unwrap returns the only member of a line.
func unwrap(line []byte) (name string, value jsontext.Value, err error) {
	d := jsontext.NewDecoder(bytes.NewBuffer(line), lenient())
	open, err := d.ReadToken()
	if err != nil || open.Kind() != '{' {
		return "", nil, errNoLine
	}
	token, err := d.ReadToken()
	if err != nil || token.Kind() != '"' {
		return "", nil, errNoLine
	}
	name = token.String()
	if value, err = d.ReadValue(); err != nil {
		return "", nil, errNoLine
	}
	value = value.Clone()
	if shut, err := d.ReadToken(); err != nil || shut.Kind() != '}' {
		return "", nil, errNoLine
	}
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		return "", nil, errNoLine
	}
	return name, value, nil
}

func parseEnd(text []byte) (*endLine, error) {
	var end *endLine
	if err := json.Unmarshal(text, &end); err != nil || end == nil {
		return nil, errNoLine
	}
	return end, nil
}

// lenient also accepts JSON that makes a product a reject: Parse decides about that.
func lenient() json.Options {
	return json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
}
