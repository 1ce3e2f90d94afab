package feed_test

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"fullsync/internal/source/feed"
)

// The files of testdata/cases are what shop people really have.
func TestCases(t *testing.T) {
	t.Parallel()
	european := map[string]string{"id": "Artikelnummer", "name": "Bezeichnung", "price": "Preis", "currency": "Waehrung", "active": "Aktiv"}
	for _, test := range []struct {
		file string
		opt  feed.Options
		want []string
	}{
		{"array.json", feed.Options{}, []string{
			`{"id":"1","sku":"1001","name":"Numeric ids","price":"12.5","active":true,"attributes":{}}`,
			`{"id":"2","sku":"1002","name":"Two","price":"7.00","active":true,"attributes":{}}`,
		}},
		{"wrapped.json", feed.Options{}, []string{
			`{"id":"632910392","sku":"PL-8","name":"Player","price":"199.00","active":true,"attributes":{"body_html":"<p>x</p>","variants":[{"id":808950810,"price":"199.00","sku":"PL-8"}]}}`,
		}},
		{"pretty.json", feed.Options{}, []string{`{"id":"p-1","name":"One product over several lines","active":true,"attributes":{}}`}},
		{"bulk.jsonl", feed.Options{}, []string{
			`{"id":"gid://shopify/Product/1","sku":"P1-A","name":"Parent one","price":"5.00","active":true,"attributes":{"variants":[{"id":"gid://shopify/ProductVariant/11","price":"5.00","sku":"P1-A"}]}}`,
			`{"id":"gid://shopify/Product/2","name":"Parent two","active":false,"attributes":{}}`,
		}},
		{"utf16.ndjson", feed.Options{}, []string{`{"id":"u-1","name":"UTF-16","active":true,"attributes":{}}`}},
		{"plain.ndjson.gz", feed.Options{}, []string{`{"id":"z-1","name":"packed","active":true,"attributes":{}}`}},
		{"duplicates.ndjson", feed.Options{}, []string{
			`{"id":"d-1","name":"first","active":true,"attributes":{}}`,
			`{"id":"d-2","name":"other","active":true,"attributes":{}}`,
			`{"id":"d-1","name":"second","active":true,"attributes":{}}`,
		}},
		{"semicolon-eu.csv", feed.Options{}, []string{
			"The input has no column for the product's id and name. Its columns are Artikelnummer, Bezeichnung, Preis, Waehrung and Aktiv. " +
				"Try --map id=Artikelnummer --map name=Bezeichnung --map price=Preis --map currency=Waehrung --map active=Aktiv.",
		}},
		{"semicolon-eu.csv", feed.Options{Map: european}, []string{
			`{"id":"A-1","name":"Hemd \"Größe L\"","price":"12.50","currency":"EUR","active":true,"attributes":{}}`,
			`{"id":"A-2","name":"Stehtisch","price":"1355.90","currency":"EUR","active":true,"attributes":{}}`,
			`{"id":"A-3","name":"Ohne Preis","currency":"EUR","active":false,"attributes":{}}`,
		}},
		{"windows-1252.csv", feed.Options{}, []string{
			"line 2 refused: name is not valid UTF-8: \"Caf\uFFFD cr\uFFFDme \uFFFD gro\uFFFD\"; if it is in another encoding, say which, for example --encoding windows-1252",
		}},
		{"windows-1252.csv", feed.Options{Encoding: "windows-1252"}, []string{`{"id":"W-1","name":"Café crème – groß","price":"3.20","active":true,"attributes":{}}`}},
	} {
		wants(t, sharedCase(t, test.file), test.opt, test.want...)
	}
}

func TestWooCommerceCase(t *testing.T) {
	t.Parallel()
	got, found := outcome(t, sharedCase(t, "woocommerce.csv"), feed.Options{})
	if found.Preset != "woocommerce" || len(got) != 3 {
		t.Fatalf("preset %q, %d products", found.Preset, len(got))
	}
	for i, want := range []string{
		`{"id":"101","sku":"MUG-01","name":"Mug, blue","price":"9.90","active":true,`,
		`{"id":"102","sku":"SHIRT","name":"Shirt","active":true,`,
		`{"id":"105","name":"No SKU, draft","price":"5","active":false,`,
	} {
		if !strings.HasPrefix(got[i], want) {
			t.Errorf("%s\nwant %s", got[i], want)
		}
	}
	for _, want := range []string{`"variants":[{`, `"SKU":"SHIRT-S","Sale price":"14.50"`, `"SKU":"SHIRT-M"`} {
		if !strings.Contains(got[1], want) {
			t.Errorf("no %s in %s", want, got[1])
		}
	}
}

