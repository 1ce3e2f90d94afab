package api_test

import (
	"fmt"
	"net/http"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"fullsync/internal/catalog"
	"fullsync/internal/session"
	"fullsync/internal/syncer"
)

const productPath = "/api/catalogs/main/products/a"

func TestPutProduct(t *testing.T) {
	t.Parallel()
	n := setup(t)
	var asked []catalog.Edit
	effect := catalog.Created
	n.edit = func(name string, edits []catalog.Edit) ([]catalog.Edited, error) {
		asked = edits
		done, err := goodEdits(name, edits)
		done[0].Effect = effect
		return done, err
	}
	want, err := catalog.Parse([]byte(`{"id":"a","name":"Chair","price":"12.50","weight":1.0}`))
	if err != nil {
		t.Fatal(err)
	}
	const body = `{"name":"Chair","price":12.50,"weight":1.0,"createdAt":"2026-01-31T10:00:00Z"}`
	const shown = `{"success":true,"product":{"id":"a","sku":null,"name":"Chair","price":"12.50","currency":null,"active":true,` +
		`"attributes":{"weight":1.0},"originNodeId":"main-1","createdAt":"2026-01-31T10:00:00Z","updatedAt":"2026-01-31T10:00:00Z"}}`
	a := n.call("PUT", productPath, body)
	if a.status != 201 || strings.TrimSpace(a.body) != shown || a.header.Get("ETag") != `"`+want.Hash+`"` || a.header.Get("Location") != productPath {
		t.Errorf("%d %v %s", a.status, a.header, a.body)
	}
	if !reflect.DeepEqual(asked, []catalog.Edit{{Product: want}}) {
		t.Errorf("asked for %+v", asked)
	}
	effect = catalog.Updated
	if a = n.call("PUT", productPath, body); a.status != 200 || a.header.Get("Location") != "" || a.header.Get("ETag") != `"`+want.Hash+`"` {
		t.Errorf("%d %v %s", a.status, a.header, a.body)
	}
	if a = n.call("PUT", "/api/catalogs/main/products/a%2F%20b", `{"name":"N"}`); a.status != 200 || asked[0].Product.ID != "a/ b" {
		t.Errorf("%d %s: %+v", a.status, a.body, asked)
	}
	effect = catalog.Created
	if a = n.call("PUT", "/api/catalogs/main/products/a%2F%20b", `{"name":"N"}`); a.header.Get("Location") != "/api/catalogs/main/products/a%2F%20b" {
		t.Errorf("%v", a.header)
	}

	for header, is := range map[string]catalog.Condition{
		`"1:x"`:               {Hashes: []string{"1:x"}},
		`W/"1:x"`:             {Hashes: []string{"1:x"}},
		` "1:x" ,W/"1:y","z"`: {Hashes: []string{"1:x", "1:y", "z"}},
		`*`:                   {Exists: true},
	} {
		if a = n.call("PUT", productPath, body, "If-Match", header); a.status != 201 || !reflect.DeepEqual(asked[0].If, is) {
			t.Errorf("If-Match: %s: %d %+v", header, a.status, asked[0].If)
		}
	}
	if a = n.call("PUT", productPath, body, "If-None-Match", "*"); a.status != 201 || !asked[0].If.Absent {
		t.Errorf("If-None-Match: %d %+v", a.status, asked)
	}
	for _, c := range []struct{ header, value string }{
		{"If-Match", "1:x"}, {"If-Match", `"1:x`}, {"If-Match", `"a" "b"`}, {"If-Match", `"a",x`}, {"If-Match", `W/x`},
		{"If-None-Match", `"1:x"`}, {"If-None-Match", "**"},
	} {
		if a = n.call("PUT", productPath, body, c.header, c.value); a.status != 400 || len(a.details()) != 1 {
			t.Errorf("%s: %s: %d %s", c.header, c.value, a.status, a.body)
		}
	}
}

