package api_test

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"fullsync/api"
	"fullsync/internal/auth"
	"fullsync/internal/catalog"
	"fullsync/internal/fault"
)

const pagePath = "/api/node/catalogs/main/products"

func TestProductPage(t *testing.T) {
	t.Parallel()
	n := setup(t)
	line := func(id string) string {
		return `{"product":{"id":"` + id + `","name":"<Chair> ` + id + `","price":"12.50","active":true,"attributes":{"weight":1.0}}}` + "\n"
	}
	for query, want := range map[string]string{
		"":                    line("a") + line("b") + line("c") + `{"end":{"count":3,"next":null,"total":3}}` + "\n",
		"?after=&limit=3":     line("a") + line("b") + line("c") + `{"end":{"count":3,"next":null,"total":3}}` + "\n",
		"?limit=2":            line("a") + line("b") + `{"end":{"count":2,"next":"b","total":3}}` + "\n",
		"?after=b&limit=2":    line("c") + `{"end":{"count":1,"next":null,"total":3}}` + "\n",
		"?after=c":            `{"end":{"count":0,"next":null,"total":3}}` + "\n",
		"?after=b&limit=1":    line("c") + `{"end":{"count":1,"next":null,"total":3}}` + "\n",
		"?after=a%20&limit=1": line("b") + `{"end":{"count":1,"next":"b","total":3}}` + "\n",
	} {
		a := n.call("GET", pagePath+query, "", "Accept-Encoding", "identity")
		if a.status != 200 || a.body != want {
			t.Errorf("%s: %d\n got %s\nwant %s", query, a.status, a.body, want)
		}
		if a.header.Get("Content-Type") != "application/x-ndjson" || a.header.Get("Vary") != "Accept-Encoding" || a.header.Get("Content-Encoding") != "" {
			t.Errorf("%s: header %v", query, a.header)
		}
	}
}

func TestHashPage(t *testing.T) {
	t.Parallel()
	n := setup(t)
	n.products = someProducts("a", "b")
	n.products[1].ID = "b\"\\é"
	a := n.call("GET", "/api/node/catalogs/main/hashes?limit=1&after=a", "", "Accept-Encoding", "identity")
	want := `{"id":"b\"\\é","hash":"` + n.products[1].Hash + "\"}\n{\"end\":{\"count\":1,\"next\":null,\"total\":2}}\n"
	if !strings.HasPrefix(n.products[1].Hash, "1:") || a.body != want {
		t.Errorf("got %swant %s", a.body, want)
	}
}

