package catalog

import (
	"fmt"
	"strings"
	"testing"
)

// TestRehashIsWhatAReaderComputes: whatever the columns contain, Rehash returns the hash that another node computes from
// the wire form, and refuses what that node refuses.
func TestRehashIsWhatAReaderComputes(t *testing.T) {
	t.Parallel()
	plain := Product{ID: "a", SKU: "S", Name: "A", Price: "1.50", Currency: "EUR", Active: true, Attributes: `{"b":[1,{"c":"ä"}],"d":null}`}
	change := func(edit func(*Product)) Product {
		p := plain
		edit(&p)
		return p
	}
	deep := strings.Repeat(`{"a":`, maxDepth+1) + "1" + strings.Repeat("}", maxDepth+1)
	for name, p := range map[string]Product{
		"canonical":          plain,
		"no attributes":      change(func(p *Product) { p.Attributes = "" }),
		"empty attributes":   change(func(p *Product) { p.Attributes = "{}" }),
		"names out of order": change(func(p *Product) { p.Attributes = `{"d":1,"b":2}` }),
		"white space":        change(func(p *Product) { p.Attributes = "{ \"b\" : 1,\n\"d\":2 }" }),
		"needless escape":    change(func(p *Product) { p.Attributes = `{"b":"\u0041"}` }),
		"bad price":          change(func(p *Product) { p.Price = "cheap" }),
		"bad currency":       change(func(p *Product) { p.Currency = "euros" }),
		"no name":            change(func(p *Product) { p.Name = "" }),
		"no id":              change(func(p *Product) { p.ID = "" }),
		"control character":  change(func(p *Product) { p.ID = "a\nb" }),
		"NUL":                change(func(p *Product) { p.SKU = "a\x00b" }),
		"long id":            change(func(p *Product) { p.ID = strings.Repeat("i", 256) }),
		"duplicate names":    change(func(p *Product) { p.Attributes = `{"b":1,"b":2}` }),
		"too deep":           change(func(p *Product) { p.Attributes = deep }),
		"NUL inside":         change(func(p *Product) { p.Attributes = `{"b":"\u0000"}` }),
		"too large":          change(func(p *Product) { p.Attributes = `{"b":"` + strings.Repeat("x", MaxProductBytes) + `"}` }),
		"bad UTF-8":          change(func(p *Product) { p.Attributes = "{\"b\":\"\xff\"}" }),
		"bad UTF-8 name":     change(func(p *Product) { p.Name = "\xff" }),
	} {
		hash, refused := p.Rehash()
		read, err := Parse(p.AppendJSON(nil))
		switch {
		case (err == nil) != (refused == nil):
			t.Errorf("%s: Rehash says %v, a reader says %v", name, refused, err)
		case err == nil && hash != read.Hash:
			t.Errorf("%s: Rehash = %s, a reader computes %s", name, hash, read.Hash)
		case err != nil && (hash != p.ContentHash() || refused.ID != p.ID || refused.Reason == ""):
			t.Errorf("%s: Rehash = %s, %+v", name, hash, refused)
		}
	}
}

// TestRehashOfBrokenAttributes: attributes that are not a JSON object by themselves are refused, even if the whole line
// would be valid JSON.
func TestRehashOfBrokenAttributes(t *testing.T) {
	t.Parallel()
	for _, attributes := range []string{"7", "[]", `{"a"`, "nonsense", `{},"sku":"S"`, `{"a":"`, `{"a":1}}`, `"`, `{"a\`, "null"} {
		p := Product{ID: "a", Name: "A", Attributes: attributes}
		if hash, refused := p.Rehash(); refused == nil || hash != p.ContentHash() {
			t.Errorf("%s: Rehash = %s, %v", attributes, hash, refused)
		}
	}
	p := Product{ID: "a\xff", Name: "A"}
	if _, refused := p.Rehash(); refused == nil {
		t.Error("an id that is not valid UTF-8 is accepted")
	}
}

func BenchmarkRehash(b *testing.B) {
	p, err := Parse([]byte(fmt.Sprintf(`{"id":"P-1","sku":"S","name":"N","price":"1.50","currency":"EUR","a":%q,"b":[1,2,3],"c":{"d":"e"}}`,
		strings.Repeat("text ", 80))))
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(p.AppendJSON(nil))))
	b.ReportAllocs()
	for b.Loop() {
		if hash, refused := p.Rehash(); refused != nil || hash != p.Hash {
			b.Fatal(hash, refused)
		}
	}
}
