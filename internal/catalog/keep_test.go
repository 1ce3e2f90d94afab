package catalog_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"fullsync/internal/catalog"
)

// TestKeptFields: what is shown has our fields and all others of the source, and what came can be had back from it.
func TestKeptFields(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	names := []string{"sku", "name", "price", "currency", "active", "attributes.stock", "attributes.größe", `attributes."`, "attributes.a.b"}
	for range 5000 {
		came, held := randomProduct(t, random), randomProduct(t, random)
		random.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
		fields := catalog.Fields(slices.Clone(names[:random.IntN(len(names)+1)]))
		if why := fields.Refused(); why != "" {
			t.Fatal(why)
		}
		shown, theirs, refused := fields.Keep(&came, &held)
		if refused != nil {
			t.Fatal(refused)
		}
		if shown.Hash != shown.ContentHash() {
			t.Fatalf("%+v has another hash", shown)
		}
		for _, name := range names {
			want := came
			if slices.Contains(fields, name) {
				want = held
			}
			if got := field(t, shown, name); got != field(t, want, name) {
				t.Fatalf("keeping %q of %+v where %+v came, %s is %q", fields, held, came, name, got)
			}
		}
		if theirs == "" {
			if shown != came {
				t.Fatalf("%+v is shown where %+v came, and nothing is noted", shown, came)
			}
			continue
		}
		if back, err := shown.AsCame(theirs); err != nil || back != came {
			t.Fatalf("%+v with %s came as %+v (%v), not %+v", shown, theirs, back, err, came)
		}
		if again, same, refused := fields.Keep(&came, &shown); refused != nil || again != shown || same != theirs {
			t.Fatalf("kept again: %+v, %s, %v", again, same, refused)
		}
		if !fields.Cover(theirs) {
			t.Fatalf("%q do not cover %s", fields, theirs)
		}
		for i, name := range fields {
			rest := slices.Delete(slices.Clone(fields), i, i+1)
			if rest.Cover(theirs) == (field(t, came, name) != field(t, held, name)) {
				t.Fatalf("without %s, %s is covered: %v", name, theirs, rest.Cover(theirs))
			}
		}
	}
}

// randomProduct has few values for each field, so that some are equal.
func randomProduct(t *testing.T, random *rand.Rand) catalog.Product {
	t.Helper()
	one := func(of ...string) string { return of[random.IntN(len(of))] }
	line := `{"id":"p","name":` + one(`"a"`, `"b \" \\ é"`) + one("", `,"sku":"s"`) + one("", `,"price":"12.50"`, `,"price":12.5`) +
		one("", `,"currency":"EUR"`) + one("", `,"active":false`) + `,"attributes":{"other":1.0` + one("", `,"stock":5`, `,"stock":5.0`, `,"stock":null`) +
		one("", `,"größe":{"b":1,"a":[1,2]}`) + one("", `,"\"":"\u00e9\u0001"`) + one("", `,"a.b":true`, `,"a":{"b":1}`) + `}}`
	p, err := catalog.Parse([]byte(line))
	if err != nil {
		t.Fatal(line, err)
	}
	return p
}

// field is a field of a product as text, "" where it has none.
func field(t *testing.T, p catalog.Product, name string) string {
	t.Helper()
	switch name {
	case "sku":
		return p.SKU
	case "name":
		return p.Name
	case "price":
		return p.Price
	case "currency":
		return p.Currency
	case "active":
		return fmt.Sprint(p.Active)
	}
	var attributes map[string]json.RawMessage
	if err := json.Unmarshal([]byte(p.Attributes), &attributes); err != nil {
		t.Fatal(err)
	}
	return string(attributes[strings.TrimPrefix(name, "attributes.")])
}

func TestListsOfKeptFields(t *testing.T) {
	t.Parallel()
	many := make(catalog.Fields, 101)
	for i := range many {
		many[i] = fmt.Sprintf("attributes.%d", i)
	}
	for _, tc := range []struct {
		fields catalog.Fields
		want   string
	}{
		{nil, ""},
		{catalog.Fields{"price", "attributes.a.b", "attributes.price"}, ""},
		{many[:100], ""},
		{many, "must name at most 100 fields, not 101"},
		{catalog.Fields{"id"}, "must not name id"},
		{catalog.Fields{"attributes"}, `names no field of a product: "attributes"`},
		{catalog.Fields{"attributes."}, `names no field of a product: "attributes."`},
		{catalog.Fields{"price", "colour"}, `names no field of a product: "colour"; there are sku, name, price, currency, active and attributes.NAME`},
		{catalog.Fields{"attributes.\n"}, "names no field of a product"},
		{catalog.Fields{"Price"}, "names no field of a product"},
		{catalog.Fields{"price", "price"}, `names a field twice: "price"`},
		{catalog.Fields{"attributes." + strings.Repeat("x", 245)}, "must not name a field longer than 255 bytes"},
	} {
		if got := tc.fields.Refused(); (got == "") != (tc.want == "") || !strings.Contains(got, tc.want) {
			t.Errorf("%.50q: %q, want %q", tc.fields, got, tc.want)
		}
	}
}

// TestWhatCannotBeKept: together, ours and theirs may be no product.
func TestWhatCannotBeKept(t *testing.T) {
	t.Parallel()
	large := func(name string) catalog.Product {
		p, err := catalog.Parse([]byte(`{"id":"p","name":"p","` + name + `":"` + strings.Repeat("x", 1<<20) + `"}`))
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	came, held := large("theirs"), large("ours")
	if _, _, refused := (catalog.Fields{"attributes.ours"}).Keep(&came, &held); refused == nil || refused.ID != "p" ||
		!strings.Contains(refused.Reason, "with the fields that are kept here: the product is larger than") {
		t.Errorf("too large: %v", refused)
	}
	broken := catalog.Product{ID: "p", Name: "p", Price: "cheap", Attributes: "[1]"}
	small := randomProduct(t, rand.New(rand.NewPCG(1, 1)))
	if _, _, refused := (catalog.Fields{"price"}).Keep(&small, &broken); refused == nil || !strings.Contains(refused.Reason, "price must be a decimal") {
		t.Errorf("no price: %v", refused)
	}
	if _, _, refused := (catalog.Fields{"attributes.a"}).Keep(&small, &broken); refused == nil || !strings.Contains(refused.Reason, "not one JSON object") {
		t.Errorf("no attributes: %v", refused)
	}
	if shown, _, refused := (catalog.Fields{"sku"}).Keep(&small, &broken); refused != nil || shown.Price != small.Price {
		t.Errorf("what is not kept does not matter: %v", refused)
	}
	for _, theirs := range []string{"", "{}", "[]", `{"id":["x"]}`, `{"price":["1","2"]}`, `{"price":"1"}`, `{"price":["cheap"]}`, `{"attributes.":[1]}`, `{"price":["1"]`} {
		if came, err := small.AsCame(theirs); err == nil {
			t.Errorf("%s makes %+v", theirs, came)
		}
	}
	var reject *catalog.Reject
	if _, err := small.AsCame(`{"name":[]}`); !errors.As(err, &reject) {
		t.Errorf("without a name: %v", err)
	}
}
