package app_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"fullsync/api/spec"
	"fullsync/internal/nodetest"
)

// TestPullFromRESTList pulls a shop's list of 250 products in pages of 100, then what has changed there, and puts that back.
func TestPullFromRESTList(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		wc := newShop(t, 250)
		main := nodetest.Start(t, nodetest.Config{Database: nodetest.NewDatabase(t, kind)})
		addFeed(t, main, "shop", wc.URL+shopPath, shopAuth)
		pull := nodetest.Pull{Peer: "shop"}

		check, err := nodetest.Decode[spec.PeerCheckResponse](main.Call("alice", http.MethodPost, peersPath+"/shop/check", ""))
		if err != nil || check.Check.Problem != nil || !check.Check.Allowed || check.Check.MayPush || check.Check.Feed == nil ||
			len(check.Check.Feed.Products) != 10 || !strings.Contains(check.Check.Feed.Found, "preset woocommerce") {
			t.Fatalf("check = %+v, %v", check.Check, err)
		}
		if p := check.Check.Feed.Products[0].Product; p == nil || p.Id != "250" || value(p.Price) != "250.50" || !p.Active {
			t.Errorf("first product = %+v", p)
		}
		wc.change(func(s *shop) { s.pauses = 2 })
		s := main.Sync(pull)
		if s.Created != 250 || value(s.TotalRecords) != 250 || s.Rejected != 0 || value(s.Outcome) != spec.OutcomeClean || s.TransferredBytes == 0 {
			t.Errorf("first pull: %s", nodetest.Show(s))
		}
		held := main.Products("main")
		if held[0].ID != "1" || held[1].ID != "10" || held[0].SKU != "SKU-1" || held[0].Price != "1.50" || held[0].OriginNodeID != "shop" {
			t.Errorf("first product here = %+v", held[0])
		}

		wc.change(func(s *shop) {
			s.products = slices.Delete(s.products, 0, 3)
			s.products[0]["regular_price"] = "9.99"
		})
		deleting := nodetest.Pull{Peer: "shop", Options: spec.StartOptions{DeleteMissing: new(true), VerifyAfterSync: new(true)}}
		dry := deleting
		dry.Options.DryRun = new(true)
		plan := main.Sync(dry)
		if plan.Updated != 1 || plan.Deleted != 3 || main.Count("main") != 250 {
			t.Errorf("dry run: %s", nodetest.Show(plan))
		}
		a := main.Call("alice", http.MethodPost, nodetest.StartPath, fmt.Sprintf(`{"action":"pull","planId":%q}`, plan.SessionId))
		started, err := nodetest.Decode[spec.StartResponse](a)
		if err != nil || a.Status != http.StatusAccepted {
			t.Fatalf("applying the plan: %d %s", a.Status, a.Body)
		}
		s = main.WaitEnd(started.Session.SessionId, spec.COMPLETED)
		if s.Updated != 1 || s.Unchanged != 246 || s.Deleted != 3 || main.Count("main") != 247 {
			t.Errorf("with what has changed: %s", nodetest.Show(s))
		}
		a = main.Call("alice", http.MethodPost, nodetest.StartPath+"/"+s.SessionId.String()+"/revert", "")
		reverted, err := nodetest.Decode[spec.SessionResponse](a)
		if err != nil || reverted.Session.SessionId == s.SessionId {
			t.Fatalf("revert: %d %s", a.Status, a.Body)
		}
		main.WaitEnd(reverted.Session.SessionId, spec.COMPLETED)
		if main.Count("main") != 250 {
			t.Errorf("after the revert there are %d products", main.Count("main"))
		}

		wc.change(func(s *shop) { s.products = s.products[:200] })
		s = main.Sync(deleting)
		if s.Deleted != 0 || value(s.Outcome) != spec.OutcomeDeletesWithheld || main.Count("main") != 250 {
			t.Errorf("a fifth less: %s", nodetest.Show(s))
		}
	})
}

