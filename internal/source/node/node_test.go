package node

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"fullsync/internal/catalog"
	"fullsync/internal/fault"
	"fullsync/internal/peer"
	"fullsync/internal/transfer"
)

const testToken = "the-token-that-must-not-show"

// serve starts a peer that answers with h.
func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server
}

// open returns a source for the peer "branch" at url; change may change its options.
func open(t *testing.T, url string, change func(*Options)) *Source {
	t.Helper()
	o := Options{URL: url, Token: testToken, PeerNodeID: "branch", SelfNodeID: "main", Catalog: "main"}
	if change != nil {
		change(&o)
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// body answers with a body of that content type.
func body(contentType, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		_, _ = w.Write([]byte(text))
	}
}

// page answers with lines, each followed by a newline.
func page(lines ...string) http.HandlerFunc {
	return body("application/x-ndjson", strings.Join(lines, "\n")+"\n")
}

func product(id string) string { return fmt.Sprintf(`{"product":{"id":%q,"name":"Thing"}}`, id) }

func end(count int, next string) string {
	if next == "" {
		return fmt.Sprintf(`{"end":{"count":%d,"next":null}}`, count)
	}
	return fmt.Sprintf(`{"end":{"count":%d,"next":%q}}`, count, next)
}

// wantTransient fails the test unless err is worth another try.
func wantTransient(t *testing.T, err error) {
	t.Helper()
	var te *transfer.TransientError
	if !errors.As(err, &te) {
		t.Fatalf("%v (%T), want a transient error", err, err)
	}
	wantSentence(t, err)
}

// wantPermanent fails the test unless err needs a person.
func wantPermanent(t *testing.T, err error, code string) {
	t.Helper()
	var te *transfer.TransientError
	var fe *fault.Error
	if errors.As(err, &te) || !errors.As(err, &fe) || fe.Code != code {
		t.Fatalf("%v (%T), want a permanent error %s", err, err, code)
	}
	wantSentence(t, err)
}

// wantSentence fails the test unless the sentence names the peer and gives nothing away.
func wantSentence(t *testing.T, err error) {
	t.Helper()
	text := fault.Sentence(err, "")
	if !strings.Contains(text, "peer branch") && !strings.Contains(text, "Peer branch") || !strings.HasSuffix(text, ".") {
		t.Errorf("the sentence does not name the peer: %q", text)
	}
	if strings.Contains(err.Error(), testToken) || strings.Contains(err.Error(), "peer's body") {
		t.Errorf("the error gives something away: %v", err)
	}
}

func TestDescribe(t *testing.T) {
	t.Parallel()
	const node = `{"nodeId":"branch","nodeName":"B","version":"1","later":true,"catalogs":[{"catalog":"main","products":1067},{"catalog":"b2b","products":3}]}`
	var asked *http.Request
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked = r
		body("application/json; charset=utf-8", node)(w, r)
	})
	for name, want := range map[string]int64{"main": 1067, "b2b": 3} {
		s := open(t, server.URL+"/base/", func(o *Options) { o.Catalog = name })
		d, err := s.Describe(t.Context())
		if err != nil || d.NodeID != "branch" || d.Total != want {
			t.Errorf("%s: Describe = %+v, %v", name, d, err)
		}
		if asked.URL.Path != "/base/api/node" || asked.Header.Get("Authorization") != "Bearer "+testToken {
			t.Errorf("asked %s with %q", asked.URL.Path, asked.Header.Get("Authorization"))
		}
		if d, err = s.Introduce(t.Context()); err != nil || d.NodeID != "branch" || d.Total != -1 || asked.URL.Query().Get("catalogs") != "false" {
			t.Errorf("%s: Introduce = %+v, %v", name, d, err)
		}
		if err := errors.Join(s.Close(), s.Close()); err != nil {
			t.Errorf("Close twice: %v", err)
		}
	}
	_, err := open(t, server.URL, func(o *Options) { o.Catalog = "toys" }).Describe(t.Context())
	wantPermanent(t, err, "CATALOG_NOT_FOUND")
	_, err = open(t, server.URL, func(o *Options) { o.SelfNodeID = "branch" }).Describe(t.Context())
	wantPermanent(t, err, "PEER_IS_SELF")

	empty := serve(t, body("application/json", `{"nodeId":"branch","catalogs":[]}`))
	if d, err := open(t, empty.URL, nil).Describe(t.Context()); err != nil || d.Total != 0 {
		t.Errorf("the default catalog is not listed: %+v, %v", d, err)
	}
	another := serve(t, body("application/json", `{"nodeId":"third","catalogs":[]}`))
	_, err = open(t, another.URL, nil).Describe(t.Context())
	wantPermanent(t, err, "PEER_IS_ANOTHER")
}