func TestShopifyCase(t *testing.T) {
	t.Parallel()
	got, found := outcome(t, sharedCase(t, "shopify.csv"), feed.Options{})
	if found.Preset != "shopify" || len(got) != 2 {
		t.Fatalf("preset %q, %d products", found.Preset, len(got))
	}
	if !strings.HasPrefix(got[0], `{"id":"trail-shoe","sku":"TS-R-42","name":"Trail Shoe","price":"89.00","active":true,`) ||
		strings.Count(got[0], `"Variant Price":`) != 3 || strings.Count(got[0], `"Image Src":`) != 2 {
		t.Error(got[0])
	}
	if !strings.HasPrefix(got[1], `{"id":"gift-card","name":"Gift Card","price":"25.00","active":false,`) {
		t.Error(got[1])
	}
}

func inUTF16(text string, order binary.AppendByteOrder) []byte {
	var out []byte
	for _, unit := range utf16.Encode([]rune(text)) {
		out = order.AppendUint16(out, unit)
	}
	return out
}

func gzipped(t *testing.T, text []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write(text)
	if closed := w.Close(); err != nil || closed != nil {
		t.Fatal(err, closed)
	}
	return b.Bytes()
}

func zstandard(t *testing.T, text []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return w.EncodeAll(text, nil)
}

// The same two products in every wrapping, encoding and format.
func TestTheSameInEveryForm(t *testing.T) {
	t.Parallel()
	const one, two = `{"id":"a","name":"Bürste ✓","price":"12.50"}`, `{"id":2,"name":"Zwei","price":7}`
	want := []string{`{"id":"a","name":"Bürste ✓","price":"12.50","active":true,"attributes":{}}`, `{"id":"2","name":"Zwei","price":"7","active":true,"attributes":{}}`}
	ndjson, csv := one+"\n"+two+"\n", "id,name,price\na,Bürste ✓,12.50\n2,Zwei,7\n"
	var inputs [][]byte
	for _, text := range []string{
		ndjson, one + "\r\n\r\n" + two, "\uFEFF" + ndjson,
		`{"id":"a","name":"B\u00fcrste \u2713","price":"12.50"}` + "\n" + two,
		"[" + one + "," + two + "]", " [\n" + one + " ,\n\n" + two + ",]\n", "[" + one + "]\n[" + two + "]",
		`{"products":[` + one + "," + two + `]}`, `{"total":2,"page":{"next":null},"data":[` + one + "," + two + `],"links":[{"rel":"next"}]}`,
		`{"data":{"products":{"totalItems":2,"items":[` + one + "," + two + `]}}}`,
		`{"edges":[{"node":` + one + `,"cursor":"x"},{"node":` + two + `}]}`,
		`{"categories":[{"id":7}],"products":[` + one + "," + two + `]}`,
		"{\n\"id\":\"a\",\n\"name\":\"Bürste ✓\",\"price\":\"12.50\"}\n{\n\"id\":2,\n\"name\":\"Zwei\",\"price\":7}",
		one + two, one + " " + two + "\n",
		csv, "\uFEFF" + csv, strings.ReplaceAll(csv, "\n", "\r\n"), strings.ReplaceAll(csv, "\n", "\r"), strings.ReplaceAll(csv, ",", ";"),
		strings.ReplaceAll(csv, ",", "\t"), strings.ReplaceAll(csv, ",", "|"), "sep=;\n" + strings.ReplaceAll(csv, ",", ";"),
		strings.ReplaceAll(csv, "\n", ",,,\n"), "\n\n" + strings.TrimSuffix(csv, "\n"), csv + ",,\n\n",
		"ID;Name;Price\n\"a\";\"Bürste ✓\";\"12,50\"\n=\"2\";Zwei;\"7\"\n",
		`'id','name','price'` + "\n" + `'a','Bürste ✓','12.50'` + "\n" + `2,Zwei,7`,
	} {
		inputs = append(inputs, []byte(text))
	}
	for _, text := range []string{ndjson, csv} {
		inputs = append(inputs, inUTF16("\uFEFF"+text, binary.LittleEndian), inUTF16("\uFEFF"+text, binary.BigEndian),
			inUTF16(text, binary.LittleEndian), inUTF16(text, binary.BigEndian),
			gzipped(t, []byte(text)), zstandard(t, []byte(text)), gzipped(t, inUTF16(text, binary.LittleEndian)),
			append(gzipped(t, []byte(text[:20])), gzipped(t, []byte(text[20:]))...),
			append(zstandard(t, []byte(text[:20])), zstandard(t, []byte(text[20:]))...))
	}
	for _, in := range inputs {
		got, found := outcome(t, in, feed.Options{})
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("%q (%s) gives\n%s", in[:min(len(in), 200)], found, strings.Join(got, "\n"))
		}
	}
}

