package api_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
)

func TestExport(t *testing.T) {
	t.Parallel()
	n := setup(t)
	const path = "/api/catalogs/main/export"
	for query, want := range map[string]struct{ kind, file, begins string }{
		"":               {"application/x-ndjson", "main.ndjson", `{"id":"a","name":"<Chair> a",`},
		"?format=ndjson": {"application/x-ndjson", "main.ndjson", `{"id":"a","name":"<Chair> a",`},
		"?format=json":   {"application/json", "main.json", "[\n" + `{"id":"a","name":"<Chair> a",`},
		"?format=csv":    {"text/csv; charset=utf-8", "main.csv", "id,sku,name,price,currency,active,attributes\na,,<Chair> a,12.50,,true,\"{\"\"weight\"\":1.0}\"\n"},
	} {
		a := n.call("GET", path+query, "")
		if a.status != http.StatusOK || a.header.Get("Content-Type") != want.kind ||
			a.header.Get("Content-Disposition") != `attachment; filename="`+want.file+`"` || !strings.HasPrefix(a.body, want.begins) {
			t.Errorf("%s: %d %v\n%s", query, a.status, a.header, a.body)
		}
	}
	if a := n.call("GET", path+"?format=xml", ""); a.status != http.StatusBadRequest {
		t.Errorf("an unknown format: %d %s", a.status, a.body)
	}

	n.readFailure, n.failAfter = errors.New("the disk is gone"), 1
	if a := n.call("GET", path, ""); a.status != http.StatusInternalServerError || a.header.Get("Content-Disposition") != "" {
		t.Errorf("a failure before anything was sent: %d %v", a.status, a.header)
	}
	n.readFailure, n.products = nil, nil
	if a := n.call("GET", path, ""); a.status != http.StatusOK || a.body != "" {
		t.Errorf("the empty default catalog: %d %s", a.status, a.body)
	}
	if a := n.call("GET", "/api/catalogs/garden/export", ""); a.status != http.StatusNotFound || a.member("code") != "CATALOG_NOT_FOUND" {
		t.Errorf("no such catalog: %d %s", a.status, a.body)
	}
}
