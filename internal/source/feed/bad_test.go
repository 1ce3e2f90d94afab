package feed_test

import (
	"errors"
	"flag"
	"io"
	"runtime"
	"strings"
	"testing"

	"fullsync/internal/effort"
	"fullsync/internal/source/feed"
)

const good = `{"id":"a","name":"a","active":true,"attributes":{}}`

// Whatever is wrong is a sentence with its line, and what is right around it is read.
func TestBadInput(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, in string
		opt      feed.Options
		want     []string
	}{
		{"nothing", "", feed.Options{}, []string{"The input holds no products."}},
		{"blank", " \n\t\n", feed.Options{}, []string{"The input holds no products."}},
		{"an empty list", "[]", feed.Options{}, []string{"The input holds no products."}},
		{"an empty wrapper", `{"count":0,"products":[]}`, feed.Options{}, []string{"The input holds no products."}},
		{"a header alone", "id,name\n", feed.Options{}, []string{"The input holds no products."}},
		{"a login page", "\n<!DOCTYPE html>\n<html><head>", feed.Options{}, []string{"The input is a web page (HTML), not product data: is it the page of a login, or of an error?"}},
		{"an error of GraphQL", `{"errors":[{"message":"No such field"}],"data":null}`, feed.Options{Format: feed.JSON, Map: map[string]string{"id": "no"}}, []string{`The input is an error of its server, not product data: "No such field".`}},
		{"half an answer of GraphQL", `{"errors":[{"message":"It broke"}],"data":{"products":{"items":[{"id":"a","name":"a"}]}}}`, feed.Options{}, []string{`The input is an error of its server, not product data: "It broke".`}},
		{"an error of a shop", `{"code":"rest_forbidden","message":"Sorry, you cannot list resources.","data":{"status":401}}`, feed.Options{}, []string{`The input is an error of its server, not product data: "Sorry, you cannot list resources.".`}},
		{"an error in an object", `{"error":{"message":"Invalid API key","status":401}}`, feed.Options{}, []string{`The input is an error of its server, not product data: "Invalid API key".`}},
		{"no errors", `{"errors":[],"message":"OK","code":200,"products":[{"id":"a","name":"a"}]}`, feed.Options{}, []string{good}},
		{"products with errors", `{"id":"a","name":"a","errors":["x"]}`, feed.Options{}, []string{`{"id":"a","name":"a","active":true,"attributes":{"errors":["x"]}}`}},
		{"a workbook", "PK\x03\x04\x14\x00", feed.Options{}, []string{"The input is a ZIP archive or an Excel workbook. Unpack it, or save the sheet as CSV, and import that file."}},
		{"a picture", "\x89PNG\r\n\x1a\n\x00\x00", feed.Options{}, []string{"The input is not text. It should be NDJSON, JSON, CSV, TSV or XML, packed with gzip or zstd if you like."}},
		{"a letter", "Dear shop,\nplease find\n", feed.Options{}, []string{"The input has no column for the product's id and name. Its columns are Dear shop. Say which it is with --map FIELD=COLUMN."}},
		{"a word", "hello\n", feed.Options{}, []string{`The input is neither NDJSON, JSON, XML nor a table with columns. It begins with "hello". If it is a table: remove lines above its header, and name an unusual delimiter with --delimiter.`}},
		{"half an array", `[{"id":"a","name":"a"},` + "\n" + `{"id":"b","na`, feed.Options{}, []string{good, "The input ends in the middle of what begins on line 2: is the file complete?"}},
		{"an array without end", `[{"id":"a","name":"a"}` + "\n", feed.Options{}, []string{good, "The input ends in the middle of what begins on line 2: is the file complete?"}},
		{"a wrapper without end", `{"products":[{"id":"a","name":"a"}]`, feed.Options{}, []string{good, "The input ends in the middle of what begins on line 1: is the file complete?"}},
		{"half a line", `{"id":"a","name":"a"}` + "\n" + `{"id":"b","na`, feed.Options{}, []string{good, "line 2 refused: the JSON of the line ends too early"}},
		{"half a table", "id,name,sku\na,a,\nb,b", feed.Options{}, []string{good, "line 3 refused: the input ends within the line, which has 2 of 3 columns: is the file complete?"}},
		{"broken elements", `[{"id":"a","name":"a"},{"id" "b"},7,"x",{"id":"a","name":"a"}]`, feed.Options{},
			[]string{good, "line 1 refused: the line is not valid JSON…", "line 1 refused: a product must be one JSON object", "line 1 refused: a product must be one JSON object", good}},
		{"no comma", "[{\"id\":\"a\",\"name\":\"a\"}\n{\"id\":\"b\"}]", feed.Options{}, []string{good, `The JSON is broken on line 2: there should be a comma or ], not "{". Nothing after it was read.`}},
		{"a quote without end", "id,name\na,a\nb,\"b\nc,c\n", feed.Options{}, []string{good, "A quote opens in column 2 of line 3 and does not end. Nothing from this line on was read."}},
		{"more on a later line", `{"id":"a","name":"a"}` + "\n" + `{"id":7,"name":"a"}{"id":"a","name":"a"}`, feed.Options{},
			[]string{good, "line 2 refused: nothing may follow the product's JSON object on its line"}},
		{"an SKU but no id", "sku,name\na,a\n", feed.Options{}, []string{"The input has no column for the product's id. Its columns are sku and name. Try --map id=sku."}},
		{"two headers", "id,name\na,a\nid,name\na,a\n", feed.Options{}, []string{good, "line 3 refused: the line repeats the header", good}},
		{"the same column twice", "id,name,name\na,a,b\n", feed.Options{}, []string{`Two columns are called "name". Give one of them another name.`}},
		{"a column mapped twice", "id,title,title\na,a,b\n", feed.Options{Map: map[string]string{"name": "Title"}}, []string{`Two columns are called "title". Give one of them another name.`}},
		{"an unused column twice", "id,name,Image,Image,Image\na,a,x,,z\n", feed.Options{}, []string{`{"id":"a","name":"a","active":true,"attributes":{"Image":"x","Image (3)":"z"}}`}},
		{"the second of two columns", "id,name,name\na,b,a\n", feed.Options{Map: map[string]string{"name": "name (2)"}}, []string{`{"id":"a","name":"a","active":true,"attributes":{"name":"b"}}`}},
		{"the SQL of a dump", "-- MySQL dump 10.13\n\nDROP TABLE IF EXISTS `p`;\nCREATE TABLE `p` (id int);\nINSERT INTO `p` VALUES (1,'a');\n", feed.Options{}, []string{"The input is SQL, not product data. Export the table as CSV, and import that file."}},
		{"a price in an object", `[{"id":"a","name":"a","price":{"value":1,"amount":"12.50","currency":"EUR"}}]`, feed.Options{}, []string{`line 1 refused: price must be text or a number, not an object with value, amount and currency; say which of them, as in --map price=price.value`}},
		{"too many cells", "id,name\na,a,b\na,a\n", feed.Options{}, []string{`line 2 refused: the line has 3 columns, but the header has 2; the first one too many is "b"`, good}},
		{"too few cells", "id,name,sku\na\na,a\n", feed.Options{}, []string{"line 2 refused: name is required", good}},
		{"a column without a name", "id,name,,\na,a,,\na,a,x,\n", feed.Options{}, []string{good, `line 3 refused: column 3 has a value, "x", but no name in the header`}},
		{"mixed encodings", "id,name\na,a\nb,caf\xe9\na,a\n", feed.Options{}, []string{good, "line 3 refused: name is not valid UTF-8: \"caf\uFFFD\"; if it is in another encoding, say which, for example --encoding windows-1252", good}},
		{"a header in another encoding", "id,name,gr\xf6\xdfe\na,a,1\n", feed.Options{}, []string{"The header on line 1 is not valid UTF-8. Say which encoding the file is in, for example --encoding windows-1252."}},
		{"deep nesting", `[{"id":"a","name":"a","x":` + strings.Repeat("[", 1_000_000) + strings.Repeat("]", 1_000_000) + `},{"id":"a","name":"a"}]`, feed.Options{},
			[]string{"line 1 refused: the product is nested deeper than 64 levels", good}},
		{"deep nesting alone", strings.Repeat("[", 1_000_000), feed.Options{}, []string{"The input ends in the middle of what begins on line 1: is the file complete?"}},
		{"a missing column", "id,name\na,a\n", feed.Options{Map: map[string]string{"price": "Preis"}}, []string{`There is no column "Preis". The columns are id and name.`}},
		{"a similar column", "id,name,Preis EUR\na,a,1\n", feed.Options{Map: map[string]string{"price": "preis"}}, []string{`There is no column "preis". The columns are id, name and Preis EUR. Do you mean "Preis EUR"?`}},
		{"an unknown field", "id,name\na,a\n", feed.Options{Map: map[string]string{"prize": "x"}}, []string{`--map has no field "prize". The fields are id, sku, name, price, currency and active.`}},
		{"an unknown word", "id,name,active\na,a,perhaps\na,a,Ja\n", feed.Options{}, []string{`line 2 refused: active must be yes or no, not "perhaps"`, good}},
		{"an id that is none", `[{"id":true,"name":"a"},{"id":[],"name":"a"},{"id":null,"name":"a"}]`, feed.Options{},
			[]string{`line 1 refused: id must be text or a number, not "true"`, `line 1 refused: id must be text or a number, not "[]"`, "line 1 refused: id is required"}},
		{"half an XML", "<rss><channel><item><g:id>a</g:id><title>a</title><price>1 EUR</price><link>x</link></item>\n<item><g:id>", feed.Options{},
			[]string{`{"id":"a","name":"a","price":"1","currency":"EUR","active":true,"attributes":{"link":"x"}}`, "The input ends too early, on line 2: is the file complete?"}},
		{"other XML", "<shop><thing/></shop>", feed.Options{}, []string{`The XML has no elements called item, entry or product. Its outermost one is "shop".`}},
		{"XML without items", "<rss><channel></channel></rss>", feed.Options{}, []string{"The input holds no products."}},
		{"a table as JSON", "id,name\na,a\n", feed.Options{Format: feed.JSON}, []string{`The JSON is broken on line 1: there should be an object or an array, not "i". Nothing after it was read.`}},
		{"broken XML", "<rss>\n<item></rss>", feed.Options{}, []string{"The XML is broken on line 2. Nothing after it was read."}},
		{"another system's preset", "Handle,Title,Variant Price\na,a,1\n", feed.Options{Preset: "woocommerce"},
			[]string{"The input has no column for the product's id and name. Its columns are Handle, Title and Variant Price. This looks like the CSV of shopify; try --preset shopify."}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			wants(t, []byte(test.in), test.opt, test.want...)
		})
	}
}