func TestProductsThatAreRefused(t *testing.T) {
	t.Parallel()
	n := setup(t)
	n.edit = func(string, []catalog.Edit) ([]catalog.Edited, error) {
		t.Error("a refused product was written")
		return nil, nil
	}
	deep := strings.Repeat(`{"a":`, 70) + "1" + strings.Repeat("}", 70)
	for _, c := range []struct {
		body   string
		status int
		says   string
	}{
		{`{}`, 400, "name is required"},
		{``, 400, ""},
		{`[]`, 400, "JSON object"},
		{`{"name":"A"} {"name":"B"}`, 400, "nothing after it"},
		{`{"name":"A","name":"B"}`, 400, "twice"},
		{`{"name":"A","price":"12,50"}`, 400, `price must be a decimal such as 12.50, not "12,50"`},
		{`{"name":"A","id":"b"}`, 400, "id must be that of the address, or be left out"},
		{`{"name":"A","x":"\u0000"}`, 400, "NUL"},
		{`{"name":"A","x":` + deep + `}`, 400, "deeper than 64 levels"},
		{`{"name":"` + strings.Repeat("x", 4097) + `"}`, 400, "name must be at most 4096 bytes long"},
		{`{"name":"A","x":"` + strings.Repeat("x", 1600<<10) + `"}`, 400, "larger than 1572864 bytes"},
		{`{"name":"A","x":"` + strings.Repeat("x", 2<<20) + `"}`, 413, "2097152 bytes"},
	} {
		a := n.call("PUT", productPath, c.body)
		if message, _ := a.member("message").(string); a.status != c.status || !strings.Contains(message, c.says) {
			t.Errorf("%.60s: %d %.300s", c.body, a.status, a.body)
		}
	}
	if a := n.call("PUT", productPath, `{"name":"A"}`, "Content-Type", "text/plain"); a.status != 415 {
		t.Errorf("as text: %d", a.status)
	}
	if a := n.call("PUT", "/api/catalogs/.main/products/a", `{"name":"A"}`); a.status != 400 {
		t.Errorf("a bad catalog: %d", a.status)
	}
	if a := n.call("PUT", "/api/catalogs/main/products/a%0Ab", `{"name":"A"}`); a.status != 400 {
		t.Errorf("a bad id: %d", a.status)
	}
}

func TestEditsThatMeetAnotherState(t *testing.T) {
	t.Parallel()
	n := setup(t)
	var unmet catalog.Unmet
	n.edit = func(string, []catalog.Edit) ([]catalog.Edited, error) {
		return nil, &catalog.UnmetError{Unmet: []catalog.Unmet{unmet}}
	}
	for _, c := range []struct {
		unmet       catalog.Unmet
		etag, title string
	}{
		{catalog.Unmet{ID: "a", Hash: "1:now", If: catalog.Condition{Hashes: []string{"1:x"}}}, `"1:now"`, "Product has changed"},
		{catalog.Unmet{ID: "a", If: catalog.Condition{Exists: true}}, "", "Product has changed"},
		{catalog.Unmet{ID: "a", Hash: "1:now", If: catalog.Condition{Absent: true}}, `"1:now"`, "Product exists already"},
	} {
		unmet = c.unmet
		for _, method := range []string{"PUT", "DELETE"} {
			a := n.call(method, productPath, map[string]string{"PUT": `{"name":"A"}`}[method])
			if a.status != 412 || a.member("code") != "PRECONDITION_FAILED" || a.member("error") != c.title || a.header.Get("ETag") != c.etag || len(a.details()) != 1 {
				t.Errorf("%s %+v: %d %v %s", method, c.unmet, a.status, a.header, a.body)
			}
		}
	}
	unmet = catalog.Unmet{Index: 1, ID: "b", Hash: "1:now", If: catalog.Condition{Hashes: []string{"1:x"}}}
	a := n.call("POST", "/api/catalogs/main/products:batch", `{"edits":[{"put":{"id":"a","name":"A"}},{"delete":"b","ifMatch":"\"1:x\""}]}`)
	if a.status != 412 || a.details()["edits[1]"] != `does not fit: the ETag of product b is now "1:now"` {
		t.Errorf("%d %s", a.status, a.body)
	}

	n.edit = func(_ string, edits []catalog.Edit) ([]catalog.Edited, error) {
		return []catalog.Edited{{Effect: catalog.Missing, Stored: catalog.Stored{Product: edits[0].Product}}}, nil
	}
	if a = n.call("DELETE", productPath, ""); a.status != 404 || a.member("error") != "Product not found" {
		t.Errorf("%d %s", a.status, a.body)
	}
	n.edit = func(string, []catalog.Edit) ([]catalog.Edited, error) {
		return nil, &syncer.RunningError{Running: running()}
	}
	n.deleteAll = func(string, string, int64) (int64, error) {
		return 5000, &syncer.RunningError{Running: running(), Deleted: 5000}
	}
	for r, body := range map[string]string{
		"PUT " + productPath:                       `{"name":"A"}`,
		"DELETE " + productPath:                    "",
		"POST /api/catalogs/main/products:batch":   `{"edits":[{"delete":"a"}]}`,
		"DELETE /api/catalogs/main?products=10000": "",
	} {
		method, path, _ := strings.Cut(r, " ")
		a = n.call(method, path, body)
		if a.status != 409 || a.member("code") != "SYNC_IN_PROGRESS" || a.member("sessionId") != sessionA || a.member("progress") != float64(71) {
			t.Errorf("%s: %d %s", r, a.status, a.body)
		}
		if says := strings.Contains(a.body, "Before it began, 5000 products had been deleted."); says != strings.Contains(path, "?") {
			t.Errorf("%s: %s", r, a.body)
		}
	}
}

