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
	"fullsync/internal/console"
	"fullsync/internal/metrics"
	"fullsync/internal/telemetry"
)

const (
	nodeID    = "main-1"
	secret    = "0123456789abcdef0123456789abcdef"
	sessionA  = "5245ddc7-7ac1-4b5a-8e0a-f50ea1e6d186"
	startPath = "/api/admin/sync/full-sync"
)

// node is one API under test, over real HTTP.
type node struct {
	server *api.Server
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
	page, err := console.New()
	if err != nil {
		t.Fatal(err)
	}
	n := &node{t: t, keys: keys, log: &lockedBuffer{}, services: goodServices()}
	opt := api.Options{
		Syncs: syncs{n.services}, Peers: peers{n.services}, Schedules: schedules{n.services}, Webhooks: webhooks{n.services}, Catalogs: n.services, Imports: imports{}, Editor: n.services, Pages: n.services, Sides: n.services.side, Figures: n.services, Events: n.services,
		Receiver: receiver{n.services}, Callers: logins{n.services, keys}, Logins: logins{n.services, keys}, Users: users{n.services}, Tokens: tokens{n.services}, Audit: n.services, Console: page, Metrics: metrics.New("test"), Node: api.NodeInfo{ID: nodeID, Name: "Main", Version: "test"},
		CheckPeersEvery: time.Minute,
		Ready:           func(ctx context.Context) error { return n.ready(ctx) },
		Answers:         func(context.Context) error { return nil },
		Logger:          telemetry.Logger(slog.New(slog.NewTextHandler(n.log, nil))),
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
	n.url, n.server = server.URL, s
	n.doc, n.paths = document(t), map[string]*regexp.Regexp{}
	for path := range n.doc.Paths.Map() {
		n.paths[path] = regexp.MustCompile("^" + regexp.MustCompile(`\{\w+\}`).ReplaceAllString(path, "[^/]+") + "$")
	}
	return n
}

func document(t *testing.T) *openapi3.T {
	t.Helper()
	doc, err := readDocument()
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// readDocument reads it once, because that takes longer than most tests.
var readDocument = sync.OnceValues(spec.GetSpec)

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
