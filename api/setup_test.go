package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"

	"fullsync/api"
	"fullsync/api/spec"
	"fullsync/internal/auth"
	"fullsync/internal/catalog"
	"fullsync/internal/fault"
	"fullsync/internal/peer"
	"fullsync/internal/session"
	"fullsync/internal/syncer"
)

const (
	nodeID    = "main-1"
	secret    = "0123456789abcdef0123456789abcdef"
	sessionA  = "5245ddc7-7ac1-4b5a-8e0a-f50ea1e6d186"
	startPath = "/api/admin/sync/full-sync"
)

// services is every service behind the door, each operation a function that a test may replace.
type services struct {
	start      func(syncer.StartRequest) (session.View, error)
	get        func(id string) (session.View, error)
	list       func(syncer.Query) ([]session.View, error)
	status     func(catalogName string) (active, last *session.View, err error)
	cancel     func(ctx context.Context, id, by, reason string) (session.View, bool, error)
	addPeer    func(peer.New) (peer.Peer, error)
	changePeer func(nodeID string, c peer.Change) (peer.Peer, error)
	removePeer func(nodeID string) error
	checkPeer  func(nodeID string) (peer.CheckResult, error)
	products   []catalog.Stored
	// readFailure ends every reading of a page after failAfter lines.
	readFailure error
	failAfter   int
	// readEnded is told how each reading of a page ended.
	readEnded func(error)
	ready     func(ctx context.Context) error
}

type syncs struct{ *services }

func (s syncs) Start(_ context.Context, r syncer.StartRequest) (session.View, error) {
	return s.start(r)
}
func (s syncs) Get(_ context.Context, id string) (session.View, error) { return s.get(id) }
func (s syncs) List(_ context.Context, q syncer.Query) ([]session.View, error) {
	return s.list(q)
}
func (s syncs) Status(_ context.Context, name string) (active, last *session.View, err error) {
	return s.status(name)
}
func (s syncs) Cancel(ctx context.Context, id, by, reason string) (session.View, bool, error) {
	return s.cancel(ctx, id, by, reason)
}

type peers struct{ *services }

func (s peers) List(context.Context) ([]peer.Peer, error) { return []peer.Peer{branch()}, nil }
func (s peers) Get(_ context.Context, id string) (peer.Peer, error) {
	if id != "branch-2" {
		return peer.Peer{}, peer.Unknown(id)
	}
	return branch(), nil
}
func (s peers) Add(_ context.Context, n peer.New) (peer.Peer, error) { return s.addPeer(n) }
func (s peers) Change(_ context.Context, id string, c peer.Change) (peer.Peer, error) {
	return s.changePeer(id, c)
}
func (s peers) Remove(_ context.Context, id string) error { return s.removePeer(id) }
func (s peers) Check(_ context.Context, id string) (peer.CheckResult, error) {
	return s.checkPeer(id)
}

// The services are also the catalogs, the pages and the counts.
func (s *services) ListProducts(_ context.Context, _, after, q string, limit int) (found []catalog.Stored, err error) {
	for _, p := range s.products {
		if p.ID > after && strings.Contains(p.Name, q) && len(found) < limit {
			found = append(found, p)
		}
	}
	return found, nil
}

func (s *services) GetProduct(_ context.Context, _, id string) (catalog.Stored, error) {
	for _, p := range s.products {
		if p.ID == id {
			return p, nil
		}
	}
	return catalog.Stored{}, fault.New(fault.NotFound, "PRODUCT_NOT_FOUND", "Product not found", "There is none.")
}

func (s *services) CountCatalogs(context.Context) ([]catalog.Count, error) {
	if len(s.products) == 0 {
		return nil, nil
	}
	return []catalog.Count{{Catalog: "garden", Products: 3}, {Catalog: "main", Products: int64(len(s.products))}}, nil
}

func (s *services) CountSessions(context.Context) (map[session.Status]int64, error) {
	return map[session.Status]int64{session.Completed: 2, session.Cancelled: 1}, nil
}

func (s *services) ReadPage(_ context.Context, _, after string, limit int, each func(*catalog.Product) error) (err error) {
	defer func() { s.readEnded(err) }()
	n := 0
	for _, p := range s.products {
		if p.ID <= after || n == limit {
			continue
		}
		if s.readFailure != nil && n == s.failAfter {
			return s.readFailure
		}
		if err := each(&p.Product); err != nil {
			return err
		}
		n++
	}
	return nil
}