func TestPageEndsBySize(t *testing.T) {
	t.Parallel()
	n := setup(t, func(o *api.Options) { o.Limits.PageBytes = 150 })
	a := n.call("GET", pagePath, "", "Accept-Encoding", "identity")
	if a.status != 200 || !strings.HasSuffix(a.body, `{"end":{"count":2,"next":"b","total":3}}`+"\n") {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestPageEncodings(t *testing.T) {
	t.Parallel()
	n := setup(t)
	plain := n.call("GET", pagePath, "", "Accept-Encoding", "identity").body
	// Several times over, so that encoders are used again.
	for range 3 {
		for _, coding := range []string{"gzip", "zstd"} {
			a := n.call("GET", pagePath, "", "Accept-Encoding", coding)
			if a.header.Get("Content-Encoding") != coding || a.header.Get("Vary") != "Accept-Encoding" {
				t.Fatalf("%s: header %v", coding, a.header)
			}
			var decoded io.Reader
			var err error
			if coding == "gzip" {
				decoded, err = gzip.NewReader(strings.NewReader(a.body))
			} else {
				decoded, err = zstd.NewReader(strings.NewReader(a.body))
			}
			if err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(decoded); err != nil || string(got) != plain {
				t.Errorf("%s: %v\n%s", coding, err, got)
			}
		}
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, n.url+pagePath, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+n.token(auth.RoleNode))
	req.Header["Accept-Encoding"] = []string{"br", "gzip;q=0.1"}
	if a := n.do(req); a.status != 200 || a.header.Get("Content-Encoding") != "gzip" {
		t.Errorf("two header lines: %d %v", a.status, a.header)
	}
}

// TestPageThatFailsInTheMiddle: the reader must be able to tell, by the missing last line and by the cut connection.
func TestPageThatFailsInTheMiddle(t *testing.T) {
	t.Parallel()
	n := setup(t)
	for i := range 3000 {
		n.products = append(n.products, someProducts(fmt.Sprintf("d%04d", i))...)
	}
	n.readFailure, n.failAfter = errors.New("disk on fire at /secret/path"), 2500
	for _, coding := range []string{"identity", "gzip", "zstd"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, n.url+pagePath+"?limit=5000", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+n.token(auth.RoleNode))
		req.Header.Set("Accept-Encoding", coding)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err == nil {
			t.Errorf("%s: the connection ended well", coding)
		}
		if strings.Contains(string(body), `{"end"`) || strings.Contains(string(body), "fire") {
			t.Errorf("%s: the page ends with %s", coding, body[max(0, len(body)-100):])
		}
	}
	// The encoders are fit for the next page.
	n.readFailure = nil
	if a := n.call("GET", pagePath+"?limit=5000", "", "Accept-Encoding", "gzip"); a.status != 200 {
		t.Errorf("%d", a.status)
	}
}

func TestPageThatFailsAtTheBeginning(t *testing.T) {
	t.Parallel()
	n := setup(t)
	n.readFailure, n.failAfter = errors.New("disk on fire at /secret/path"), 1
	a := n.call("GET", pagePath, "", "Accept-Encoding", "gzip", "X-Request-Id", "r-1")
	if a.status != http.StatusInternalServerError || a.member("requestId") != "r-1" || strings.Contains(a.body, "fire") || a.header.Get("Content-Encoding") != "" {
		t.Errorf("%d %s %v", a.status, a.body, a.header)
	}
	n.readFailure = fault.New(fault.Unavailable, "UNAVAILABLE", "Service unavailable", "The database does not answer.")
	a = n.call("GET", pagePath, "")
	if a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" {
		t.Errorf("%d %s", a.status, a.body)
	}
	// Without a total the page has no end either.
	n.readFailure, n.countFailure = nil, n.readFailure
	a = n.call("GET", pagePath+"?limit=2", "")
	if a.status != http.StatusServiceUnavailable || strings.Contains(a.body, `{"end"`) {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestNode(t *testing.T) {
	t.Parallel()
	n := setup(t)
	a := n.call("GET", "/api/node", "")
	if strings.TrimSpace(a.body) != `{"nodeId":"main-1","nodeName":"Main","version":"test","catalogs":[{"catalog":"garden","products":3},{"catalog":"main","products":3}]}` {
		t.Error(a.body)
	}
	n.products = nil
	a = n.call("GET", "/api/node", "")
	if strings.TrimSpace(a.body) != `{"nodeId":"main-1","nodeName":"Main","version":"test","catalogs":[{"catalog":"main","products":0}]}` {
		t.Error(a.body)
	}
	if a = n.call("GET", pagePath, "", "Accept-Encoding", "identity"); a.body != `{"end":{"count":0,"next":null,"total":0}}`+"\n" {
		t.Error(a.body)
	}
	counts := &countedCatalogs{}
	n = setup(t, func(o *api.Options) { o.Catalogs = counts })
	a = n.call("GET", "/api/node?catalogs=false", "")
	if strings.TrimSpace(a.body) != `{"nodeId":"main-1","nodeName":"Main","version":"test","catalogs":[]}` || counts.counted != 0 {
		t.Errorf("without catalogs: %s, counted %d times", a.body, counts.counted)
	}
}

// TestPageHoldsTheLargestProduct: a line over the page's buffer goes out whole.
func TestPageHoldsTheLargestProduct(t *testing.T) {
	t.Parallel()
	n := setup(t)
	n.products[0].Attributes = `{"text":"` + strings.Repeat("x", catalog.MaxProductBytes-200) + `"}`
	a := n.call("GET", pagePath+"?limit=1", "", "Accept-Encoding", "identity")
	line, rest, _ := strings.Cut(a.body, "\n")
	if len(line) < catalog.MaxProductBytes-200 || rest != `{"end":{"count":1,"next":"a","total":3}}`+"\n" {
		t.Errorf("a line of %d bytes, then %s", len(line), rest)
	}
}
