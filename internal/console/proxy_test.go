package console_test

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"

	"fullsync/internal/auth"
	"fullsync/internal/browsertest"
	"fullsync/internal/effort"
	"fullsync/internal/nodetest"
)

// underAPath puts a reverse proxy that strips /shop/sync in front of the node, and returns the address with that prefix.
func underAPath(t *testing.T, n *nodetest.Node) string {
	t.Helper()
	to, err := url.Parse(n.URL())
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewServer(http.StripPrefix("/shop/sync", httputil.NewSingleHostReverseProxy(to)))
	t.Cleanup(proxy.Close)
	return proxy.URL + "/shop/sync"
}

// TestUnderAPath: a reverse proxy serves the node under a path of its own.
func TestUnderAPath(t *testing.T) {
	t.Parallel()
	pair := newPair(t, nodetest.SQLite, 10, nodetest.Config{})
	at := underAPath(t, pair.Main)

	page := signInAt(t, at, auth.RoleOperator, browsertest.Options{})
	page.Button("Start pull").Click()
	page.Role("article", "Pull from branch into catalog main").WaitText("COMPLETED")
	page.Go("/shop/sync/")
	page.Role("heading", "Full sync").Wait()
	if want := at + "/console/"; page.URL() != want {
		t.Errorf("/shop/sync/ leads to %s, want %s", page.URL(), want)
	}
}

// TestDocsUnderAPath tries a route on the page that shows openapi.yaml.
func TestDocsUnderAPath(t *testing.T) {
	t.Parallel()
	effort.SkipUnlessHeavy(t)
	browsertest.Require(t)
	at := underAPath(t, nodetest.Start(t, nodetest.Config{}))
	page := browsertest.Open(t, at+"/docs/#/operations/getHealth", browsertest.Options{})
	// Not with the mouse, because the page still moves while it opens the operation.
	for _, button := range []string{".try-out__btn", ".execute"} {
		page.Find(button).Wait()
		browsertest.Eval[bool](page, `document.querySelector("`+button+`").click() ?? true`)
	}
	page.Find(".request-url").WaitText(at + "/healthz")
	page.Find(".live-responses-table").WaitText(`"status": "ok"`)
}