// TestUnchangedFeed is not read again, unless the catalog here is not as it was left.
func TestUnchangedFeed(t *testing.T) {
	t.Parallel()
	var version, full atomic.Int64
	version.Store(1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tag := fmt.Sprintf(`"v%d"`, version.Load())
		w.Header().Set("ETag", tag)
		if r.Header.Get("If-None-Match") == tag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		full.Add(1)
		w.Header().Set("Content-Type", "text/csv")
		_, _ = fmt.Fprintf(w, "id;name;price\n2;Two;2,50\n1;One v%d;1,50\n", version.Load())
	}))
	t.Cleanup(server.Close)
	main := nodetest.Start(t, nodetest.Config{})
	addFeed(t, main, "erp", server.URL+"/export.csv", `,"decimal":",","defaults":{"currency":"EUR"}`)
	pull := nodetest.Pull{Peer: "erp"}
	expect := func(what string, reads int64, created, updated int64, step string) {
		t.Helper()
		s := main.Sync(pull)
		if full.Load() != reads || s.Created != created || s.Updated != updated || !strings.Contains(s.CurrentStep, step) {
			t.Errorf("%s: read %d times, %s", what, full.Load(), nodetest.Show(s))
		}
	}
	expect("first", 1, 2, 0, "Transferred 2 products")
	expect("unchanged", 1, 0, 0, "Nothing to do")
	if p := main.Products("main")[0]; p.Price != "1.50" || p.Currency != "EUR" {
		t.Errorf("product = %+v", p)
	}
	version.Store(2)
	expect("changed there", 2, 0, 1, "Transferred 2 products")
	main.Put("main", "2", "Changed here")
	expect("changed here", 3, 0, 1, "Transferred 2 products")
	expect("unchanged again", 3, 0, 0, "Nothing to do")
	pull.Options.DeleteMissing = new(true)
	expect("with deletes", 4, 0, 0, "Transferred 2 products")
	expect("with deletes again", 4, 0, 0, "Nothing to do")
	main.ChangePeer("erp", spec.PeerChange{Decimal: new(",")})
	expect("another way to read it", 5, 0, 0, "Transferred 2 products")
}

// TestFeedThatChangesBetweenAttempts is read from the beginning again by the next worker.
func TestFeedThatChangesBetweenAttempts(t *testing.T) {
	t.Parallel()
	wc := newShop(t, 250)
	main := nodetest.Start(t, nodetest.Config{})
	addFeed(t, main, "shop", wc.URL+shopPath, shopAuth)
	s := main.Pull(nodetest.Pull{Peer: "shop", Options: spec.StartOptions{MaxProductsPerSecond: new(100), BatchSize: new(20)}})
	main.WaitFor(s.SessionId, "the first products", func(s spec.Session) bool { return s.TransferredRecords > 0 })
	main.Down()
	wc.change(func(s *shop) {
		s.products[len(s.products)-1]["name"] = "Changed meanwhile" // id 1, which comes first
	})
	main = main.Restart()
	s = main.WaitEnd(s.SessionId, spec.COMPLETED)
	if p := main.Products("main"); len(p) != 250 || p[0].Name != "Changed meanwhile" || s.Updated != 1 || s.Created != 250 {
		t.Errorf("%d products, the first is %+v: %s", len(p), p[0], nodetest.Show(s))
	}
}

