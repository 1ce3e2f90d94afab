package app_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"testing"

	"fullsync/api/spec"
	"fullsync/internal/auth"
	"fullsync/internal/nodetest"
)

// TestEarlierVersionPullsFromThisOne talks to a node like the version before digests: it sends only that version's requests, and
// accepts only lines that that version knows.
func TestEarlierVersionPullsFromThisOne(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		n := nodetest.Start(t, nodetest.Config{ID: nodetest.Branch, Database: nodetest.NewDatabase(t, kind)})
		held := n.Fill("main", 250)
		token := n.TokenFor("main", auth.RoleNode)

		who, err := nodetest.Decode[spec.NodeResponse](n.As(token, http.MethodGet, "/api/node", ""))
		if err != nil || who.NodeId != nodetest.Branch || len(who.Catalogs) != 1 || who.Catalogs[0].Products != 250 {
			t.Fatalf("the node says %+v, %v", who, err)
		}
		products := earlierPages(t, n, token, "products", []string{"product"})
		hashes := earlierPages(t, n, token, "hashes", []string{"hash", "id"})
		if len(products) != len(held) || len(hashes) != len(held) {
			t.Fatalf("%d products and %d hashes of %d", len(products), len(hashes), len(held))
		}
		for i, want := range held {
			if got := nodetest.Product(t, string(products[i]["product"])); got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
			if id, hash := string(hashes[i]["id"]), string(hashes[i]["hash"]); id != fmt.Sprintf("%q", want.ID) || hash != fmt.Sprintf("%q", want.Hash) {
				t.Errorf("the hash of %s is %s, want %s of %s", id, hash, want.Hash, want.ID)
			}
		}
	})
}

// earlierPages reads a list to its end in pages of 100, and returns its lines, each of which must have exactly these members.
func earlierPages(t *testing.T, n *nodetest.Node, token, list string, names []string) (lines []map[string]json.RawMessage) {
	t.Helper()
	for after := ""; ; {
		a := n.As(token, http.MethodGet, "/api/node/catalogs/main/"+list+"?after="+url.QueryEscape(after)+"&limit=100", "")
		if a.Status != http.StatusOK || a.Header.Get("Content-Type") != "application/x-ndjson" {
			t.Fatalf("%d %v %.300s", a.Status, a.Header, a.Body)
		}
		page := bytes.Split(bytes.TrimSuffix(a.Body, []byte("\n")), []byte("\n"))
		last := len(page) - 1
		for _, text := range page[:last] {
			var line map[string]json.RawMessage
			if err := json.Unmarshal(text, &line); err != nil || !slices.Equal(slices.Sorted(maps.Keys(line)), names) {
				t.Fatalf("a line that the earlier version does not know: %s, %v", text, err)
			}
			lines = append(lines, line)
		}
		var end map[string]struct {
			Count int
			Next  *string
		}
		if err := json.Unmarshal(page[last], &end); err != nil || len(end) != 1 || end["end"].Count != last {
			t.Fatalf("the last line is %s, %v", page[last], err)
		}
		if end["end"].Next == nil {
			return lines
		}
		after = *end["end"].Next
	}
}