func TestOtherEncodings(t *testing.T) {
	t.Parallel()
	for encoding, text := range map[string]string{
		"iso-8859-15": "id,name\na,\xa4\n", "macintosh": "id,name\na,\xdb\n", "cp850": "id,name\na,\xd5\n", "windows-1252": "id,name\na,\x80\n",
	} {
		want := `{"id":"a","name":"€","active":true,"attributes":{}}`
		if encoding == "cp850" {
			want = strings.ReplaceAll(want, "€", "ı")
		}
		wants(t, []byte(text), feed.Options{Encoding: encoding}, want)
	}
	wants(t, []byte("id,name\na,b\n"), feed.Options{Encoding: "klingon"},
		`There is no encoding "klingon" here. Common ones are utf-8, utf-16, windows-1252, iso-8859-15 and macintosh.`)
	// A byte that the encoding does not have is never replaced in silence, nor is half a character of UTF-16.
	wants(t, []byte("id,name\na,caf\x81\xe9\nb,b\n"), feed.Options{Encoding: "shift_jis"},
		`line 2 refused: it has bytes that are no character of shift_jis, after "caf"`, `{"id":"b","name":"b","active":true,"attributes":{}}`)
	wants(t, append(inUTF16(`{"id":"a","name":"x`, binary.LittleEndian), 0xd8, 0xd8, '"', 0, '}', 0), feed.Options{},
		`line 1 refused: it has bytes that are no character of UTF-16LE, after "x"`)
}

// Options count for what is in our own form, too.
func TestOptionsOfOurOwnForm(t *testing.T) {
	t.Parallel()
	in := []byte(`{"id":"a","name":"A","price":"1.355","label":"B"}` + "\n")
	wants(t, in, feed.Options{}, `{"id":"a","name":"A","price":"1.355","active":true,"attributes":{"label":"B"}}`)
	wants(t, in, feed.Options{Decimal: ","}, `{"id":"a","name":"A","price":"1355","active":true,"attributes":{"label":"B"}}`)
	wants(t, in, feed.Options{Default: map[string]string{"currency": "EUR", "active": "no"}},
		`{"id":"a","name":"A","price":"1.355","currency":"EUR","active":false,"attributes":{"label":"B"}}`)
	wants(t, in, feed.Options{Map: map[string]string{"name": "label"}}, `{"id":"a","name":"B","price":"1.355","active":true,"attributes":{"name":"A"}}`)
	wants(t, []byte("<shop><product><id>1</id><name>X</name><price>2.50</price></product></shop>"), feed.Options{},
		`{"id":"1","name":"X","price":"2.50","active":true,"attributes":{}}`)
}

// What was found is said in a sentence, so that nobody has to guess.
func TestWhatWasFound(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ in, want string }{
		{`{"links":[],"data":{"items":[{"id":1,"name":"A"}]}}`, "Read as JSON in UTF-8, the list data.items: id from id and name from name; everything else goes into attributes."},
		{"id\tname\n1\tA\n", "Read as TSV in UTF-8: id from id and name from name; everything else goes into attributes."},
		{"[1]", "Read as JSON in UTF-8."},
	} {
		if _, found := outcome(t, []byte(test.in), feed.Options{}); found.String() != test.want {
			t.Errorf("%s: %s", test.in, found)
		}
	}
}
