package app_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"fullsync/internal/catalog"
	"fullsync/internal/nodetest"
	"fullsync/internal/store"
)

// anchor is a product that no edit spoils: a source with nothing but refused products would be another story.
const anchor = "anchor"

// id returns one of the story's ids, which sort by their bytes.
func (s *story) id() string {
	n := s.rand.IntN(160)
	switch n % 16 {
	case 3:
		return fmt.Sprintf("Z %03d/ü", n)
	case 7:
		return fmt.Sprintf("ä-%03d", n)
	}
	return fmt.Sprintf("p-%03d", n)
}

// ids returns a run of ids, or scattered ones, each once and in order.
func (s *story) ids(most int) (ids []string) {
	for range 1 + s.rand.IntN(most) {
		ids = append(ids, s.id())
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// text returns a product's content, without its id. There are few different ones, so that both sides often have the same.
func (s *story) text() string {
	n := s.rand.IntN(4)
	return fmt.Sprintf(`{"name":"Version %d","price":"%d.50","currency":"EUR","active":%t,"size":{"b":%d,"a":null}}`, n, n, n != 2, n)
}

func (s *story) product(id string) catalog.Product {
	return nodetest.Product(s, s.put(id))
}

func (s *story) put(id string) string { return fmt.Sprintf(`{"id":%q,%s`, id, s.text()[1:]) }

func (s *story) importFrom(n *nodetest.Node, catalogName, origin string, products ...catalog.Product) {
	s.Helper()
	if _, err := n.Store.Import(s.Context(), catalogName, origin, products); err != nil {
		s.Fatal(err)
	}
}

// sql changes products behind the node's back, each in its own statement.
func (s *story) sql(n *nodetest.Node, what string, ids []string, statement string, args ...any) {
	s.Helper()
	s.tell("%s, by SQL: %s %q %q", n.NodeID(), what, ids, args)
	for _, id := range ids {
		if _, err := n.Store.SQL().ExecContext(s.Context(), statement, append([]any{id}, args...)...); err != nil {
			s.Fatalf("%s: %v", statement, err)
		}
	}
}

// call makes an edit over the API; the answer must be one of the codes.
func (s *story) call(n *nodetest.Node, method, path, body string, codes ...int) {
	s.Helper()
	s.tell("%s: %s %s %s", n.NodeID(), method, path, body)
	if a := n.Call("alice", method, path, body); !slices.Contains(codes, a.Status) {
		s.Fatalf("%s %s: %d %s", method, path, a.Status, a.Body)
	}
}

// edit changes some products of a node while no sync runs.
func (s *story) edit(n *nodetest.Node) {
	s.Helper()
	switch ids := s.ids(25); s.rand.IntN(12) {
	case 0, 1, 2:
		s.editByAPI(n)
	case 3, 4, 5:
		s.editBySQL(n)
	case 6:
		s.tell("%s: import from %s %q", n.NodeID(), elsewhere, ids)
		s.importFrom(n, synced, elsewhere, s.products(ids)...)
	case 7:
		s.tell("%s: import %q", n.NodeID(), ids)
		n.Import(synced, s.products(ids)...)
	case 8: // a restored dump: rows of anybody, with or without the right hash
		for _, p := range s.products(ids) {
			if s.oneIn(2) {
				p.Hash = "1:" + strings.Repeat("0", 43)
			}
			origin := []string{nodetest.MainNode, nodetest.Branch, elsewhere}[s.rand.IntN(3)]
			s.sql(n, "insert", []string{p.ID}, `INSERT INTO products (catalog, id, sku, name, price, currency, active, attributes, hash, origin_node_id, created_at, updated_at)
				VALUES ('main', $1, '', $2, $3, 'EUR', $4, $5, $6, $7, '2026-01-01 00:00:00+00:00', '2026-01-01 00:00:00+00:00') ON CONFLICT (catalog, id) DO NOTHING`,
				p.Name, p.Price, p.Active, p.Attributes, p.Hash, origin)
		}
	case 9:
		s.sql(n, "spoil", ids[:min(len(ids), 3)], "UPDATE products SET price = 'cheap' WHERE catalog = 'main' AND id = $1")
	case 10:
		s.lie(n, ids[:min(len(ids), 3)])
	case 11:
		if s.oneIn(4) {
			s.sql(n, "empty", []string{synced}, "DELETE FROM products WHERE catalog = $1")
			n.Import(synced, s.product(anchor))
		}
	}
}

func (s *story) products(ids []string) (products []catalog.Product) {
	for _, id := range ids {
		products = append(products, s.product(id))
	}
	return products
}

// editByAPI changes products as a person or program would, and returns which.
func (s *story) editByAPI(n *nodetest.Node) (ids []string) {
	s.Helper()
	if s.oneIn(2) {
		id := s.id()
		path := productsPath + "/" + url.PathEscape(id)
		if s.oneIn(3) {
			s.call(n, http.MethodDelete, path, "", http.StatusOK, http.StatusNotFound)
		} else {
			s.call(n, http.MethodPut, path, s.text(), http.StatusOK, http.StatusCreated)
		}
		return []string{id}
	}
	ids = s.ids(40)
	edits := make([]map[string]any, len(ids))
	for i, id := range ids {
		if edits[i] = map[string]any{"put": json.RawMessage(s.put(id))}; s.oneIn(3) {
			edits[i] = map[string]any{"delete": id}
		}
	}
	body, err := json.Marshal(map[string]any{"edits": edits})
	if err != nil {
		s.Fatal(err)
	}
	s.call(n, http.MethodPost, productsPath+":batch", string(body), http.StatusOK)
	return ids
}

// editBySQL changes products behind the node's back, and returns which.
func (s *story) editBySQL(n *nodetest.Node) (ids []string) {
	s.Helper()
	switch ids = s.ids(15); s.rand.IntN(4) {
	case 0, 1:
		s.sql(n, "update", ids, "UPDATE products SET name = $2 WHERE catalog = 'main' AND id = $1", fmt.Sprintf("Version %d", s.rand.IntN(6)))
	case 2:
		s.sql(n, "delete", ids, "DELETE FROM products WHERE catalog = 'main' AND id = $1")
	case 3:
		s.sql(n, "wrong hash", ids, "UPDATE products SET hash = $2 WHERE catalog = 'main' AND id = $1", "1:"+strings.Repeat("1", 43))
	}
	return ids
}

// lie changes products without a trace in their hash or digest, which is only possible with the triggers off. Only verification
// finds that. A source that does this contradicts itself, which is another story; so there a check corrects it.
func (s *story) lie(n *nodetest.Node, ids []string) {
	s.Helper()
	for _, id := range ids {
		var digest *int64
		err := n.Store.SQL().QueryRowContext(s.Context(), "SELECT max(digest) FROM products WHERE catalog = 'main' AND id = $1", id).Scan(&digest)
		if err != nil {
			s.Fatal(err)
		}
		if digest == nil {
			continue
		}
		s.sql(n, "lie", []string{id}, "UPDATE products SET name = 'A lie' WHERE catalog = 'main' AND id = $1")
		s.sql(n, "lie", []string{id}, "UPDATE products SET digest = $2 WHERE catalog = 'main' AND id = $1", *digest)
		if n == s.Main {
			s.lying[id] = true
		}
	}
	if n == s.Main {
		return
	}
	s.tell("%s: catalog check --repair", n.NodeID())
	if _, err := n.Store.Check(s.Context(), synced, true, func(store.Finding) {}); err != nil {
		s.Fatal(err)
	}
}