func TestDescribeOfWhatIsNoNode(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "null", "[]", "{}", `{"nodeId":""}`, `{"nodeId":"a b"}`, `{"nodeId":7}`, `{"nodeId":"branch"`,
		`{"nodeId":"branch","catalogs":7}`, `{"nodeId":"branch"}` + strings.Repeat(" ", maxNodeBody),
	} {
		_, err := open(t, serve(t, body("application/json", text)).URL, nil).Describe(t.Context())
		wantPermanent(t, err, codeNotANode)
	}
	_, err := open(t, serve(t, body("application/json", `{"nodeId":"branch","catalogs":[{"catalog":"main","products":-1}]}`)).URL, nil).
		Describe(t.Context())
	wantPermanent(t, err, codeProtocol)
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for _, o := range []Options{
		{URL: "ftp://h", PeerNodeID: "branch", Catalog: "main"},
		{URL: "http://h", PeerNodeID: "", Catalog: "main"},
		{URL: "http://h", PeerNodeID: "branch", Catalog: "../x"},
	} {
		if _, err := New(o); fault.KindOf(err) != fault.Invalid {
			t.Errorf("New(%+v) = %v, want Invalid", o, err)
		}
	}
}

func TestProbe(t *testing.T) {
	t.Parallel()
	target := func(url string) peer.Target { return peer.Target{NodeID: "branch", URL: url, Token: testToken} }
	probe := &Prober{Timeout: 50 * time.Millisecond}

	well := serve(t, body("application/json", "{\"nodeId\":\"third\",\"nodeName\":\"N\\u0007"+strings.Repeat("n", 300)+"\",\"version\":\"1.2\"}"))
	a, err := (&Prober{}).Probe(t.Context(), target(well.URL))
	if err != nil || !a.Reachable || a.NodeID != "third" || a.Version != "1.2" {
		t.Errorf("Probe = %+v, %v", a, err)
	}
	if strings.Contains(a.NodeName, "\a") || len(a.NodeName) > peer.MaxNodeName {
		t.Errorf("the peer's name is shown as it came: %q", a.NodeName)
	}

	early := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat))
		body("application/json", `{"nodeId":"third","nodeName":"N","version":"1.2"}`)(w, r)
	})
	if a, err = (&Prober{}).Probe(t.Context(), target(early.URL)); err != nil || a.Ahead.Round(10*time.Minute) != -time.Hour {
		t.Errorf("a clock that is an hour behind: %+v, %v", a, err)
	}

	a, err = (&Prober{}).Probe(t.Context(), target(serve(t, status(401, nil)).URL))
	wantPermanent(t, err, codeRefused)
	if !a.Reachable {
		t.Error("a peer that refuses the token is reachable")
	}

	silent := serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	a, err = probe.Probe(t.Context(), target(silent.URL))
	wantTransient(t, err)
	if a.Reachable {
		t.Error("a silent peer is not reachable")
	}
	if _, err = probe.Probe(t.Context(), target("ftp://h")); fault.KindOf(err) != fault.Invalid {
		t.Errorf("a bad URL: %v, want Invalid", err)
	}
}

func TestRead(t *testing.T) {
	t.Parallel()
	var asked *http.Request
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked = r
		page(product("b"), product("c"), `{"product":{"id":"d"}}`, ` { "product" : {"id":"e","name":"E","tags":["x"]} } `, end(4, "e"))(w, r)
	})
	s := open(t, server.URL, nil)
	const after = "a&b=c#é%2f,+ d"
	got, err := s.Read(t.Context(), after, 100)
	if err != nil {
		t.Fatal(err)
	}
	if q := asked.URL.Query(); q.Get("after") != after || q.Get("limit") != "100" || len(q) != 2 ||
		asked.URL.Path != "/api/node/catalogs/main/products" || asked.Header.Get("Accept-Encoding") != "identity" {
		t.Errorf("asked %s, Accept-Encoding %q", asked.URL, asked.Header.Get("Accept-Encoding"))
	}
	if len(got.Products) != 3 || got.Products[0].ID != "b" || got.Products[2].ID != "e" || got.Next != "e" || !got.More {
		t.Errorf("Read = %+v", got)
	}
	if len(got.Rejects) != 1 || got.Rejects[0].ID != "d" {
		t.Errorf("rejects %+v, want the product without a name", got.Rejects)
	}
	if want, _ := catalog.Parse([]byte(`{"id":"e","name":"E","tags":["x"]}`)); got.Products[2] != want {
		t.Errorf("product %+v, want %+v", got.Products[2], want)
	}
}

