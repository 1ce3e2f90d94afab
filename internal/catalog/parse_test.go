package catalog_test

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"fullsync/internal/catalog"
)

// nested returns n nested arrays.
func nested(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }

func TestParseAccepts(t *testing.T) {
	long := strings.Repeat("ä", 127) + "x" // 255 bytes
	tests := []struct {
		name string
		line string
		want catalog.Product
	}{
		{"the least", `{"id":"1","name":"A"}`, catalog.Product{ID: "1", Name: "A", Active: true, Attributes: `{}`}},
		{"white space around", " {\"id\" : \"1\" ,\t\"name\":\"A\"}\r\n",
			catalog.Product{ID: "1", Name: "A", Active: true, Attributes: `{}`}},
		{"everything", `{"name":"A","attributes":{"z":1},"id":"1","a":[1, 2],"price":12.50,"currency":"EUR","sku":"S","active":false}`,
			catalog.Product{ID: "1", SKU: "S", Name: "A", Price: "12.50", Currency: "EUR", Attributes: `{"a":[1,2],"z":1}`}},
		{"null is absent", `{"id":"1","name":"A","sku":null,"price":null,"currency":null,"active":null,"attributes":null}`,
			catalog.Product{ID: "1", Name: "A", Active: true, Attributes: `{}`}},
		{"empty is absent", `{"id":"1","name":"A","sku":"","price":"","currency":"","attributes":{ }}`,
			catalog.Product{ID: "1", Name: "A", Active: true, Attributes: `{}`}},
		{"price as text", `{"id":"1","name":"A","price":"-007.50"}`,
			catalog.Product{ID: "1", Name: "A", Price: "-007.50", Active: true, Attributes: `{}`}},
		{"price beyond a float", `{"id":"1","name":"A","price":12345678901234567890.123456789012345678}`,
			catalog.Product{ID: "1", Name: "A", Price: "12345678901234567890.123456789012345678", Active: true, Attributes: `{}`}},
		{"numbers stay as they came", `{"id":"1","name":"A","n":[1.0,1e5,-0,12345678901234567890,1E+2]}`,
			catalog.Product{ID: "1", Name: "A", Active: true, Attributes: `{"n":[1.0,1e5,-0,12345678901234567890,1E+2]}`}},
		{"names sorted at every depth", `{"id":"1","name":"A","z":{"b":1,"a":[{"d":1,"c":2}]},"Z":1}`,
			catalog.Product{ID: "1", Name: "A", Active: true, Attributes: `{"Z":1,"z":{"a":[{"c":2,"d":1}],"b":1}}`}},
		{"names in UTF-16 order", `{"id":"1","name":"A","attributes":{"` + "\uFB33" + `":1,"😀":2}}`,
			catalog.Product{ID: "1", Name: "A", Active: true, Attributes: `{"😀":2,"` + "\uFB33" + `":1}`}},
		{"escapes come out one way", `{"id":"1","name":"\u0041\/\u00e4","x":"\u00e4\/\ud83d\ude00\u000a\u001F\u2028<&>"}`,
			catalog.Product{ID: "1", Name: "A/ä", Active: true, Attributes: `{"x":"ä/😀\n\u001f` + "\u2028" + `<&>"}`}},
		{"escaped names are names", `{"\u0069d":"1","n\u0061me":"A","\u0078":1}`,
			catalog.Product{ID: "1", Name: "A", Active: true, Attributes: `{"x":1}`}},
		{"an escaped backslash is no NUL", `{"id":"1","name":"A","x":"\\u0000"}`,
			catalog.Product{ID: "1", Name: "A", Active: true, Attributes: `{"x":"\\u0000"}`}},
		{"attributes of another type", `{"id":"1","name":"A","attributes":[1],"b":2}`,
			catalog.Product{ID: "1", Name: "A", Active: true, Attributes: `{"attributes":[1],"b":2}`}},
		{"attributes with the product's names", `{"id":"1","name":"A","attributes":{"price":{"net":1},"\u0069d":"x"}}`,
			catalog.Product{ID: "1", Name: "A", Active: true, Attributes: `{"id":"x","price":{"net":1}}`}},
		{"attributes within attributes", `{"id":"1","name":"A","attributes":{"attributes":{"id":1}}}`,
			catalog.Product{ID: "1", Name: "A", Active: true, Attributes: `{"attributes":{"id":1}}`}},
		{"names are case-sensitive", `{"id":"1","name":"A","ID":"2"}`,
			catalog.Product{ID: "1", Name: "A", Active: true, Attributes: `{"ID":"2"}`}},
		{"the longest id", `{"id":"` + long + `","name":"A"}`,
			catalog.Product{ID: long, Name: "A", Active: true, Attributes: `{}`}},
		{"the deepest", `{"id":"1","name":"A","x":` + nested(63) + `}`,
			catalog.Product{ID: "1", Name: "A", Active: true, Attributes: `{"x":` + nested(63) + `}`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := catalog.Parse([]byte(tt.line))
			if err != nil {
				t.Fatalf("Parse: %v", err)
			}
			want := tt.want
			want.Hash = want.ContentHash()
			if got != want {
				t.Errorf("Parse:\n got %+v\nwant %+v", got, want)
			}
			checkProduct(t, got)
		})
	}
}

