package api_test

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"fullsync/internal/catalog"
	"fullsync/internal/fault"
	"fullsync/internal/session"
)

const changesPath = startPath + "/" + sessionA + "/changes"

// someChanges are one of each kind.
func someChanges() []session.Change {
	was := catalog.Stored{
		Product:      catalog.Product{ID: "p-2", SKU: "=1+1", Name: "Shirt, red", Price: "-5", Active: true, Attributes: `{"stock":7,"tags":["a"],"w":1}`},
		OriginNodeID: "main",
	}
	is := was
	is.SKU, is.Price, is.Active, is.Attributes, is.OriginNodeID = "", "-4", false, `{"color":"red","stock":7,"tags":["b"]}`, "branch"
	broken := catalog.Stored{Product: catalog.Product{ID: "p-3", Name: "Hat", Attributes: "oops"}, OriginNodeID: "main"}
	return []session.Change{
		{ChangePosition: session.ChangePosition{Batch: 1, ProductID: "p-1"}, Kind: session.ChangeCreated},
		{ChangePosition: session.ChangePosition{Batch: 1, ProductID: "p-2"}, Kind: session.ChangeUpdated, Before: &was, After: &is},
		{ChangePosition: session.ChangePosition{Batch: 2, ProductID: "p-3"}, Kind: session.ChangeDeleted, Before: &broken},
	}
}

func TestListChanges(t *testing.T) {
	t.Parallel()
	n := setup(t)
	n.changes = func(session.ChangeQuery) ([]session.Change, error) { return someChanges(), nil }
	lines := []string{
		`{"batch":1,"productId":"p-1","kind":"created","fields":[]}`,
		`{"batch":1,"productId":"p-2","kind":"updated","fields":[{"field":"sku","before":"=1+1","after":null},{"field":"price","before":"-5","after":"-4"},` +
			`{"field":"active","before":true,"after":false},{"field":"originNodeId","before":"main","after":"branch"},` +
			`{"field":"attributes.color","before":null,"after":"red"},{"field":"attributes.tags","before":["a"],"after":["b"]},` +
			`{"field":"attributes.w","before":1,"after":null}]}`,
		`{"batch":2,"productId":"p-3","kind":"deleted","fields":[{"field":"name","before":"Hat","after":null},{"field":"active","before":false,"after":null},` +
			`{"field":"originNodeId","before":"main","after":null},{"field":"attributes","before":"oops","after":null}]}`,
	}
	want := `{"success":true,"changes":[` + strings.Join(lines, ",") + `],"nextPageToken":null}`
	if a := n.call("GET", changesPath, ""); a.status != 200 || strings.TrimSpace(a.body) != want {
		t.Errorf("%d\n got %s\nwant %s", a.status, a.body, want)
	}
	a := n.call("GET", changesPath+"?format=ndjson", "")
	if a.status != 200 || a.header.Get("Content-Type") != "application/x-ndjson" || a.body != strings.Join(lines, "\n")+"\n" {
		t.Errorf("%d %v\n%s", a.status, a.header, a.body)
	}
	a = n.call("GET", changesPath+"?format=csv", "")
	rows, err := csv.NewReader(strings.NewReader(a.body)).ReadAll()
	if err != nil || a.header.Get("Content-Disposition") != `attachment; filename="changes-`+sessionA+`.csv"` {
		t.Errorf("%v %v %s", err, a.header, a.body)
	}
	for i, want := range map[int]string{
		0: "[batch productId kind field before after]", 1: "[1 p-1 created   ]", 2: "[1 p-2 updated sku '=1+1 ]", 3: "[1 p-2 updated price -5 -4]",
		7: `[1 p-2 updated attributes.tags ["a"] ["b"]]`,
	} {
		if fmt.Sprint(rows[i]) != want {
			t.Errorf("line %d is %v, want %s", i, rows[i], want)
		}
	}
}