func TestPagesShareOneConnection(t *testing.T) {
	t.Parallel()
	var connections atomic.Int32
	server := httptest.NewUnstartedServer(page(product("b"), end(1, "")))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	s := open(t, server.URL, nil)
	for range 5 {
		if _, err := s.Read(t.Context(), "", 10); err != nil {
			t.Fatal(err)
		}
	}
	if n := connections.Load(); n != 1 {
		t.Errorf("5 pages took %d connections: a body was not read to its end", n)
	}
}

func TestReadTheLastPage(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		lines []string
		next  string
		count int
	}{
		"products":     {[]string{product("b"), end(1, "")}, "b", 1},
		"nothing":      {[]string{end(0, "")}, "a", 0},
		"only rejects": {[]string{`{"product":{}}`, `{"product":null}`, end(2, "")}, "a", 0},
		"later members": {[]string{
			product("b"), `{"end":{"count":1,"next":null,"later":9}}`}, "b", 1},
	} {
		got, err := open(t, serve(t, page(tc.lines...)).URL, nil).Read(t.Context(), "a", 100)
		if err != nil || got.More || got.Next != tc.next || len(got.Products) != tc.count || got.Total != nil {
			t.Errorf("%s: Read = %+v, %v", name, got, err)
		}
	}
}

func TestPagesSayTheTotal(t *testing.T) {
	t.Parallel()
	for end, want := range map[string]int64{
		`{"end":{"count":1,"next":"b","total":9}}`:                    9,
		`{"end":{"count":1,"next":null,"total":0}}`:                   0,
		`{"end":{"count":1,"next":null,"total":1000000000000000000}}`: 1e18,
	} {
		got, err := open(t, serve(t, page(product("b"), end)).URL, nil).Read(t.Context(), "a", 1)
		if err != nil || got.Total == nil || *got.Total != want {
			t.Errorf("%s: Read = %+v, %v", end, got, err)
		}
		hashes, err := open(t, serve(t, page(`{"id":"b","hash":"1:x"}`, end)).URL, nil).Hashes(t.Context(), "a", 1)
		if err != nil || hashes.Total == nil || *hashes.Total != want {
			t.Errorf("%s: Hashes = %+v, %v", end, hashes, err)
		}
	}
}

func TestHashes(t *testing.T) {
	t.Parallel()
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/api/node/catalogs/main/hashes" || r.URL.Query().Get("after") != "a" {
			t.Errorf("asked %s", r.URL)
		}
		page(`{"id":"b","hash":"1:x"}`, `{"id":"c","hash":"1:y"}`, end(2, "c"))(w, r)
	})
	got, err := open(t, server.URL, nil).Hashes(t.Context(), "a", 2)
	if err != nil || !got.More || got.Next != "c" || len(got.Entries) != 2 || got.Entries[1] != (catalog.Entry{ID: "c", Hash: "1:y"}) {
		t.Errorf("Hashes = %+v, %v", got, err)
	}
	for _, line := range []string{
		product("b"), `{"id":"b"}`, `{"hash":"x"}`, `{"id":"","hash":"x"}`, `{"id":"b","hash":""}`, "{\"id\":\"b\xff\",\"hash\":\"x\"}",
		`{"id":"b","hash":"x","more":1}`, `{"id":"b","id":"c","hash":"x"}`, `{"id":"b","hash":"x","end":{"count":0,"next":null}}`,
		`{"id":"` + strings.Repeat("b", 256) + `","hash":"x"}`,
	} {
		_, err := open(t, serve(t, page(line, end(1, ""))).URL, nil).Hashes(t.Context(), "a", 2)
		wantPermanent(t, err, codeProtocol)
	}
	_, err = open(t, serve(t, page(`{"id":"c","hash":"x"}`, `{"id":"b","hash":"x"}`, end(2, ""))).URL, nil).Hashes(t.Context(), "", 2)
	wantPermanent(t, err, codeProtocol)
}
