//go:build unix

package reliability

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"fullsync/internal/auth"
	"fullsync/internal/catalog"
	"fullsync/internal/sample"
)

// products is how many products the source has.
const products = 1000

// source is the node that every pull reads from: a real process on SQLite, filled by catalog import.
type source struct {
	*process
	token    string
	products map[string]catalog.Product
}

const sourceSecret = "the secret of the source node, made up"

func startSource() (*source, error) {
	s := &source{products: make(map[string]catalog.Product, products)}
	settings := map[string]string{
		"LISTEN": "127.0.0.1:0", "LOG_FORMAT": "json", "NODE_ID": "branch", "JWT_SECRET": sourceSecret,
		"DATA_DIR": filepath.Join(lab.dir, "branch"),
	}
	var lines bytes.Buffer
	for p := range sample.Products(products, 7) {
		s.products[p.ID] = p
		lines.Write(append(p.AppendJSON(nil), '\n'))
	}
	binary, err := lab.binary()
	if err != nil {
		return nil, err
	}
	fill := exec.Command(binary, "catalog", "import", "-")
	fill.Env, fill.Stdin = environment(settings), &lines
	if out, err := fill.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("catalog import: %w\n%s", err, out)
	}
	keys, err := auth.New([]byte(sourceSecret), "branch")
	if err != nil {
		return nil, err
	}
	if s.token, err = keys.Issue("main", auth.RoleNode, 24*time.Hour); err != nil {
		return nil, err
	}
	s.process, err = serve(settings)
	return s, err
}

// gate is between one test's nodes and the source: it sees every request for products, and can hold it.
type gate struct {
	*source
	url string

	mu sync.Mutex
	// pages counts the requests for products, by the id they continue after.
	pages map[string]int
	// hold, if not nil, is called for every request for products. The request waits until the channel it returns is closed,
	// or until the node gives up, which is then reported on aborted.
	hold    func(after string) <-chan struct{}
	aborted chan time.Time
}

func newGate(t testing.TB) *gate {
	t.Helper()
	src, err := lab.source()
	if err != nil {
		t.Fatal(err)
	}
	target, err := url.Parse(src.url)
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{source: src, pages: map[string]int{}, aborted: make(chan time.Time, 16)}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) },
		// These tests kill nodes in the middle of an answer, so that is nothing to log.
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/products") && !g.pass(r) {
			return
		}
		defer func() {
			if p := recover(); p != nil && !errors.Is(p.(error), http.ErrAbortHandler) {
				panic(p)
			}
		}()
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	t.Cleanup(server.CloseClientConnections)
	g.url = server.URL
	return g
}

// pass counts a request for products and holds it for as long as it should; it returns false if the node gave up.
func (g *gate) pass(r *http.Request) bool {
	after := r.URL.Query().Get("after")
	g.mu.Lock()
	g.pages[after]++
	hold := g.hold
	g.mu.Unlock()
	if hold == nil {
		return true
	}
	until := hold(after)
	if until == nil {
		return true
	}
	select {
	case <-until:
		return true
	case <-r.Context().Done():
		g.aborted <- time.Now()
		return false
	}
}

// holding changes the function that is called for every request for products.
func (g *gate) holding(hold func(after string) <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.hold = hold
}