// TestChangesByAccept: where the query does not say in which form changes are wanted, the Accept header does.
func TestChangesByAccept(t *testing.T) {
	t.Parallel()
	n := setup(t)
	n.changes = func(session.ChangeQuery) ([]session.Change, error) { return someChanges(), nil }
	const asJSON, asLines, asTable = "application/json", "application/x-ndjson", "text/csv; charset=utf-8"
	for _, c := range []struct{ query, accept, want string }{
		{"", "", asJSON},
		{"", "*/*", asJSON},
		{"", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", asJSON},
		{"", "text/csv", asTable},
		{"", "TEXT/CSV;charset=utf-8", asTable},
		{"", "text/*", asTable},
		{"", "application/x-ndjson", asLines},
		{"", "application/x-ndjson, text/csv;q=0.5", asLines},
		{"", "application/x-ndjson;q=0.4, text/csv;q=0.5, */*;q=0.1", asTable},
		{"", "application/json, text/csv", asJSON},
		{"", "application/json;q=0, application/*, text/csv;q=0.9", asLines},
		{"", "text/csv;q=2, ;;, application/x-ndjson;q=x", asJSON},
		{"", "image/png", asJSON},
		{"?format=json", "text/csv", asJSON},
		{"?format=csv", "application/x-ndjson", asTable},
	} {
		a := n.call("GET", changesPath+c.query, "", "Accept", c.accept)
		if kind := a.header.Get("Content-Type"); a.status != http.StatusOK || kind != c.want {
			t.Errorf("%q, accepting %q: %d %s, want %s", c.query, c.accept, a.status, kind, c.want)
		}
		if decided := slices.Contains(a.header.Values("Vary"), "Accept"); decided != (c.query == "") {
			t.Errorf("%q, accepting %q: Vary is %q", c.query, c.accept, a.header.Values("Vary"))
		}
	}
}

func TestPagesOfChanges(t *testing.T) {
	t.Parallel()
	n := setup(t)
	var got session.ChangeQuery
	const all = 2500
	pages := func(q session.ChangeQuery) (page []session.Change, err error) {
		got = q
		for i := int(q.After.Batch) + 1; i <= all && len(page) < q.Limit; i++ {
			page = append(page, session.Change{ChangePosition: session.ChangePosition{Batch: int64(i), ProductID: "p 1"}, Kind: session.ChangeCreated})
		}
		return page, nil
	}
	n.changes = pages
	a := n.call("GET", changesPath+"?pageSize=2&kind=created&q=shirt", "")
	if want := (session.ChangeQuery{SessionID: sessionA, Kind: session.ChangeCreated, Text: "shirt", Limit: 3}); a.status != 200 || got != want {
		t.Errorf("%d, asked for %+v", a.status, got)
	}
	token := a.member("nextPageToken").(string)
	a = n.call("GET", changesPath+"?pageSize=2&kind=created&q=shirt&pageToken="+token, "")
	if want := (session.ChangePosition{Batch: 2, ProductID: "p 1"}); a.status != 200 || got.After != want {
		t.Errorf("%d, asked for %+v", a.status, got)
	}
	n.changesReached = &session.ChangePosition{Batch: 9, ProductID: "p 9"}
	n.changes = func(q session.ChangeQuery) ([]session.Change, error) {
		got = q
		if n.changesReached.Batch++; n.changesReached.Batch == 12 {
			n.changesReached = nil
		}
		return nil, nil
	}
	a = n.call("GET", changesPath+"?q=shirt", "")
	next, _ := a.member("nextPageToken").(string)
	if n.call("GET", changesPath+"?q=shirt&pageToken="+next, ""); a.status != 200 || got.After != (session.ChangePosition{Batch: 10, ProductID: "p 9"}) {
		t.Errorf("after a page on which nothing was found: %d, asked for %+v", a.status, got)
	}
	n.changesReached = &session.ChangePosition{Batch: 9, ProductID: "p 9"}
	if a := n.call("GET", changesPath+"?q=shirt&format=ndjson", ""); a.body != "" || n.changesReached != nil {
		t.Errorf("%q, and the search ended at %v", a.body, n.changesReached)
	}
	n.changes = pages
	for _, query := range []string{"?q=shirt&pageToken=" + token, "?kind=created&pageToken=" + token, "?pageToken=x", "?kind=moved", "?format=xml", "?q=%00"} {
		if a := n.call("GET", changesPath+query, ""); a.status != 400 {
			t.Errorf("%s: %d %s", query, a.status, a.body)
		}
	}
	if a := n.call("GET", changesPath+"?format=ndjson", ""); strings.Count(a.body, "\n") != all {
		t.Errorf("%d lines, want %d", strings.Count(a.body, "\n"), all)
	}
	n.changes = func(session.ChangeQuery) ([]session.Change, error) {
		return nil, fault.New(fault.NotFound, "CHANGES_NOT_KEPT", "Changes not kept", "Gone.")
	}
	for _, format := range []string{"json", "ndjson", "csv"} {
		if a := n.call("GET", changesPath+"?format="+format, ""); a.status != http.StatusNotFound || a.member("code") != "CHANGES_NOT_KEPT" {
			t.Errorf("%s: %d %s", format, a.status, a.body)
		}
	}
}

func TestProductHistory(t *testing.T) {
	t.Parallel()
	n := setup(t)
	const path = "/api/catalogs/main/products/p-2/history"
	n.history = func(catalogName, id string, skip, limit int) (page []session.Made, err error) {
		if catalogName != "main" || id != "p-2" {
			t.Errorf("asked for %s in %s", id, catalogName)
		}
		for i := skip; i < min(skip+limit, 5); i++ {
			c := someChanges()[1]
			c.SessionID = sessionA
			page = append(page, session.Made{Change: c, By: session.Session{StartedBy: fmt.Sprint(i), Direction: session.Push, PeerID: "branch"}})
		}
		return page, nil
	}
	var seen []string
	for token := ""; ; {
		a := n.call("GET", path+"?pageSize=2&pageToken="+token, "")
		for _, h := range a.member("history").([]any) {
			entry := h.(map[string]any)
			if entry["sessionId"] != sessionA || entry["direction"] != "push" || entry["peer"] != "branch" || len(entry["fields"].([]any)) != 7 {
				t.Errorf("%v", entry)
			}
			seen = append(seen, entry["startedBy"].(string))
		}
		if token, _ = a.member("nextPageToken").(string); token == "" {
			break
		}
		if a := n.call("GET", strings.Replace(path, "p-2", "p-3", 1)+"?pageToken="+token, ""); a.status != 400 {
			t.Errorf("with the token of another product: %d", a.status)
		}
	}
	if strings.Join(seen, " ") != "0 1 2 3 4" {
		t.Errorf("pages hold %v", seen)
	}
}