// checkProduct checks what is true of every accepted product.
func checkProduct(t *testing.T, p catalog.Product) {
	t.Helper()
	wire := p.AppendJSON(nil)
	again, err := catalog.Parse(wire)
	if err != nil {
		t.Fatalf("the canonical form is refused: %v\n%s", err, clipped(wire))
	}
	if again != p {
		t.Errorf("the canonical form reads back differently:\n got %+v\nwant %+v", again, p)
	}
	if hash := p.ContentHash(); p.Hash != hash {
		t.Errorf("Hash = %q, ContentHash = %q", p.Hash, hash)
	}
	if len(wire) > catalog.MaxProductBytes || !utf8.Valid(wire) {
		t.Errorf("the canonical form is too long (%d bytes) or not UTF-8", len(wire))
	}
	formatted := jsontext.Value(p.Attributes)
	if err := formatted.Format(jsontext.ReorderRawObjects(true)); err != nil || string(formatted) != p.Attributes {
		t.Errorf("attributes are not canonical (%v):\n got %s\nwant %s", err, p.Attributes, formatted)
	}
}

func clipped(text []byte) []byte { return text[:min(len(text), 300)] }

func TestParseRejects(t *testing.T) {
	product := func(rest string) string { return `{"id":"1","name":"A",` + rest + `}` }
	tests := []struct {
		name, line, id, reason string
	}{
		{"nothing", ``, "", "a product must be one JSON object"},
		{"an array", `[]`, "", "a product must be one JSON object"},
		{"no JSON", `hello`, "", "a product must be one JSON object"},
		{"cut", `{"id":"1","na`, "1", "the JSON of the line ends too early"},
		{"broken", `{"id":"1","name":A}`, "1", "the line is not valid JSON at byte 18"},
		{"two objects", `{"id":"1","name":"A"}{}`, "1", "nothing may follow the product's JSON object on its line"},
		{"rubbish behind", `{"id":"1","name":"A"}]`, "1", "nothing may follow the product's JSON object on its line"},
		{"invalid UTF-8", product("\"x\":\"\xff\""), "1", "the line is not valid UTF-8"},
		{"half a surrogate pair", product(`"x":"\ud83d"`), "1", "the line has an escape at byte 27 that stands for no character"},
		{"surrogates swapped", product(`"x":"\ude00\ud83d"`), "1", "the line has an escape at byte 27 that stands for no character"},
		{"a name twice", product(`"x":1,"\u0078":2`), "1", `the member "x" appears twice in one object`},
		{"the id twice", product(`"id":"2"`), "1", `the member "id" appears twice in one object`},
		{"a deep name twice", product(`"x":[{"y":{"z":1,"z":1}}]`), "1", `the member "z" appears twice in one object`},
		{"a name here and there", product(`"x":1,"attributes":{"x":1}`), "1",
			`the member "x" appears both in the product and in its attributes`},
		{"too deep", product(`"x":` + nested(64)), "1", "the product is nested deeper than 64 levels"},
		{"too deep in attributes", product(`"attributes":{"x":` + nested(64) + `}`), "1", "the product is nested deeper than 64 levels"},
		{"far too deep", product(`"x":` + nested(20_000)), "1", "the product is nested deeper than 64 levels"},
		{"brackets in a text are no nesting", product(`"x":"\"` + strings.Repeat("[", 70) + `",y`), "1",
			"the line is not valid JSON at byte 101"},
		{"NUL in a value", product(`"x":["a\\\u0000"]`), "1", "names and values must not contain NUL"},
		{"NUL in a name", product(`"attributes":{"x":{"\u0000":1}}`), "1", "names and values must not contain NUL"},
		{"NUL in the name", `{"id":"1","name":"\u0000"}`, "1", "name must not contain NUL"},
		{"NUL in the sku", product(`"sku":"a\u0000"`), "1", "sku must not contain NUL"},
		{"a raw NUL", product("\"x\":\"\x00\""), "1", "the line is not valid JSON at byte 27"},

		{"no id", `{"name":"A"}`, "", "id is required"},
		{"null id", `{"id":null,"name":"A"}`, "", "id is required"},
		{"empty id", `{"id":"","name":"A"}`, "", "id is required"},
		{"number as id", `{"id":7,"name":"A"}`, "", "id must be a JSON string, not a number"},
		{"tab in the id", `{"id":"a\tb","name":"A"}`, "", "id must not contain control characters"},
		{"C1 in the id", `{"id":"a\u0085b","name":"A"}`, "", "id must not contain control characters"},
		{"long id", `{"id":"` + strings.Repeat("x", 256) + `","name":"A"}`, "", "id must be at most 255 bytes long, not 256"},
		{"no name", `{"id":"1"}`, "1", "name is required"},
		{"empty name", `{"id":"1","name":""}`, "1", "name is required"},
		{"object as name", `{"id":"1","name":{"de":"A"}}`, "1", "name must be a JSON string, not an object"},
		{"long name", `{"id":"1","name":"` + strings.Repeat("x", 4097) + `"}`, "1", "name must be at most 4096 bytes long, not 4097"},
		{"array as sku", product(`"sku":[]`), "1", "sku must be a JSON string, not an array"},
		{"long sku", product(`"sku":"` + strings.Repeat("x", 256) + `"`), "1", "sku must be at most 255 bytes long, not 256"},
		{"exponent", product(`"price":1e3`), "1", "price must be a decimal such as 12.50, not \"1e3\""},
		{"comma", product(`"price":"12,50"`), "1", "price must be a decimal such as 12.50, not \"12,50\""},
		{"bare point", product(`"price":"12."`), "1", "price must be a decimal such as 12.50, not \"12.\""},
		{"plus", product(`"price":"+1"`), "1", "price must be a decimal such as 12.50, not \"+1\""},
		{"two signs", product(`"price":"--1"`), "1", "price must be a decimal such as 12.50, not \"--1\""},
		{"white space", product(`"price":" 1\n"`), "1", "price must be a decimal such as 12.50, not \" 1?\""},
		{"long price", product(`"price":` + strings.Repeat("1", 41)), "1", "price must be at most 40 characters long, not 41"},
		{"long rubbish price", product(`"price":"` + strings.Repeat("ä", 900) + `"`), "1",
			"price must be a decimal such as 12.50, not \"" + strings.Repeat("ä", 40) + "…\""},
		{"boolean price", product(`"price":true`), "1", "price must be a JSON string or number, not true or false"},
		{"two letters", product(`"currency":"EU"`), "1", "currency must be three letters such as EUR, not \"EU\""},
		{"a sign", product(`"currency":"€"`), "1", "currency must be three letters such as EUR, not \"€\""},
		{"active as text", product(`"active":"yes"`), "1", "active must be true or false, not a string"},
		{"too large", product(`"x":"` + strings.Repeat("x", catalog.MaxProductBytes) + `"`), "1", "the product is larger than 1572864 bytes"},
		{"the id comes last", `{"name":"A","price":"?","id":"last"}`, "last", "price must be a decimal such as 12.50, not \"?\""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, err := catalog.Parse([]byte(tt.line))
			var reject *catalog.Reject
			if !errors.As(err, &reject) {
				t.Fatalf("Parse = %+v, %v; want a *Reject", p, err)
			}
			if reject.ID != tt.id || reject.Reason != tt.reason {
				t.Errorf("Reject:\n got %q %q\nwant %q %q", reject.ID, reject.Reason, tt.id, tt.reason)
			}
			if p != (catalog.Product{}) {
				t.Errorf("a product came with the reject: %+v", p)
			}
		})
	}
}