func (s *services) ReadHashes(ctx context.Context, name, after string, limit int, each func(catalog.Entry) error) error {
	return s.ReadPage(ctx, name, after, limit, func(p *catalog.Product) error {
		return each(catalog.Entry{ID: p.ID, Hash: p.Hash})
	})
}

// node is one API under test, over real HTTP.
type node struct {
	*services
	t    *testing.T
	url  string
	keys *auth.Keys
	log  *lockedBuffer
	doc  *openapi3.T
	// paths matches what fits a path of the document.
	paths map[string]*regexp.Regexp
}

// setup starts an API; each option may change what it is made of.
func setup(t *testing.T, options ...func(*api.Options)) *node {
	t.Helper()
	keys, err := auth.New([]byte(secret), nodeID)
	if err != nil {
		t.Fatal(err)
	}
	n := &node{t: t, keys: keys, log: &lockedBuffer{}, services: goodServices()}
	opt := api.Options{
		Syncs: syncs{n.services}, Peers: peers{n.services}, Catalogs: n.services, Pages: n.services, Counts: n.services,
		Verifier: keys, Node: api.NodeInfo{ID: nodeID, Name: "Main", Version: "test"},
		Ready:  func(ctx context.Context) error { return n.ready(ctx) },
		Logger: slog.New(slog.NewTextHandler(n.log, nil)),
	}
	for _, change := range options {
		change(&opt)
	}
	s, err := api.New(opt)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(s)
	server.Config = s.HTTPServer()
	server.Start()
	t.Cleanup(server.Close)
	n.url = server.URL
	n.doc, n.paths = document(t), map[string]*regexp.Regexp{}
	for path := range n.doc.Paths.Map() {
		n.paths[path] = regexp.MustCompile("^" + regexp.MustCompile(`\{\w+\}`).ReplaceAllString(path, "[^/]+") + "$")
	}
	return n
}

