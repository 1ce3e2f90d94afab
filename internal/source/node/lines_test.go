package node

import (
	"testing"

	"fullsync/internal/catalog"
)

func TestWrapperInAnotherForm(t *testing.T) {
	t.Parallel()
	want, err := catalog.Parse([]byte(`{"id":"a","name":"A"}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		`{"product":{"id":"a","name":"A"}}`, `{ "product" : {"name":"A","id":"a"} }`, `{"\u0070roduct":{"id":"a","name":"A"}}`,
	} {
		if l, err := parseProductLine([]byte(line)); err != nil || l.product != want {
			t.Errorf("%s: %+v, %v", line, l, err)
		}
	}
	for _, line := range []string{
		`{"product":{"id":"a","name":"A","name":"B"}}`, `{ "product":{"id":"a","name":"A","name":"B"}}`,
		"{\"product\":{\"id\":\"a\",\"name\":\"\xff\"}}", `{"product":[]}`, `{"product":"}"}`,
	} {
		if l, err := parseProductLine([]byte(line)); err != nil || l.reject == nil {
			t.Errorf("%s: %+v, %v; want a reject", line, l, err)
		}
	}
}

func FuzzLines(f *testing.F) {
	for _, seed := range []string{
		product("a"), end(1, "a"), end(0, ""), `{"id":"a","hash":"1:x"}`, `{"product":{}}`, `{"product":}`, `{"product":{"id":"a"}`,
		` {"product":{"id":"a","id":"b","name":"n"}}`, `{"end":{}}`, "{\"product\":\"\xff\"}", `{"":{}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		p, err := parseProductLine(line)
		kinds := 0
		for _, is := range []bool{err != nil, p.reject != nil, p.end != nil, p.product.ID != ""} {
			if is {
				kinds++
			}
		}
		if kinds != 1 {
			t.Errorf("parseProductLine(%q) = %+v, %v: not exactly one of them", line, p, err)
		}
		h, err := parseHashLine(line)
		if (err == nil) != (h.end != nil || h.entry.ID != "") {
			t.Errorf("parseHashLine(%q) = %+v, %v", line, h, err)
		}
	})
}
