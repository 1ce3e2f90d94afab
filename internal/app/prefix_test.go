package app_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"fullsync/internal/auth"
	"fullsync/internal/nodetest"
)

// prefix is the path under which the proxy of these tests serves the node.
const prefix = "/shop/sync"

// behindPrefix puts a reverse proxy in front of the node that strips [prefix] and says so, and returns its address with the
// prefix.
func behindPrefix(t *testing.T, n *nodetest.Node) string {
	t.Helper()
	to, err := url.Parse(n.URL())
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to)
		r.SetXForwarded()
		r.Out.Header.Set("X-Forwarded-Prefix", prefix)
	}}
	server := httptest.NewServer(http.StripPrefix(prefix, proxy))
	t.Cleanup(server.Close)
	return server.URL + prefix
}

// send sends a request as an administrator of the node, follows redirects, and returns the answer and its address.
func send(t *testing.T, n *nodetest.Node, method, address, body string, headers ...string) (nodetest.Answer, *url.URL) {
	t.Helper()
	a, at, err := try(t.Context(), n.TokenFor("alice", auth.RoleAdmin), method, address, body, headers...)
	if err != nil {
		t.Fatal(err)
	}
	return a, at
}

// try is [send] for any goroutine.
func try(ctx context.Context, token, method, address, body string, headers ...string) (a nodetest.Answer, at *url.URL, err error) {
	req, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(body))
	if err != nil {
		return a, nil, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Add(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return a, nil, err
	}
	defer resp.Body.Close() //nolint:errcheck // nothing is lost
	text, err := io.ReadAll(resp.Body)
	return nodetest.Answer{Status: resp.StatusCode, Header: resp.Header, Body: text}, resp.Request.URL, err
}

// resolve returns the address that a reference on the page at base leads to.
func resolve(t *testing.T, base *url.URL, reference string) string {
	t.Helper()
	u, err := base.Parse(reference)
	if err != nil {
		t.Fatal(err)
	}
	return u.String()
}

// TestAddressesUnderAPrefix follows every address that the node hands out through a proxy that strips a prefix.
func TestAddressesUnderAPrefix(t *testing.T) {
	t.Parallel()
	pair := nodetest.NewPair(t, nodetest.SQLite, full, nodetest.Config{Settings: map[string]string{"TRUSTED_PROXIES": "127.0.0.1"}})
	at := behindPrefix(t, pair.Main)
	gate := pair.Wire.HoldPage(t, nodetest.ProductsPath, 2)
	defer gate.Open()

	started, base := send(t, pair.Main, http.MethodPost, at+nodetest.StartPath, nodetest.Pull{}.Body())
	if started.Status != http.StatusAccepted || !strings.HasPrefix(started.Header.Get("Location"), prefix+nodetest.StartPath+"/") {
		t.Fatalf("start: %d %v %s", started.Status, started.Header, started.Body)
	}
	if a, _ := send(t, pair.Main, http.MethodGet, resolve(t, base, started.Header.Get("Location")), ""); a.Status != http.StatusOK {
		t.Errorf("the session at Location: %d %s", a.Status, a.Body)
	}
	attached, _ := send(t, pair.Main, http.MethodPost, at+nodetest.StartPath, `{"action":"pull","targetPeer":"branch","ifRunning":"attach"}`)
	if attached.Status != http.StatusOK || attached.Header.Get("Location") != started.Header.Get("Location") {
		t.Errorf("attach: %d %v", attached.Status, attached.Header)
	}

	refused, base := send(t, pair.Main, http.MethodPost, at+nodetest.StartPath, nodetest.Pull{}.Body())
	way, err := nodetest.Decode[struct{ SessionID, CancelURL string }](refused)
	if err != nil || refused.Status != http.StatusConflict {
		t.Fatalf("second start: %d %s %v", refused.Status, refused.Body, err)
	}
	cancelled, _ := send(t, pair.Main, http.MethodPost, resolve(t, base, way.CancelURL), `{"sessionId":"`+way.SessionID+`"}`)
	if cancelled.Status != http.StatusOK {
		t.Errorf("cancel at %s: %d %s", way.CancelURL, cancelled.Status, cancelled.Body)
	}
	resumed, _ := send(t, pair.Main, http.MethodPost, resolve(t, base, started.Header.Get("Location"))+"/resume", "")
	if resumed.Status != http.StatusAccepted || !strings.HasPrefix(resumed.Header.Get("Location"), prefix+nodetest.StartPath+"/") {
		t.Errorf("resume: %d %v %s", resumed.Status, resumed.Header, resumed.Body)
	}

	added, base := send(t, pair.Main, http.MethodPost, at+"/api/admin/sync/peers", `{"nodeId":"garden","url":"http://garden.example"}`)
	if added.Status != http.StatusCreated {
		t.Fatalf("peer: %d %s", added.Status, added.Body)
	}
	if a, _ := send(t, pair.Main, http.MethodGet, resolve(t, base, added.Header.Get("Location")), ""); a.Status != http.StatusOK {
		t.Errorf("the peer at %s: %d %s", added.Header.Get("Location"), a.Status, a.Body)
	}
}