// endless repeats text n times.
func endless(before, text string, n int, after string) io.Reader {
	parts := []io.Reader{strings.NewReader(before)}
	for range n {
		parts = append(parts, strings.NewReader(text))
	}
	return io.MultiReader(append(parts, strings.NewReader(after))...)
}

var longLine = flag.Int("feed.line", 40, "how many MB the longest line of TestEndlessLines has")

// However long a line is, it takes little memory, and the products around it are read if the format allows.
func TestEndlessLines(t *testing.T) {
	mega := strings.Repeat("x", 1<<20)
	many := *longLine
	if testing.Short() {
		many = 8
	}
	for _, test := range []struct {
		name, before, after string
		goods               int
		want                string
	}{
		{"ndjson", `{"id":"a","name":"a"}` + "\n" + `{"id":"b","name":"`, `"}` + "\n" + `{"id":"a","name":"a"}`, 2, "the line is longer than 2097152 bytes"},
		{"json", `[{"id":"a","name":"a"},{"id":"b","name":"`, `"},{"id":"a","name":"a"}]`, 2, "the product is longer than 2097152 bytes"},
		{"csv", "id,name\na,a\nb,", "\na,a\n", 2, "the line is longer than 2097152 bytes"},
		{"csv in quotes", "id,name\na,a\nb,\"", "\"\na,a\n", 2, "the line is longer than 2097152 bytes"},
		{"xml", "<rss><item><id>a</id><title>a</title><price>1 EUR</price><link>x</link></item><item><id>", "</id></item></rss>", 1, "An element of the XML is longer than 2097152 bytes."},
		{"header", "id,", "\n", 0, "The header on line 1 is longer than 2097152 bytes."},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		goods, said := 0, ""
		r, err := feed.Open(endless(test.before, mega, many, test.after), feed.Options{})
		for err == nil {
			var item feed.Item
			if item, err = r.Next(); err == nil && item.Reject == nil {
				goods++
			} else if err == nil {
				said += item.Reject.Reason
			}
		}
		if !errors.Is(err, io.EOF) {
			said += err.Error()
		}
		runtime.ReadMemStats(&after)
		if goods != test.goods || said != test.want {
			t.Errorf("%s: %d products, and %s", test.name, goods, said)
		}
		if took := (after.TotalAlloc - before.TotalAlloc) >> 20; took > 30 && !testing.Short() {
			t.Errorf("%s: it took %d MB of memory for a line of %d MB", test.name, took, many)
		}
	}
}

func TestABombIsNotUnpacked(t *testing.T) {
	t.Parallel()
	effort.SkipUnlessHeavy(t) // it unpacks 100 MB
	zeros := []byte(`[{"id":"a","name":"a"},"` + strings.Repeat("x", 100<<20) + `"]`)
	for _, packed := range [][]byte{gzipped(t, zeros), zstandard(t, zeros)} {
		wants(t, packed, feed.Options{}, good, "The input unpacks to more than 300 times its size. Product data never do, so nothing more is read.")
	}
	whole := gzipped(t, []byte(strings.Repeat(`{"id":"a","name":"a"}`+"\n", 50_000)))
	got, _ := outcome(t, whole[:len(whole)-20], feed.Options{})
	if last := got[len(got)-1]; !strings.HasPrefix(last, "The input ends too early, after line ") {
		t.Errorf("half a gzip file: %s", last)
	}
	got, _ = outcome(t, append(whole[:len(whole)-8:len(whole)-8], "12345678"...), feed.Options{})
	if last := got[len(got)-1]; last != "The input cannot be unpacked any further (gzip): it is damaged or not complete." {
		t.Errorf("a damaged gzip file: %s", last)
	}
}
