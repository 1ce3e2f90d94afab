package api_test

import (
	"net/http"
	"strings"
	"testing"
)

// TestConsole: whoever opens the node in a browser comes to the page, and the page needs no token.
func TestConsole(t *testing.T) {
	t.Parallel()
	n := setup(t)
	for path, final := range map[string]string{"/": "/console/", "/console": "/console/", "/console/": "/console/", "/console/main.js": "/console/main.js"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, n.url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusOK || resp.Request.URL.Path != final {
			t.Errorf("%s ends at %s with %d, want %s", path, resp.Request.URL.Path, resp.StatusCode, final)
		}
		if !strings.Contains(resp.Header.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s: no strict policy", path)
		}
	}
}