// TestDocsUnderAPrefix goes where a browser goes. That needs no trusted proxy, because all addresses are relative.
func TestDocsUnderAPrefix(t *testing.T) {
	t.Parallel()
	n := nodetest.Start(t, nodetest.Config{})
	at := behindPrefix(t, n)
	page, base := send(t, n, http.MethodGet, at+"/docs", "")
	if page.Status != http.StatusOK || base.String() != at+"/docs/" {
		t.Fatalf("/docs leads to %s: %d", base, page.Status)
	}
	links := regexp.MustCompile(`(?:src|href)="([^"]*)"`).FindAllSubmatch(page.Body, -1)
	if len(links) < 4 {
		t.Errorf("the page loads %d files", len(links))
	}
	for _, link := range links {
		if a, _ := send(t, n, http.MethodGet, resolve(t, base, string(link[1])), ""); a.Status != http.StatusOK {
			t.Errorf("%s: %d", link[1], a.Status)
		}
	}
	var settings struct{ SwaggerJSONURL string }
	found := regexp.MustCompile(`var cfg = (\{.*\});`).FindSubmatch(page.Body)
	if len(found) != 2 || json.Unmarshal(found[1], &settings) != nil {
		t.Fatalf("the page has no settings: %s", page.Body)
	}
	document, base := send(t, n, http.MethodGet, resolve(t, base, settings.SwaggerJSONURL), "")
	if document.Status != http.StatusOK || base.String() != at+"/openapi.yaml" {
		t.Fatalf("the document at %s: %d", base, document.Status)
	}
	doc, err := openapi3.NewLoader().LoadFromData(document.Body)
	if err != nil || len(doc.Servers) != 1 {
		t.Fatalf("servers %v, %v", doc.Servers, err)
	}
	server := strings.TrimSuffix(resolve(t, base, doc.Servers[0].URL), "/")
	if a, _ := send(t, n, http.MethodGet, server+"/healthz", ""); server != at || a.Status != http.StatusOK {
		t.Errorf("the document's server is %s: %d, want %s", server, a.Status, at)
	}
}

// TestOnlyATrustedProxyNamesThePrefix: a prefix from anybody else, or one that is not a plain path, changes nothing.
func TestOnlyATrustedProxyNamesThePrefix(t *testing.T) {
	t.Parallel()
	const peers, body = "/api/admin/sync/peers", `{"nodeId":"garden","url":"http://garden.example"}`
	plain := nodetest.Start(t, nodetest.Config{})
	trusting := nodetest.Start(t, nodetest.Config{Settings: map[string]string{"TRUSTED_PROXIES": "127.0.0.1"}})
	other := nodetest.Start(t, nodetest.Config{Settings: map[string]string{"TRUSTED_PROXIES": "192.0.2.0/24"}})
	for _, c := range []struct {
		n       *nodetest.Node
		headers []string
	}{
		{plain, []string{"X-Forwarded-Prefix", "/sync"}},
		{other, []string{"X-Forwarded-Prefix", "/sync"}},
		{trusting, nil},
		{trusting, []string{"X-Forwarded-Prefix", "//evil.example"}},
		{trusting, []string{"X-Forwarded-Prefix", "https://evil.example"}},
		{trusting, []string{"X-Forwarded-Prefix", "/sync", "X-Forwarded-Prefix", "/shop"}},
	} {
		a, _ := send(t, c.n, http.MethodPost, c.n.URL()+peers, body, c.headers...)
		if a.Status != http.StatusCreated || a.Header.Get("Location") != peers+"/garden" {
			t.Errorf("%v: %d %v", c.headers, a.Status, a.Header)
		}
		send(t, c.n, http.MethodDelete, c.n.URL()+peers+"/garden", "")
	}
}
