package api_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"fullsync/api"
	"fullsync/internal/catalog"
	"fullsync/internal/fault"
	"fullsync/internal/peer"
	"fullsync/internal/session"
	"fullsync/internal/syncer"
)

func TestPeers(t *testing.T) {
	t.Parallel()
	n := setup(t)
	const path, shown = "/api/admin/sync/peers", `{"nodeId":"branch-2","nodeName":"Branch 2","kind":"node","url":"https://branch-2.example.com:8443/x","isActive":true,"isOnline":true,"lastSeen":"2026-01-31T10:00:00Z","lastSeenAgo":61,"lastError":null,"keepFields":["price"]}`
	if a := n.call("GET", path, ""); strings.TrimSpace(a.body) != `{"success":true,"peers":[`+shown+`]}` {
		t.Error(a.body)
	}
	if a := n.call("GET", path+"/branch-2", ""); strings.TrimSpace(a.body) != `{"success":true,"peer":`+shown+`}` {
		t.Error(a.body)
	}
	if a := n.call("GET", path+"/branch-9", ""); a.status != 404 || a.member("error") != "Peer not found" {
		t.Errorf("%d %s", a.status, a.body)
	}

	var added peer.New
	n.addPeer = func(p peer.New) (peer.Peer, error) { added = p; return branch(), nil }
	a := n.call("POST", path, `{"nodeId":"branch-2","url":"https://x","token":"hunter2","nodeName":"B"}`)
	if a.status != 201 || a.header.Get("Location") != path+"/branch-2" || strings.Contains(a.body, "hunter2") ||
		!reflect.DeepEqual(added, peer.New{NodeID: "branch-2", NodeName: "B", URL: "https://x", Token: "hunter2", IsActive: true}) {
		t.Errorf("%d %s: %+v", a.status, a.body, added)
	}
	n.addPeer = func(p peer.New) (peer.Peer, error) { return peer.Peer{}, peer.Exists(p.NodeID) }
	if a = n.call("POST", path, `{"nodeId":"branch-2","url":"https://x"}`); a.status != 409 || a.member("error") != "Peer already exists" {
		t.Errorf("%d %s", a.status, a.body)
	}

	var changed peer.Change
	n.changePeer = func(_ string, c peer.Change) (peer.Peer, error) { changed = c; return branch(), nil }
	off := false
	if a = n.call("PATCH", path+"/branch-2", `{"isActive":false}`); a.status != 200 || !reflect.DeepEqual(changed, peer.Change{IsActive: &off}) {
		t.Errorf("%d %s: %+v", a.status, a.body, changed)
	}
	if a = n.call("PATCH", path+"/branch-2", `{"keepFields":["sku"]}`); a.status != 200 || !reflect.DeepEqual(changed, peer.Change{KeepFields: &catalog.Fields{"sku"}}) {
		t.Errorf("%d %s: %+v", a.status, a.body, changed)
	}

	if a = n.call("DELETE", path+"/branch-2", ""); a.status != 200 || a.member("success") != true {
		t.Errorf("%d %s", a.status, a.body)
	}
	n.removePeer = func(id string) error { return peer.InUse(id, sessionA, "remove the peer") }
	const inUse = `{"error":"Peer is in use","code":"PEER_IN_USE","message":"Sync ` + sessionA + ` with peer branch-2 is still running. ` +
		`Cancel it or wait until it ends, then remove the peer.","sessionId":"` + sessionA + `"}`
	if a = n.call("DELETE", path+"/branch-2", ""); a.status != 409 || strings.TrimSpace(a.body) != inUse {
		t.Errorf("%d %s", a.status, a.body)
	}

	end := time.Date(2027, 1, 1, 1, 0, 0, 0, time.FixedZone("CET", 3600))
	n.checkPeer = func(string) (peer.CheckResult, error) {
		return peer.CheckResult{Reachable: true, MayPush: true, NodeID: "branch-2", Role: "node", ExpiresAt: &end, Problem: "No.", LatencyMS: 7}, nil
	}
	a = n.call("POST", path+"/branch-2/check", "")
	if strings.TrimSpace(a.body) != `{"success":true,"check":{"reachable":true,"allowed":false,"mayPush":true,"nodeId":"branch-2","nodeName":null,"version":null,"role":"node","expiresAt":"2027-01-01T00:00:00Z","latencyMs":7,"problem":"No."}}` {
		t.Error(a.body)
	}
	if first := n.call("POST", "/api/admin/sync/peer-check", `{"nodeId":"branch-3","url":"http://branch-3"}`); first.status != 200 || first.body != a.body {
		t.Errorf("before it is registered: %d %s", first.status, first.body)
	}
	for ahead, want := range map[time.Duration]string{90 * time.Minute: "Its clock is 90 minutes ahead of", -3 * time.Minute: "Its clock is 3 minutes behind", time.Minute: ""} {
		n.checkPeer = func(string) (peer.CheckResult, error) { return peer.CheckResult{Ahead: ahead}, nil }
		if a = n.call("POST", path+"/branch-2/check", ""); !strings.Contains(a.body, want) || strings.Contains(a.body, "notes") != (want != "") {
			t.Errorf("%s ahead: %s", ahead, a.body)
		}
	}
	n.checkPeer = func(string) (peer.CheckResult, error) { return peer.CheckResult{Version: "0.1"}, nil }
	if a = n.call("POST", path+"/branch-2/check", ""); !strings.Contains(a.body, "It runs version 0.1 of fullsync, this node ") {
		t.Error(a.body)
	}
}

