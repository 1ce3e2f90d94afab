package console_test

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"

	"fullsync/internal/auth"
	"fullsync/internal/browsertest"
	"fullsync/internal/nodetest"
)

// TestUnderAPath: a reverse proxy has put the node under a path of its own.
func TestUnderAPath(t *testing.T) {
	t.Parallel()
	pair := newPair(t, nodetest.SQLite, 10, nodetest.Config{})
	at, err := url.Parse(pair.Main.URL())
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewServer(http.StripPrefix("/shop/sync", httputil.NewSingleHostReverseProxy(at)))
	t.Cleanup(proxy.Close)

	page := signInAt(t, proxy.URL+"/shop/sync", auth.RoleOperator, browsertest.Options{})
	page.Button("Start sync").Click()
	page.Role("article", "Pull from branch into catalog main").WaitText("COMPLETED")
	page.Go("/shop/sync/")
	page.Role("heading", "Full sync").Wait()
	if want := proxy.URL + "/shop/sync/console/"; page.URL() != want {
		t.Errorf("/shop/sync/ leads to %s, want %s", page.URL(), want)
	}
}
