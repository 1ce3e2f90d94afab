package app_test

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"fullsync/api/spec"
	"fullsync/internal/nodetest"
)

// changesPath is where the changes of a session are.
func changesPath(id spec.SessionID) string {
	return nodetest.StartPath + "/" + id.String() + "/changes"
}

// changesOf returns all changes of a session, downloaded, each as its line.
func changesOf(t *testing.T, n *nodetest.Node, id spec.SessionID) (lines []string) {
	t.Helper()
	a := n.Call("alice", http.MethodGet, changesPath(id)+"?format=ndjson", "")
	if a.Status != http.StatusOK {
		t.Fatalf("changes: %d %s", a.Status, a.Body)
	}
	for line := range strings.Lines(string(a.Body)) {
		lines = append(lines, strings.TrimSpace(line))
	}
	return lines
}

// changed is how a line of changes shows one field that was changed by the session.
func changed(batch int, id, field, before, after string) string {
	return fmt.Sprintf(`{"batch":%d,"productId":%q,"kind":"updated","fields":[{"field":%q,"before":%q,"after":%q}]}`, batch, id, field, before, after)
}

// TestChangesOfASession: what a pull creates, updates and deletes is listed, page by page and as a file, also after the products have changed again.
func TestChangesOfASession(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, 100, nodetest.Config{})
		size := 5
		first := pair.Main.Sync(nodetest.Pull{Options: spec.StartOptions{BatchSize: &size}})
		lines := changesOf(t, pair.Main, first.SessionId)
		held := pair.Branch.Products("main")
		for i, p := range held {
			if want := fmt.Sprintf(`{"batch":%d,"productId":%q,"kind":"created","fields":[]}`, i/size+1, p.ID); lines[i] != want {
				t.Fatalf("line %d is %s, want %s", i, lines[i], want)
			}
		}
		if len(lines) != 100 || !first.ChangesKept || !value(first.ChangesKeptUntil).Equal(first.CompletedAt.AddDate(0, 0, 30)) {
			t.Errorf("%d lines, kept until %v: %s", len(lines), first.ChangesKeptUntil, nodetest.Show(first))
		}

		renamed, removed := held[10].Product, held[20]
		renamed.Name = "New name"
		renamed.Hash = renamed.ContentHash()
		pair.Branch.Import("main", renamed)
		removeProducts(t, pair, removed)
		second := pair.Main.Sync(deleting())
		pair.Main.Put("main", renamed.ID, "Ours now")
		lines = changesOf(t, pair.Main, second.SessionId)
		if len(lines) != 2 || lines[0] != changed(1, renamed.ID, "name", held[10].Name, "New name") ||
			!strings.Contains(lines[1], fmt.Sprintf(`"productId":%q,"kind":"deleted","fields":[{"field":"sku","before":%q,"after":null},`, removed.ID, removed.SKU)) {
			t.Errorf("changes are %v", lines)
		}

		var paged []string
		for token := ""; ; {
			a := pair.Main.Call("alice", http.MethodGet, changesPath(first.SessionId)+"?pageSize=7&pageToken="+token, "")
			page, err := nodetest.Decode[spec.ChangeListResponse](a)
			if err != nil || a.Status != http.StatusOK {
				t.Fatalf("%d %s", a.Status, a.Body)
			}
			for _, c := range page.Changes {
				paged = append(paged, c.ProductId)
			}
			if page.NextPageToken == nil {
				break
			}
			token = *page.NextPageToken
		}
		want := make([]string, len(held))
		for i, p := range held {
			want[i] = p.ID
		}
		if !slices.Equal(paged, want) {
			t.Errorf("in pages: %v", paged)
		}

		// A search looks at a part of a long list for each page.
		last := held[99].ID
		search := changesPath(first.SessionId) + "?q=" + last
		page, err := nodetest.Decode[spec.ChangeListResponse](pair.Main.Call("alice", http.MethodGet, search, ""))
		if err != nil || len(page.Changes) != 0 || page.NextPageToken == nil {
			t.Fatalf("the first page of a search: %+v, %v", page, err)
		}
		page, err = nodetest.Decode[spec.ChangeListResponse](pair.Main.Call("alice", http.MethodGet, search+"&pageToken="+*page.NextPageToken, ""))
		if err != nil || len(page.Changes) != 1 || page.Changes[0].ProductId != last || page.NextPageToken != nil {
			t.Errorf("its second page: %+v, %v", page, err)
		}
		a := pair.Main.Call("alice", http.MethodGet, search+"&format=ndjson", "")
		if strings.Count(string(a.Body), "\n") != 1 || !strings.Contains(string(a.Body), last) {
			t.Errorf("as a file: %s", a.Body)
		}
	})
}