func TestParseLargestProduct(t *testing.T) {
	// Subtract everything around the filler to hit the largest size exactly.
	frame := catalog.Product{ID: "1", Name: "A", Active: true, Attributes: `{"x":""}`}
	room := catalog.MaxProductBytes - len(frame.AppendJSON(nil))
	p, err := catalog.Parse([]byte(`{"id":"1","name":"A","x":"` + strings.Repeat("x", room) + `"}`))
	if err != nil {
		t.Fatalf("Parse: %v", err)
	}
	checkProduct(t, p)
	if n := len(p.AppendJSON(nil)); n != catalog.MaxProductBytes {
		t.Errorf("canonical form has %d bytes, want %d", n, catalog.MaxProductBytes)
	}
}

func TestProductsDoNotReferToTheirLine(t *testing.T) {
	line := []byte(feedLine)
	p, err := catalog.Parse(line)
	if err != nil {
		t.Fatal(err)
	}
	for i := range line {
		line[i] = '#'
	}
	if _, err := catalog.Parse([]byte(`{"id":"other","name":"other","z":1,"a":2}`)); err != nil {
		t.Fatal(err)
	}
	checkProduct(t, p)
}

// Every existing database relies on these golden values. If this test fails because the canonical form or the hash was
// changed on purpose, the hash's version must change too.
func TestHashIsGolden(t *testing.T) {
	const line = `{"id":"4711","sku":"S-1","name":"Größe \"M\"","price":12.50,"currency":"EUR","active":false,` +
		`"z":[1.0,1e5,null],"attributes":{"b":"\u00e4\u0007","a":{}}}`
	const wire = `{"id":"4711","sku":"S-1","name":"Größe \"M\"","price":"12.50","currency":"EUR","active":false,` +
		`"attributes":{"a":{},"b":"ä\u0007","z":[1.0,1e5,null]}}`
	const hash = "1:_-Ucgs1cgUr-H8u7qJs-HLiBswf-trr9nYwNbGbzmVQ"
	p, err := catalog.Parse([]byte(line))
	if err != nil {
		t.Fatal(err)
	}
	if got := string(p.AppendJSON(nil)); got != wire {
		t.Errorf("canonical form:\n got %s\nwant %s", got, wire)
	}
	if p.Hash != hash {
		t.Errorf("hash = %s, want %s", p.Hash, hash)
	}
}