// TestFeedsAreOnlyRead and belong to one catalog; their secrets are never shown.
func TestFeedsAreOnlyRead(t *testing.T) {
	t.Parallel()
	wc := newShop(t, 3)
	main := nodetest.Start(t, nodetest.Config{})
	addFeed(t, main, "shop", wc.URL+shopPath, shopAuth+`,"catalog":"web"`)
	for body, want := range map[string]string{
		`{"action":"push","targetPeer":"shop"}`:                  "PEER_IS_FEED",
		`{"action":"pull","targetPeer":"shop","catalog":"main"}`: "FEED_CATALOG",
	} {
		if a := main.Call("alice", http.MethodPost, nodetest.StartPath, body); a.Status != http.StatusUnprocessableEntity || !strings.Contains(string(a.Body), want) {
			t.Errorf("%s: %d %s", body, a.Status, a.Body)
		}
	}
	a := main.Call("alice", http.MethodPost, nodetest.StartPath, `{"action":"pull","targetPeer":"shop"}`)
	started, err := nodetest.Decode[spec.StartResponse](a)
	if err != nil || a.Status != http.StatusAccepted {
		t.Fatalf("pull: %d %s", a.Status, a.Body)
	}
	main.WaitEnd(started.Session.SessionId, spec.COMPLETED)
	if main.Count("web") != 3 || main.Count("main") != 0 {
		t.Error("the products did not go to the feed's own catalog")
	}
	shown := main.Call("alice", http.MethodGet, peersPath, "")
	if strings.Contains(string(shown.Body), "cs_1") || !strings.Contains(string(shown.Body), `"authKind":"basic"`) {
		t.Errorf("peers: %s", shown.Body)
	}
	for what, row := range map[string]struct{ method, path, body, want string }{
		"secret in the URL":   {http.MethodPost, peersPath, `{"nodeId":"x","kind":"feed","url":"https://x.example/p?consumer_secret=1"}`, "give it as auth instead"},
		"password in the URL": {http.MethodPost, peersPath, `{"nodeId":"x","kind":"feed","url":"https://a:b@x.example/p"}`, "must not hold a user name"},
		"metadata address":    {http.MethodPost, peersPath, `{"nodeId":"x","kind":"feed","url":"http://169.254.169.254/p"}`, "link-local"},
		"token":               {http.MethodPost, peersPath, `{"nodeId":"x","kind":"feed","url":"https://x.example/p","token":"t"}`, "give a feed auth instead"},
		"format of a node":    {http.MethodPost, peersPath, `{"nodeId":"x","url":"https://x.example","format":"csv"}`, "kind must be feed"},
		"unknown preset":      {http.MethodPost, peersPath, `{"nodeId":"x","kind":"feed","url":"https://x.example","preset":"magento"}`, "must be woocommerce"},
		"unknown encoding":    {http.MethodPost, peersPath, `{"nodeId":"x","kind":"feed","url":"https://x.example","encoding":"klingon"}`, "klingon"},
		"half an auth":        {http.MethodPost, peersPath, `{"nodeId":"x","kind":"feed","url":"https://x.example","auth":{"kind":"basic","username":"u"}}`, "auth.password"},
		"header":              {http.MethodPost, peersPath, `{"nodeId":"x","kind":"feed","url":"https://x.example","auth":{"kind":"header","name":"Host","value":"u"}}`, "auth.name"},
		"another host":        {http.MethodPatch, peersPath + "/shop", `{"url":"https://other.example/p"}`, "TOKEN_REQUIRED"},
	} {
		if a := main.Call("alice", row.method, row.path, row.body); a.Status < 400 || a.Status >= 500 || !strings.Contains(string(a.Body), row.want) {
			t.Errorf("%s: %d %s", what, a.Status, a.Body)
		}
	}
	if a := main.Call("alice", http.MethodPatch, peersPath+"/shop", `{"auth":{"kind":"none"},"format":"json"}`); a.Status != http.StatusOK || strings.Contains(string(a.Body), "authKind") {
		t.Errorf("removing the auth: %d %s", a.Status, a.Body)
	}
	check, err := nodetest.Decode[spec.PeerCheckResponse](main.Call("alice", http.MethodPost, peersPath+"/shop/check", ""))
	if err != nil || !strings.Contains(value(check.Check.Problem), "(401)") || !check.Check.Reachable {
		t.Errorf("check without auth = %+v, %v", check.Check, err)
	}
}