// TestChangesOfAPush are at its target.
func TestChangesOfAPush(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := newPusher(t, kind, kind, 20, nodetest.Config{})
		s := pair.Main.Sync(push(10, spec.StartOptions{}))
		if lines := changesOf(t, pair.Branch, s.SessionId); len(lines) != 20 {
			t.Errorf("at the target: %v", lines)
		}
		a := pair.Main.Call("alice", http.MethodGet, changesPath(s.SessionId), "")
		if a.Status != http.StatusNotFound || !bytes.Contains(a.Body, []byte("CHANGES_NOT_KEPT")) || !bytes.Contains(a.Body, []byte("at branch")) || s.ChangesKept {
			t.Errorf("at the pusher: %d %s", a.Status, a.Body)
		}
	})
}

// TestNodeThatKeepsNoChanges says so, and works as before.
func TestNodeThatKeepsNoChanges(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, 20, nodetest.Config{Settings: map[string]string{"KEEP_CHANGES": "0"}})
		s := pair.Main.Sync(nodetest.Pull{})
		a := pair.Main.Call("alice", http.MethodGet, changesPath(s.SessionId), "")
		if a.Status != http.StatusNotFound || s.ChangesKept || s.ChangesKeptUntil != nil {
			t.Errorf("%d %s: %s", a.Status, a.Body, nodetest.Show(s))
		}
		var rows int
		if err := pair.Main.Store.SQL().QueryRowContext(t.Context(), "SELECT count(*) FROM sync_creations").Scan(&rows); err != nil || rows > 0 {
			t.Errorf("%d rows, %v", rows, err)
		}
		nodetest.SameCatalog(t, pair.Branch, pair.Main, "main")
	})
}

// TestHistoryOfAProduct says which syncs did what to it, also when it is gone, and leaves out those whose changes are not kept any more.
func TestHistoryOfAProduct(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, 30, nodetest.Config{})
		history := func(id string) (all []string) {
			t.Helper()
			a := pair.Main.Call("alice", http.MethodGet, "/api/catalogs/main/products/"+id+"/history", "")
			page, err := nodetest.Decode[spec.ProductHistoryResponse](a)
			if err != nil || a.Status != http.StatusOK {
				t.Fatalf("%d %s", a.Status, a.Body)
			}
			for _, h := range page.History {
				var fields []string
				for _, f := range h.Fields {
					fields = append(fields, f.Field)
				}
				all = append(all, fmt.Sprint(h.StartedBy, " ", h.Direction, " ", h.Peer, " ", h.Kind, " ", fields))
			}
			return all
		}
		first := pair.Main.Sync(nodetest.Pull{})
		one := pair.Branch.Products("main")[7]
		one.Name, one.Price = "New name", "99"
		one.Hash = one.ContentHash()
		pair.Branch.Import("main", one.Product)
		pair.Main.Sync(nodetest.Pull{By: "bob"})
		removeProducts(t, pair, one)
		pair.Main.Sync(deleting())
		want := []string{
			"alice pull branch deleted [sku name price currency active originNodeId", "bob pull branch updated [name price]", "alice pull branch created []",
		}
		got := history(one.ID)
		if len(got) != 3 || !strings.HasPrefix(got[0], want[0]) || !slices.Equal(got[1:], want[1:]) {
			t.Errorf("history is %q, want %q", got, want)
		}
		if got := history("nothing"); len(got) != 0 {
			t.Errorf("of no product: %q", got)
		}
		if _, err := pair.Main.Store.SQL().ExecContext(t.Context(), "DELETE FROM sync_sessions WHERE id = $1", first.SessionId.String()); err != nil {
			t.Fatal(err)
		}
		if got := history(one.ID); len(got) != 2 {
			t.Errorf("without the first session: %q", got)
		}
	})
}