func TestHashCoversEveryMember(t *testing.T) {
	full := catalog.Product{ID: "1", SKU: "s", Name: "n", Price: "1", Currency: "EUR", Active: true, Attributes: `{"a":1}`}
	changes := map[string]func(*catalog.Product){
		"id":         func(p *catalog.Product) { p.ID = "2" },
		"sku":        func(p *catalog.Product) { p.SKU = "" },
		"name":       func(p *catalog.Product) { p.Name = "m" },
		"price":      func(p *catalog.Product) { p.Price = "1.0" },
		"currency":   func(p *catalog.Product) { p.Currency = "USD" },
		"active":     func(p *catalog.Product) { p.Active = false },
		"attributes": func(p *catalog.Product) { p.Attributes = `{"a":1.0}` },
	}
	for name, change := range changes {
		p := full
		change(&p)
		if p.ContentHash() == full.ContentHash() {
			t.Errorf("another %s has the same hash", name)
		}
	}
	same := full
	same.Hash = "something else"
	if same.ContentHash() != full.ContentHash() {
		t.Error("the hash depends on the hash held so far")
	}
}

func TestAppendJSONOfProductsMadeByHand(t *testing.T) {
	p := catalog.Product{ID: "a\"\\", SKU: "a\nb\x01", Name: "bad\xffend"}
	const want = `>{"id":"a\"\\","sku":"a\nb\u0001","name":"bad` + "\uFFFD" + `end","active":false,"attributes":{}}`
	if got := string(p.AppendJSON([]byte(">"))); got != want {
		t.Errorf("AppendJSON:\n got %s\nwant %s", got, want)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		feedLine, `{"id":"1","name":"A"}`, `{"id":"1","name":"A","attributes":{"b":1,"a":{"attributes":[]}}}`,
		`{"id":"1","name":"\ud83d\ude00","price":-1.50,"x":"\\u0000"}`, `{"id":"1","name":"A","` + "\uFB33" + `":1,"😀":[{}]}`,
		`{"id":"1","name":"A","x":1,"attributes":{"x":2}}`, `{"id":"1","name":"A","x":"\ud83d"}`, `{"id":"1","name":"A"}{`,
		`{"id":1}`, `[`, `{"id":"1","name":"A","x":{"a":1,"a":2}}`, `{"id":"1","name":"A","x":` + nested(70) + `}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		p, err := catalog.Parse(line)
		if err == nil {
			checkProduct(t, p)
			return
		}
		var reject *catalog.Reject
		if !errors.As(err, &reject) || reject.Reason == "" || len(reject.Reason) > 300 || !utf8.ValidString(reject.Reason) {
			t.Errorf("not a reject with a readable reason: %#v", err)
		}
		if strings.ContainsAny(reject.Reason, "\r\n\x00") {
			t.Errorf("the reason holds control characters: %q", reject.Reason)
		}
	})
}