func TestProducts(t *testing.T) {
	t.Parallel()
	n := setup(t)
	const path = "/api/catalogs/main/products"
	const a1 = `{"id":"a","sku":null,"name":"\u003cChair\u003e a","price":"12.50","currency":null,"active":true,"attributes":{"weight":1.0},"originNodeId":"branch-2","createdAt":"2026-01-31T10:00:00Z","updatedAt":"2026-01-31T10:00:01Z"}`
	if a := n.call("GET", path+"/a", ""); strings.TrimSpace(a.body) != `{"success":true,"product":`+a1+`}` {
		t.Error(a.body)
	}
	a := n.call("GET", path+"?pageSize=1", "")
	token, _ := a.member("nextPageToken").(string)
	if !strings.HasPrefix(a.body, `{"success":true,"products":[`+a1+`],"nextPageToken":"`) || token == "" {
		t.Fatal(a.body)
	}
	a = n.call("GET", path+"?pageSize=5&pageToken="+token, "")
	if !strings.Contains(a.body, `"id":"b"`) || strings.Contains(a.body, `"id":"a"`) || a.member("nextPageToken") != nil {
		t.Error(a.body)
	}
	if a = n.call("GET", path+"?q=%3E+c", ""); strings.Count(a.body, `"id":`) != 1 || !strings.Contains(a.body, `"id":"c"`) {
		t.Error(a.body)
	}
	if a = n.call("GET", path+"?q=Chair&pageToken="+token, ""); a.status != 400 {
		t.Errorf("a token with another q: %d", a.status)
	}
	for _, other := range []string{"?sort=name&pageToken=" + token, "?sort=-id&pageToken=" + token, "?sort=size", "?sort=-"} {
		if a = n.call("GET", path+other, ""); a.status != 400 {
			t.Errorf("%s: %d %s", other, a.status, a.body)
		}
	}
	if a = n.call("GET", "/api/catalogs/garden/products?pageToken="+token, ""); a.status != 400 {
		t.Errorf("a token of another catalog: %d", a.status)
	}
	if a = n.call("GET", path+"/nothing", ""); a.status != 404 || a.member("error") != "Product not found" {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// TestProductIDsAreUnescapedOnce goes through ids that look like something else in a URL.
func TestProductIDsAreUnescapedOnce(t *testing.T) {
	t.Parallel()
	n := setup(t)
	for escaped, id := range map[string]string{
		"50%25":         "50%",
		"a%2520b":       "a%20b",
		"a%2Fb":         "a/b",
		"a%20b":         "a b",
		"a+b":           "a+b",
		"%C3%BC":        "ü",
		"..%2F..%2Fetc": "../../etc",
		"%3Aid":         ":id",
		"%2A":           "*",
		"a%3Fb%23c":     "a?b#c",
	} {
		n.products = someProducts("x")
		n.products[0].ID = id
		if a := n.call("GET", "/api/catalogs/main/products/"+escaped, ""); a.status != 200 {
			t.Errorf("%s: %d %s", escaped, a.status, a.body)
		}
	}
}

func TestProductPageEndsBySize(t *testing.T) {
	t.Parallel()
	n := setup(t, func(o *api.Options) { o.Limits.PageBytes = 20 })
	a := n.call("GET", "/api/catalogs/main/products", "")
	if strings.Count(a.body, `"sku"`) != 2 || a.member("nextPageToken") == nil {
		t.Error(a.body)
	}
}

func TestStats(t *testing.T) {
	t.Parallel()
	n := setup(t)
	zeros := ""
	for _, day := range []string{"28", "27", "26", "25"} {
		zeros += `,{"date":"2026-01-` + day + `","eventsGenerated":0,"eventsReceived":0,"eventsProcessed":0,"conflictsDetected":0,` +
			`"conflictsResolved":0,"peersConnected":0,"dataTransferred":0}`
	}
	want := `{"success":true,"syncNodes":[{"nodeId":"branch-2","nodeName":"Branch 2","ipAddress":"branch-2.example.com","port":8443,"isActive":true,` +
		`"isOnline":true,"lastSeen":"2026-01-31T10:00:00Z","lastSeenAgo":61}],` +
		`"sessions":{"total":4,"byStatus":{"CANCELLED":0,"COMPLETED":2,"FAILED":1,"PREPARING":0,"TRANSFERRING":1}},"products":{"total":6},` +
		`"timestamp":"2026-01-31T11:00:00Z",` +
		`"overview":{"totalSyncEvents":2177,"processedEvents":1865,"pendingEvents":309,"failedEvents":3,"conflictResolutions":0,"activeSyncNodes":1,` +
		`"healthScore":66.6,"successRate":99.7,"conflictRate":0},"last24Hours":{"events":1000,"conflicts":0,"sessions":3},` +
		`"recentSessions":[{"sessionId":"` + sessionA + `","initiatorNodeId":"main-1","participantNodes":["branch-2","main-1"],"status":"TRANSFERRING",` +
		`"startTime":"2026-01-31T10:00:00Z","endTime":null,"eventsTransferred":758,"conflictsDetected":0,"conflictsResolved":0}],"recentConflicts":[],` +
		`"metrics":[{"date":"2026-01-31","eventsGenerated":0,"eventsReceived":1000,"eventsProcessed":997,"conflictsDetected":0,"conflictsResolved":0,"peersConnected":2,"dataTransferred":5000},` +
		`{"date":"2026-01-30","eventsGenerated":0,"eventsReceived":0,"eventsProcessed":0,"conflictsDetected":0,"conflictsResolved":0,"peersConnected":0,"dataTransferred":0},` +
		`{"date":"2026-01-29","eventsGenerated":0,"eventsReceived":10,"eventsProcessed":10,"conflictsDetected":0,"conflictsResolved":0,"peersConnected":1,"dataTransferred":7}` +
		zeros + `]}`
	var asked syncer.Query
	n.list = func(q syncer.Query) ([]session.View, error) { asked = q; return []session.View{running()}, nil }
	if a := n.call("GET", "/api/sync/stats", ""); strings.TrimSpace(a.body) != want || asked.Limit != 10 {
		t.Errorf("got %s\nwant %s\nasked for %+v", a.body, want, asked)
	}
}

// TestManyProductsAreNotCountedForEveryCaller: few are, so that the number is always right where it costs nothing. The list of the catalogs says of when a count is.
func TestManyProductsAreNotCountedForEveryCaller(t *testing.T) {
	t.Parallel()
	counts := &countedCatalogs{products: 7}
	n := setup(t, func(o *api.Options) {
		o.Catalogs, o.Limits.KeepCount = counts, time.Hour
		o.Pages = countedPages{o.Pages, counts}
	})
	n.list = func(syncer.Query) ([]session.View, error) { return nil, nil }
	total := func() any {
		return n.call("GET", "/api/sync/stats", "").member("products").(map[string]any)["total"]
	}
	for _, want := range []struct{ products, total, counted int64 }{
		{7, 7, 0}, {8, 8, 0}, {1_000_000, 1_000_000, 1}, {1_000_001, 1_000_000, 1},
	} {
		counts.products = want.products
		if got := total(); got != float64(want.total) || counts.counted != want.counted {
			t.Errorf("%+v: got %v, counted %d times", want, got, counts.counted)
		}
	}
	listed := func() map[string]any {
		return n.call("GET", "/api/catalogs?digest=false", "").member("catalogs").([]any)[0].(map[string]any)
	}
	c := listed()
	at, err := time.Parse(time.RFC3339, fmt.Sprint(c["countedAt"]))
	if c["products"] != 1e6 || c["digest"] != nil || err != nil || time.Since(at).Abs() > time.Hour {
		t.Errorf("%v", c)
	}
	n.deleteAll = func(string, string, int64) (int64, error) { return 0, errors.New("the database went away") }
	n.call("DELETE", "/api/catalogs/main?products=1", "")
	if c := listed(); c["products"] != 1_000_001.0 || c["countedAt"] != nil {
		t.Errorf("after some were deleted: %v", c)
	}
}

// countedCatalogs and countedPages count how often a catalog is counted.
type countedCatalogs struct {
	api.Catalogs
	products, counted int64
}

func (c *countedCatalogs) CountUpTo(_ context.Context, most int) ([]catalog.Count, error) {
	return []catalog.Count{{Catalog: "main", Products: min(c.products, int64(most))}}, nil
}

type countedPages struct {
	api.Pages
	of *countedCatalogs
}

func (p countedPages) CountProducts(context.Context, string) (int64, error) {
	p.of.counted++
	return p.of.products, nil
}

func TestServiceRunsAndCannotBeControlled(t *testing.T) {
	t.Parallel()
	n := setup(t)
	a := n.call("GET", "/api/sync/service", "")
	at, err := time.Parse(time.RFC3339, fmt.Sprint(a.member("timestamp")))
	if a.status != 200 || a.member("isRunning") != true || err != nil || time.Since(at).Abs() > time.Hour || !strings.HasPrefix(a.body, `{"isRunning":true,"timestamp":"`) {
		t.Errorf("%d %s, %v", a.status, a.body, err)
	}
	for _, body := range []string{`{"action":"stop"}`, `{"action":"start","force":true}`, `{}`, ""} {
		a := n.call("POST", "/api/sync/service", body)
		if a.status != http.StatusUnprocessableEntity || a.member("code") != "SERVICE_NOT_CONTROLLED" || !strings.Contains(fmt.Sprint(a.member("message")), "cancel it") {
			t.Errorf("%s: %d %s", body, a.status, a.body)
		}
	}
}

func TestOperations(t *testing.T) {
	t.Parallel()
	n := setup(t)
	if a := n.call("GET", "/healthz", ""); a.status != 200 || a.member("status") != "ok" {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := n.call("GET", "/readyz", ""); a.status != 200 || a.member("status") != "ready" {
		t.Errorf("%d %s", a.status, a.body)
	}
	for _, cause := range []error{
		errors.New("hunter2"), context.DeadlineExceeded,
		fault.New(fault.Unavailable, "NOT_READY", "Not ready", "No.").Because(errors.New("hunter2")),
		fault.New(fault.Internal, "X", "X", "hunter2"),
	} {
		n.ready = func(context.Context) error { return cause }
		a := n.call("GET", "/readyz", "")
		if a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" || a.member("code") != "NOT_READY" || strings.Contains(a.body, "hunter2") {
			t.Errorf("%v: %d %s", cause, a.status, a.body)
		}
	}
	a := n.call("GET", "/openapi.yaml", "")
	var doc struct{ OpenAPI string }
	if err := yaml.Unmarshal([]byte(a.body), &doc); err != nil || doc.OpenAPI != "3.0.3" || a.header.Get("Content-Type") != "application/yaml" {
		t.Errorf("%v %v %.100s", err, a.header, a.body)
	}
}

func TestDocsWorkOffline(t *testing.T) {
	t.Parallel()
	n := setup(t)
	if a := n.call("GET", "/docs", "", "Authorization", ""); a.status != http.StatusFound || a.header.Get("Location") != "docs/" {
		t.Errorf("%d %v", a.status, a.header)
	}
	page := n.call("GET", "/docs/", "", "Authorization", "")
	if page.status != 200 || !strings.Contains(page.body, `"../openapi.yaml"`) {
		t.Errorf("%d %s", page.status, page.body)
	}
	for _, link := range regexp.MustCompile(`(?:src|href)="([^"]*)"`).FindAllStringSubmatch(page.body, -1) {
		if !strings.HasPrefix(link[1], "./") {
			t.Errorf("the page loads %s", link[1])
		}
	}
	if a := n.call("GET", "/docs/nothing", "", "Authorization", ""); a.status != 404 || a.member("code") != "NOT_FOUND" {
		t.Errorf("an unknown file: %d %.200s", a.status, a.body)
	}
	for _, file := range []string{"swagger-ui.css", "swagger-ui-bundle.js"} {
		if a := n.call("GET", "/docs/"+file, "", "Authorization", ""); a.status != 200 || len(a.body) < 1000 || !strings.Contains(page.body, file) {
			t.Errorf("%s: %d, %d bytes", file, a.status, len(a.body))
		}
	}
}