func document(t *testing.T) *openapi3.T {
	t.Helper()
	doc, err := spec.GetSpec()
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// goodServices answer everything well.
func goodServices() *services {
	return &services{
		start:  func(r syncer.StartRequest) (session.View, error) { return running(), nil },
		get:    func(string) (session.View, error) { return running(), nil },
		list:   func(syncer.Query) ([]session.View, error) { return []session.View{running()}, nil },
		status: func(string) (active, last *session.View, err error) { v := running(); return &v, nil, nil },
		cancel: func(context.Context, string, string, string) (session.View, bool, error) {
			return cancelled(), false, nil
		},
		addPeer:    func(n peer.New) (peer.Peer, error) { return branch(), nil },
		changePeer: func(string, peer.Change) (peer.Peer, error) { return branch(), nil },
		removePeer: func(string) error { return nil },
		checkPeer:  func(string) (peer.CheckResult, error) { return peer.CheckResult{Problem: "It is far away."}, nil },
		products:   someProducts("a", "b", "c"),
		readEnded:  func(error) {},
		ready:      func(context.Context) error { return nil },
	}
}

func at(second int) time.Time {
	return time.Date(2026, 1, 31, 11, 0, second, 0, time.FixedZone("CET", 3600))
}

func running() session.View {
	total, claimed, commit := int64(1067), at(0), at(3)
	return session.NewView(session.Session{
		ID: sessionA, Catalog: "main", Direction: session.Pull, PeerID: "branch-2", SourceNodeID: "branch-2",
		TargetNodeID: nodeID, Method: session.MethodHTTP, Status: session.Transferring, Phase: session.PhaseTransferring,
		CurrentStep: "Transferring 1067 products", Progress: 71, TotalRecords: &total, TransferredRecords: 758,
		Counts: session.Counts{Created: 758}, StartedAt: at(0), StartedBy: "alice", ClaimedAt: &claimed,
		LastHeartbeatAt: &commit, LastCommitAt: &commit, Worker: "w", Attempts: 1,
		Options: session.Options{BatchSize: 100, CompressionEnabled: true},
	}, at(3), session.Limits{StaleAfter: time.Minute, StalledAfter: time.Minute})
}

func cancelled() session.View {
	v := running()
	done := at(4)
	v.Status, v.Phase, v.CompletedAt = session.Cancelled, session.PhaseFinished, &done
	v.CancelledBy, v.CancelReason, v.ErrorMessage = "alice", "wrong peer", "Cancelled by alice: wrong peer"
	v.Health = session.Health{Verdict: session.Finished, Reason: v.ErrorMessage}
	v.EstimatedTimeRemaining = nil
	return v
}

func branch() peer.Peer {
	return peer.Peer{
		NodeID: "branch-2", NodeName: "Branch 2", Kind: peer.KindNode, URL: "https://branch-2.example.com:8443/x",
		IsActive: true, SealedToken: []byte("sealed-secret"),
	}
}

func someProducts(ids ...string) (all []catalog.Stored) {
	for _, id := range ids {
		p, err := catalog.Parse([]byte(`{"id":"` + id + `","name":"<Chair> ` + id + `","price":"12.50","weight":1.0}`))
		if err != nil {
			panic(err)
		}
		all = append(all, catalog.Stored{Product: p, Catalog: "main", OriginNodeID: "branch-2", CreatedAt: at(0), UpdatedAt: at(1)})
	}
	return all
}

// token returns a good token of that role.
func (n *node) token(role auth.Role) string {
	token, err := n.keys.Issue("alice", role, time.Hour)
	if err != nil {
		n.t.Fatal(err)
	}
	return token
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

// member returns a member of the JSON body, nil where it is missing.
func (a answer) member(name string) any {
	var all map[string]any
	if err := json.Unmarshal([]byte(a.body), &all); err != nil {
		return nil
	}
	return all[name]
}

// details returns the problems by field.
func (a answer) details() map[string]string {
	var body struct {
		Details []struct{ Field, Problem string }
	}
	found := map[string]string{}
	if err := json.Unmarshal([]byte(a.body), &body); err == nil {
		for _, d := range body.Details {
			found[d.Field] = d.Problem
		}
	}
	return found
}

// call sends a request as an admin; body is JSON where it is not empty.
func (n *node) call(method, path, body string, headers ...string) answer {
	n.t.Helper()
	req, err := http.NewRequestWithContext(n.t.Context(), method, n.url+path, strings.NewReader(body))
	if err != nil {
		n.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+n.token(auth.RoleAdmin))
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		if req.Header.Del(headers[i]); headers[i+1] != "" {
			req.Header.Set(headers[i], headers[i+1])
		}
	}
	return n.do(req)
}

// do sends a request and checks that the answer is as the document describes it.
func (n *node) do(req *http.Request) answer {
	n.t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		n.t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // nothing is lost
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		n.t.Fatal(err)
	}
	if resp.Header.Get("X-Request-Id") == "" {
		n.t.Errorf("%s %s: no X-Request-Id", req.Method, req.URL.Path)
	}
	n.conforms(req, resp, raw)
	return answer{status: resp.StatusCode, header: resp.Header, body: string(raw)}
}

func (n *node) conforms(req *http.Request, resp *http.Response, body []byte) {
	n.t.Helper()
	if resp.StatusCode >= 400 && req.Method != http.MethodHead {
		var e spec.Error
		if err := json.Unmarshal(body, &e); err != nil || e.Error == "" || e.Code == "" {
			n.t.Errorf("%s %s: %d has not the contract's shape: %.200s", req.Method, req.URL.Path, resp.StatusCode, body)
		}
	}
	if n.doc == nil {
		return
	}
	route := n.route(req)
	if route == nil || resp.Header.Get("Content-Type") != "application/json" {
		return
	}
	err := openapi3filter.ValidateResponse(req.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: req, Route: route},
		Status:                 resp.StatusCode, Header: resp.Header, Body: io.NopCloser(bytes.NewReader(body)),
		Options: &openapi3filter.Options{IncludeResponseStatus: true},
	})
	if err != nil {
		n.t.Errorf("%s %s: the answer is not as described: %v", req.Method, req.URL.Path, err)
	}
}

// route returns the operation of the document that req calls, nil where there is none. Of two paths that fit, the one
// without parameters is meant.
func (n *node) route(req *http.Request) (found *routers.Route) {
	for path, item := range n.doc.Paths.Map() {
		op := item.GetOperation(req.Method)
		if op != nil && n.paths[path].MatchString(req.URL.EscapedPath()) && (found == nil || !strings.Contains(path, "{")) {
			found = &routers.Route{Spec: n.doc, Path: path, PathItem: item, Method: req.Method, Operation: op}
		}
	}
	return found
}

// lockedBuffer is a log that may be read while it is written.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