func TestBatchOfEdits(t *testing.T) {
	t.Parallel()
	n := setup(t)
	const path = "/api/catalogs/main/products:batch"
	var asked []catalog.Edit
	n.edit = func(name string, edits []catalog.Edit) ([]catalog.Edited, error) {
		asked = edits
		return goodEdits(name, edits)
	}
	a := n.call("POST", path, `{"edits":[{"put":{"id":"b","name":"B","price":1.50},"ifNoneMatch":"*"},{"delete":"a","ifMatch":"\"1:x\""},{"put":{"id":"c","name":"C"},"ifMatch":"*"}]}`)
	b, err := catalog.Parse([]byte(`{"id":"b","name":"B","price":"1.50"}`))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"success":true,"created":2,"updated":0,"unchanged":0,"deleted":1,"missing":0,"results":[{"id":"b","effect":"created","etag":"\"` + b.Hash + `\""},{"id":"a","effect":"deleted","etag":null},{"id":"c",`
	if a.status != 200 || !strings.HasPrefix(a.body, want) {
		t.Errorf("%d %s, want %s", a.status, a.body, want)
	}
	if len(asked) != 3 || asked[0].Product != b || !asked[0].If.Absent || !asked[1].Delete || asked[1].Product.ID != "a" ||
		!reflect.DeepEqual(asked[1].If.Hashes, []string{"1:x"}) || !asked[2].If.Exists {
		t.Errorf("%+v", asked)
	}

	asked = nil
	for body, problem := range map[string]string{
		`{"edits":[{"put":{"id":"a"}}]}`:                                "name is required",
		`{"edits":[{"put":{"name":"A"}}]}`:                              "id is required",
		`{"edits":[{"put":{"id":"a","name":"A"},"delete":"a"}]}`:        "either put or delete",
		`{"edits":[{}]}`:                                                "either put or delete",
		`{"edits":[7]}`:                                                 "must be an object",
		`{"edits":[null]}`:                                              "must be an object",
		`{"edits":[{"delete":7}]}`:                                      "must have text in delete",
		`{"edits":[{"delete":""}]}`:                                     "the id of a product in delete",
		`{"edits":[{"Delete":"a"}]}`:                                    "Delete, which is not known",
		`{"edits":[{"delete":"a","ifMatch":"1:x"}]}`:                    "in ifMatch",
		`{"edits":[{"delete":"a","ifNoneMatch":"*"}]}`:                  "only with put",
		`{"edits":[{"put":{"id":"a","name":"A"},"ifNoneMatch":"1:x"}]}`: "only with put",
		`{"edits":[{"put":{"id":"a","name":"A"}}],"x":1}`:               "one member, edits",
		`{"edits":[]}`:                                                  "a list of 1 to 5000 edits",
		`{"edits":{}}`:                                                  "a list of 1 to 5000 edits",
		`{}`:                                                            "a list of 1 to 5000 edits",
		`{"edits":[` + strings.Repeat(`{"delete":"a"},`, 5000) + `{"delete":"b"}]}`: "a list of 1 to 5000 edits",
	} {
		a := n.call("POST", path, body)
		if message, _ := a.member("message").(string); a.status != 400 || len(a.details()) != 1 || !strings.Contains(message, problem) {
			t.Errorf("%.100s: %d %s", body, a.status, a.body)
		}
	}
	a = n.call("POST", path, `{"edits":[{"delete":"a"},{"put":{"id":"b"}},{"put":{"id":"a","name":"A"}}]}`)
	if d := a.details(); len(d) != 2 || d["edits[1]"] != "name is required" || d["edits[2]"] != "is for product a, as edits[0] is; a batch has one edit for each" {
		t.Errorf("%d %s", a.status, a.body)
	}
	var many []string
	for i := range 100 {
		many = append(many, fmt.Sprintf(`{"put":{"id":"%d"}}`, i))
	}
	a = n.call("POST", path, `{"edits":[`+strings.Join(many, ",")+`]}`)
	if len(a.details()) != 20 || !strings.Contains(a.body, "100 of the 100 edits are wrong") {
		t.Errorf("%d %s", a.status, a.body)
	}
	if asked != nil {
		t.Errorf("wrong edits were made: %+v", asked)
	}
	if a = n.call("POST", path, `{"edits":[{"put":{"id":"a","name":"A","x":"`+strings.Repeat("x", 8<<20)+`"}}]}`); a.status != http.StatusRequestEntityTooLarge {
		t.Errorf("%d %s", a.status, a.body)
	}
	for _, other := range []string{"/api/catalogs/main/productsbatch", "/api/catalogs/main/products", "/api/catalogs/main/products:other"} {
		if a = n.call("POST", other, `{"edits":[{"delete":"a"}]}`); a.status != 404 && a.status != 405 {
			t.Errorf("%s: %d %s", other, a.status, a.body)
		}
	}
}

func TestCatalogs(t *testing.T) {
	t.Parallel()
	n := setup(t)
	var queries []syncer.Query
	n.list = func(q syncer.Query) ([]session.View, error) {
		queries = append(queries, q)
		if q.Catalog == "main" {
			return []session.View{cancelled()}, nil
		}
		return nil, nil
	}
	var whole catalog.Digest
	for _, p := range n.products {
		whole.Add(p.Hash)
	}
	size := fmt.Sprintf(`"products":3,"countedAt":null,"digest":"%016x"`, whole.Sum)
	want := `{"success":true,"catalogs":[{"catalog":"garden",` + size + `,"lastSync":null},{"catalog":"main",` + size + `,"lastSync":{` +
		`"sessionId":"` + sessionA + `","direction":"pull","sourceNodeId":"branch-2","targetNodeId":"main-1","status":"CANCELLED","outcome":null,` +
		`"startedAt":"2026-01-31T10:00:00Z","completedAt":"2026-01-31T10:00:04Z","transferredRecords":758,"errorMessage":"Cancelled by alice: wrong peer"}}]}`
	if a := n.call("GET", "/api/catalogs", ""); strings.TrimSpace(a.body) != want {
		t.Errorf("%s\nwant %s", a.body, want)
	}
	without := regexp.MustCompile(`"digest":"\w+"`).ReplaceAllString(want, `"digest":null`)
	if a := n.call("GET", "/api/catalogs?digest=false", ""); strings.TrimSpace(a.body) != without {
		t.Errorf("%s\nwant %s", a.body, without)
	}
	n.products[1].ID = "unknown" // the digest of this one is not known
	if a := n.call("GET", "/api/catalogs", ""); strings.Count(a.body, `"products":3,"countedAt":null,"digest":null,`) != 2 {
		t.Error(a.body)
	}
	if len(queries) != 6 || queries[0].Limit != 1 || len(queries[0].Statuses) != 3 {
		t.Errorf("%+v", queries)
	}

	var asked []any
	n.deleteAll = func(name, by string, expected int64) (int64, error) {
		asked = []any{name, by, expected}
		return expected, nil
	}
	a := n.call("DELETE", "/api/catalogs/main?products=1067", "")
	if strings.TrimSpace(a.body) != `{"success":true,"message":"Catalog main deleted successfully","deleted":1067}` || !reflect.DeepEqual(asked, []any{"main", "alice", int64(1067)}) {
		t.Errorf("%d %s: %v", a.status, a.body, asked)
	}
	for _, query := range []string{"", "?products=", "?products=-1", "?products=many", "?products=1.5"} {
		if a := n.call("DELETE", "/api/catalogs/main"+query, ""); a.status != 400 || a.details()["products"] == "" {
			t.Errorf("%q: %d %s", query, a.status, a.body)
		}
	}
	n.deleteAll = func(name, _ string, _ int64) (int64, error) {
		return 0, &catalog.CountError{Catalog: name, Products: 1069}
	}
	a = n.call("DELETE", "/api/catalogs/main?products=1067", "")
	if a.status != 409 || a.member("code") != "CATALOG_CHANGED" || a.member("products") != float64(1069) || !strings.Contains(a.body, "products=1069") {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestETagOfAProduct(t *testing.T) {
	t.Parallel()
	n := setup(t)
	if a := n.call("GET", productPath, ""); a.header.Get("ETag") != `"`+n.products[0].Hash+`"` {
		t.Errorf("%v", a.header)
	}
	n.products[0].Hash = ""
	if a := n.call("GET", productPath, ""); a.status != 200 || a.header["Etag"] != nil {
		t.Errorf("of a product without a hash: %v", a.header)
	}
}
