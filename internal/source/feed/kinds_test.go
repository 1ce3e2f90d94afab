package feed_test

import (
	"testing"
	"unicode/utf16"

	"fullsync/internal/source/feed"
)

// bigEndian returns text in UTF-16BE without a byte order mark.
func bigEndian(text string) string {
	var out []byte
	for _, unit := range utf16.Encode([]rune(text)) {
		out = append(out, byte(unit>>8), byte(unit))
	}
	return string(out)
}

// Files as other systems and people make them, which are read without being told anything.
func TestOtherKinds(t *testing.T) {
	t.Parallel()
	const two = `{"id":"b","name":"b","active":true,"attributes":{}}`
	for _, test := range []struct {
		name, in string
		want     []string
	}{
		{"UTF-16BE without a mark", bigEndian("id;name\na;a\nb;b\n"), []string{good, two}},
		{"UTF-16BE with a mark", "\xfe\xff" + bigEndian("id;name\na;a\n"), []string{good}},
		{"several members of gzip", string(gzipped(t, []byte("id,name\na,a\n"))) + string(gzipped(t, []byte("b,b\n"))), []string{good, two}},
		{"JSON with a mark", "\ufeff[{\"id\":\"a\",\"name\":\"a\"}]", []string{good}},
		{"JSON wrapped twice", `{"meta":{"page":1},"response":{"result":{"entries":[{"id":"a","name":"a"}]}}}`, []string{good}},
		{"children before their parents", `{"id":"v","sku":"s","price":"5","__parentId":"a"}` + "\n" + `{"id":"a","title":"a"}`,
			[]string{`{"id":"a","name":"a","active":true,"attributes":{"children":[{"id":"v","price":"5","sku":"s"}]}}`}},
		{"carriage returns alone", "id,name\ra,a\rb,b\r", []string{good, two}},
		{"ends of lines of both kinds", "id,name\r\na,a\nb,b\r\n", []string{good, two}},
		{"a header with non-breaking spaces", "\u00a0id\u00a0;Name\u00a0\na;a\n", []string{good}},
		{"a header in quotes", "\"id\",\"name\"\n\"a\",\"a\"\n", []string{good}},
		{"quotes of another kind", "'id','name'\n'a','a'\n'b','b'\n", []string{good, two}},
		{"numbers that are ids", `[{"id":1e3,"name":"a"},{"id":1.0,"name":"a"},{"id":12345678901234567890123,"name":"a"}]`, []string{
			`{"id":"1e3","name":"a","active":true,"attributes":{}}`, `{"id":"1.0","name":"a","active":true,"attributes":{}}`,
			`{"id":"12345678901234567890123","name":"a","active":true,"attributes":{}}`,
		}},
		{"zeros before an id", "id,sku,name\n00123,007,a\n", []string{`{"id":"00123","sku":"007","name":"a","active":true,"attributes":{}}`}},
		{"objects with keys", `{"12":{"id":"a","name":"a"},"13":{"id":"b","name":"b"}}`, []string{good, two}},
		{"objects with keys in an object", `{"total":2,"products":{"12":{"id":"a","name":"a"},"13":{"id":"b","name":"b"}},"shops":[{"x":1}]}`, []string{good, two}},
		{"one object with a key", `{"products":{"12":{"id":"a","name":"a","tags":[{"n":1}]}}}`, []string{`{"id":"a","name":"a","active":true,"attributes":{"tags":[{"n":1}]}}`}},
		{"one object with objects", `{"id":"a","name":"a","brand":{"id":1},"category":{"id":2}}`, []string{`{"id":"a","name":"a","active":true,"attributes":{"brand":{"id":1},"category":{"id":2}}}`}},
		{"one object in an object", `{"product":{"id":"a","name":"a","brand":{"id":1},"category":{"id":2}}}`, []string{`{"id":"a","name":"a","active":true,"attributes":{"brand":{"id":1},"category":{"id":2}}}`}},
		{"lists of GraphQL in products", `{"data":{"products":{"edges":[{"node":{"id":"gid://shopify/Product/1","title":"a","status":"ACTIVE","variants":{"edges":[{"node":{"sku":"s","price":"1.355"}}]}}}]}}}`,
			[]string{`{"id":"gid://shopify/Product/1","sku":"s","name":"a","price":"1.355","active":true,"attributes":{"variants":{"edges":[{"node":{"price":"1.355","sku":"s"}}]}}}`}},
		{"WooCommerce's list for customers", `[{"id":34,"name":"a","sku":"w","prices":{"price":"1500","regular_price":"1800","currency_code":"GBP","currency_minor_unit":2}},
			{"id":35,"name":"a","prices":{"price":"18","regular_price":"18","currency_code":"EUR","currency_minor_unit":0}}]`, []string{
			`{"id":"34","sku":"w","name":"a","price":"18.00","currency":"GBP","active":true,"attributes":{"prices":{"currency_code":"GBP","currency_minor_unit":2,"price":"1500","regular_price":"1800"}}}`,
			`{"id":"35","name":"a","price":"18","currency":"EUR","active":true,"attributes":{"prices":{"currency_code":"EUR","currency_minor_unit":0,"price":"18","regular_price":"18"}}}`,
		}},
		{"WooCommerce's prices as numbers", `[{"id":1,"name":"a","regular_price":19.99,"price":""},{"id":2,"name":"a","regular_price":"","price":"9.5"}]`, []string{
			`{"id":"1","name":"a","price":"19.99","active":true,"attributes":{"price":""}}`, `{"id":"2","name":"a","price":"9.5","active":true,"attributes":{"regular_price":""}}`,
		}},
		{"XML with attributes", `<products><product id="7" sku="S"><name lang="en">a</name><price currency="EUR">9,50</price><sku>T</sku></product></products>`,
			[]string{`{"id":"7","sku":"T","name":"a","price":"9.50","active":true,"attributes":{"price.currency":"EUR"}}`}},
		{"files that somebody has joined", "\ufeffid,name\na,a\n\ufeffid, name\n\ufeffb,b\n", []string{good, "line 3 refused: the line repeats the header", two}},
		{"no table for lack of columns", "Export of 1 January\n\nid;name\na;a\n", []string{
			`The input is neither NDJSON, JSON, XML nor a table with columns. It begins with "Export of 1 January". If it is a table: remove lines above its header, and name an unusual delimiter with --delimiter.`,
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			wants(t, []byte(test.in), feed.Options{}, test.want...)
		})
	}
	_, found := outcome(t, []byte("ID;Name;Regulärer Preis;Veröffentlicht\n1;a;9,90;1\n"), feed.Options{})
	if len(found.Hints) != 2 || found.Hints[0] != "Regulärer Preis may be the price: try --map 'price=Regulärer Preis'." {
		t.Errorf("hints %q", found.Hints)
	}
}
