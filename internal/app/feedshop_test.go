package app_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"

	"fullsync/internal/nodetest"
)

// shop serves products as WooCommerce's REST list does: numeric ids, pages, Link headers, a key and a secret.
type shop struct {
	*httptest.Server
	mu       sync.Mutex
	products []map[string]any
	asked    []string
	// pauses is how often it asks for a pause before it answers.
	pauses int
	// plain leaves out all headers that say where the next page is.
	plain bool
}

// newShop returns a shop with so many products, the newest first.
func newShop(t *testing.T, count int) *shop {
	t.Helper()
	s := &shop{}
	for id := count; id > 0; id-- {
		s.products = append(s.products, map[string]any{
			"id": id, "sku": fmt.Sprintf("SKU-%d", id), "name": fmt.Sprintf("Product %d", id), "regular_price": fmt.Sprintf("%d.50", id), "price": "1",
			"status": "publish", "stock_quantity": id % 7,
		})
	}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

// change changes what the shop has.
func (s *shop) change(f func(*shop)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(s)
}

func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, r.URL.RequestURI())
	if user, secret, _ := r.BasicAuth(); user != "ck_1" || secret != "cs_1" {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	if r.URL.Query().Get("page") == "2" && s.pauses > 0 {
		s.pauses--
		w.Header().Set("Retry-After", "0.01")
		w.WriteHeader(http.StatusTooManyRequests)
		return
	}
	size, number := 100, 1
	if n, err := strconv.Atoi(r.URL.Query().Get("per_page")); err == nil {
		size = n
	}
	if n, err := strconv.Atoi(r.URL.Query().Get("page")); err == nil {
		number = n
	}
	from := min((number-1)*size, len(s.products))
	to := min(from+size, len(s.products))
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	if !s.plain {
		w.Header().Set("X-Wp-Total", strconv.Itoa(len(s.products)))
		w.Header().Set("X-Wp-Totalpages", strconv.Itoa((len(s.products)+size-1)/size))
		if to < len(s.products) {
			w.Header().Set("Link", fmt.Sprintf(`<%s/wp-json/wc/v3/products?per_page=%d&page=%d>; rel="next"`, s.URL, size, number+1))
		}
	}
	_ = json.NewEncoder(w).Encode(append([]map[string]any{}, s.products[from:to]...))
}

const shopPath = "/wp-json/wc/v3/products?per_page=100"

// addFeed registers a feed; more are further members of the peer.
func addFeed(t *testing.T, n *nodetest.Node, id, url, more string) {
	t.Helper()
	body := fmt.Sprintf(`{"nodeId":%q,"kind":"feed","url":%q%s}`, id, url, more)
	if a := n.Call("alice", http.MethodPost, peersPath, body); a.Status != http.StatusCreated {
		t.Fatalf("registering feed %s: %d %s", id, a.Status, a.Body)
	}
}

const (
	peersPath = "/api/admin/sync/peers"
	shopAuth  = `,"auth":{"kind":"basic","username":"ck_1","password":"cs_1"}`
)
