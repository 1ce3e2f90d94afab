package catalog

import (
	"errors"
	"strings"
	"testing"
)

// TestLinesOfAPage: whatever a row contains, its line can be read, and is just one line.
func TestLinesOfAPage(t *testing.T) {
	t.Parallel()
	good, err := Parse([]byte(`{"id":"a","name":"A","price":"1.50","x":[1,{"y":"\n"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	with := func(change func(*Product)) Product {
		p := good
		p.Hash = ""
		change(&p)
		return p
	}
	broken := func(attributes string) Product { return with(func(p *Product) { p.Attributes = attributes }) }
	for name, tc := range map[string]struct {
		product Product
		why     string // how its line ends, or why it is refused
	}{
		"as it was written": {good, ""},
		"no attributes":     {broken(""), ""},
		"over two lines":    {broken("{\n\"x\": 1,\r\n \"y\": \"\\n\"}"), ""},
		"two lines, healed": {with(func(p *Product) { p.Attributes, p.Hash = "{\n\"x\": 1\r}", good.Hash }), ""},
		"another price":     {with(func(p *Product) { p.Price = "cheap" }), "price must be a decimal such as 12.50, not \"cheap\""},
		"no JSON":           {broken("hello"), "its attributes are not a JSON object"},
		"cut":               {broken(`{"x":1`), "its attributes are not a JSON object"},
		"an array":          {broken(`[1]`), "its attributes are not a JSON object"},
		"a way out":         {broken(`{}},"x":{`), "its attributes are not a JSON object"},
		"a line break":      {broken("{\"x\":\"a\nb\"}"), "its attributes are not a JSON object"},
		"no UTF-8":          {broken("{\"x\":\"\xff\"}"), "its attributes are not a JSON object"},
		"twice the same":    {broken(`{"x":1,"x":2}`), `the member "x" appears twice in one object`},
		"too large":         {broken(`{"x":"` + strings.Repeat("x", MaxLineBytes) + `"}`), "it is larger than 2097152 bytes"},
	} {
		line := string(tc.product.AppendLine([]byte("before")))
		inner, ok := strings.CutPrefix(line, `before{"product":`)
		if !ok || !strings.HasSuffix(inner, "}") || strings.ContainsAny(line, "\r\n") || len(inner) > MaxLineBytes {
			t.Errorf("%s: no line of a page: %.200s", name, line)
			continue
		}
		inner = strings.TrimSuffix(inner, "}")
		p, err := ParseSent([]byte(inner))
		var reject *Reject
		switch {
		case tc.why == "" && (err != nil || p.ID != "a"):
			t.Errorf("%s: %+v, %v", name, p, err)
		case tc.why != "" && (!errors.As(err, &reject) || reject.ID != "a" || !strings.HasSuffix(reject.Reason, tc.why)):
			t.Errorf("%s: %+v, %v; want it refused: %s", name, p, err, tc.why)
		}
		// Earlier versions do not know unreadable products, but refuse them too.
		if _, err := Parse([]byte(inner)); tc.why != "" && (!errors.As(err, &reject) || reject.ID != "a") {
			t.Errorf("%s: an earlier version reads %v", name, err)
		}
	}
	if line := string(good.AppendLine(nil)); line != `{"product":`+string(good.AppendJSON(nil))+"}" {
		t.Errorf("the line of a product is %s", line)
	}
}

func TestIDOfLine(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		`{"product":{"id":"a","name":"A`:     "a",
		`{"id":"a","name":"A`:                "a",
		` { "id" : "\u0061\"" `:              `a"`,
		`{"id":"a`:                           "",
		`{"id":7,"name":"A`:                  "",
		`{"id":""`:                           "",
		`{"name":"A","id":"a"`:               "",
		`{"product":{"product":{"id":"a"`:    "",
		`[{"id":"a"`:                         "",
		`{"product":["id","a"`:               "",
		``:                                   "",
		`{"id":"` + strings.Repeat("x", 300): "",
		`{"id":"a\u0000","name":"A"`:         "",
	} {
		if got := IDOfLine([]byte(line)); got != want {
			t.Errorf("IDOfLine(%s) = %q, want %q", line, got, want)
		}
	}
}

func FuzzIDOfLine(f *testing.F) {
	f.Add([]byte(`{"product":{"id":"a","name":"A`))
	f.Add([]byte(` { "id" : "\u0061" `))
	f.Fuzz(func(t *testing.T, line []byte) {
		if id := IDOfLine(line); id != "" && checkID([]byte(id)) != "" {
			t.Errorf("IDOfLine(%q) = %q", line, id)
		}
	})
}

// FuzzAppendLine: no attributes in a row can break out of its line.
func FuzzAppendLine(f *testing.F) {
	f.Add("a", `{"x":1}`)
	f.Add("a", `{}},"x":{`)
	f.Add("\n", "{\n}")
	f.Fuzz(func(t *testing.T, id, attributes string) {
		p := Product{ID: id, Name: "A", Attributes: attributes}
		line := string(p.AppendLine(nil))
		inner, ok := strings.CutSuffix(strings.TrimPrefix(line, productWrapper), "}")
		if !ok || strings.ContainsAny(line, "\r\n") {
			t.Fatalf("no line of a page: %q", line)
		}
		m := members{}
		if err := m.read([]byte(inner)); err != nil {
			t.Logf("refused: %v", err)
			if _, err := ParseSent([]byte(inner)); err == nil {
				t.Errorf("%q is read as a product", inner)
			}
		}
	})
}
