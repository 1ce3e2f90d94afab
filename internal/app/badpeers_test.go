package app_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"fullsync/api/spec"
	"fullsync/internal/app"
	"fullsync/internal/auth"
	"fullsync/internal/nodetest"
	"fullsync/internal/transfer"
)

// TestBadPeers pulls from peers that can never work. Each pull fails with a sentence that a shop owner understands, and leaves
// the catalog free for the next.
func TestBadPeers(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, 5, nodetest.Config{
			Options: app.Options{Backoff: transfer.Backoff{Tries: 3, First: time.Millisecond, Most: time.Millisecond}},
		})
		main, branch := pair.Main, pair.Branch
		// A message with "leak" in it contains the peer's own words.
		status := func(code int) string {
			return serve(t, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "leak", code) })
		}
		fine := func(id string, page http.HandlerFunc) string { return serve(t, asNode(id, page)) }
		ndjson := func(lines string) http.HandlerFunc {
			return func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/x-ndjson")
				_, _ = fmt.Fprint(w, lines)
			}
		}
		const token = "some-token"
		for _, bad := range []struct{ id, url, token, catalog, says string }{
			{"always-500", status(500), token, "", "Peer always-500 answers with 500, an error of its own"},
			{"says-401", status(401), token, "", "Peer says-401 refused our token (401). Give the peer a new token."},
			{"says-403", status(403), token, "", "Peer says-403 does not allow our token to read its catalogs (403)."},
			{"says-404", status(404), token, "", "Peer says-404 has none of fullsync's node routes at its URL (404)"},
			{"redirects", serve(t, http.RedirectHandler("/leak", http.StatusFound).ServeHTTP), token, "", "Peer redirects answered with a redirect (302)"},
			{"html", serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, "<html>leak</html>") }), token, "", "Peer html answered with a web page"},
			{"login-page", fine("login-page", ndjson("<!DOCTYPE html>\n<html>leak</html>\n")), token, "", "Peer login-page answered with a web page instead of a fullsync node's answer, perhaps the login page of a proxy."},
			{"nothing", serve(t, func(http.ResponseWriter, *http.Request) {}), token, "", "Peer nothing answered in a format that no fullsync node uses"},
			{"hangs-up", serve(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }), token, "", "The connection to peer hangs-up was cut"},
			{"nowhere", "http://127.0.0.1:1", token, "", "Peer nowhere cannot be reached; check that it runs and that its URL is right."},
			{"myself", main.URL(), main.TokenFor("main", auth.RoleNode), "", "This node itself answers at the URL of peer myself"},
			{"another", branch.URL(), branch.TokenFor("main", auth.RoleNode), "", "Node branch answers at the URL of peer another"},
			{"wrong-role", branch.URL(), branch.TokenFor("main", auth.RoleViewer), "", "Peer wrong-role does not allow our token"},
			{"wrong-token", branch.URL(), main.TokenFor("main", auth.RoleNode), "", "Peer wrong-token refused our token"},
			{"no-catalog", fine("no-catalog", ndjson("")), token, "nope", "Peer no-catalog has no catalog nope"},
			{"page-500", fine("page-500", status500), token, "", "Peer page-500 answers with 500, an error of its own"},
			{"half-page", fine("half-page", ndjson(`{"product":{"id":"a","name":"a"}}`+"\n")), token, "", "A page from peer half-page was cut on the way"},
			{"no-ndjson", fine("no-ndjson", ndjson("leak\nleak\n")), token, "", "Peer no-ndjson sent a line that does not belong on a page"},
			{"no-order", fine("no-order", ndjson(`{"product":{"id":"b","name":"b"}}`+"\n"+`{"product":{"id":"a","name":"a"}}`+"\n"+
				`{"end":{"count":2,"next":null}}`+"\n")), token, "", "Peer no-order sent products out of order"},
		} {
			t.Run(bad.id, func(t *testing.T) {
				main.AddPeer(bad.id, bad.url, bad.token)
				s := main.Pull(nodetest.Pull{Peer: bad.id, Catalog: bad.catalog})
				s = main.WaitEnd(s.SessionId, spec.FAILED)
				message := value(s.ErrorMessage)
				if !strings.Contains(message, bad.says) {
					t.Errorf("message %q, want it to say %q", message, bad.says)
				}
				for _, inner := range []string{"leak", "127.0.0.1", "dial", "tcp", "EOF", "Get \"", "http: ", "context", "<nil>", "panic", "goroutine"} {
					if strings.Contains(message, inner) {
						t.Errorf("message %q holds %q", message, inner)
					}
				}
				if !strings.HasSuffix(message, ".") || s.Health.Verdict != spec.HealthVerdictFinished || s.Attempts != 1 {
					t.Errorf("failed: %s", nodetest.Show(s))
				}
			})
		}
		main.Sync(nodetest.Pull{})
		nodetest.SameCatalog(t, branch, main, "main")
	})
}

// TestPeerThatNeverAnswers: a pull fails when the time for a request is over, in each of its three requests.
func TestPeerThatNeverAnswers(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, 5, nodetest.Config{
			Settings: map[string]string{"REQUEST_TIMEOUT": "300ms"},
			Options:  app.Options{Backoff: transfer.Backoff{Tries: 1}},
		})
		for _, path := range []string{nodetest.WhoPath, nodetest.ProductsPath, nodetest.DigestsPath} {
			pair.Wire.HoldPage(t, path, 1)
			s := pair.Main.Pull(nodetest.Pull{Options: spec.StartOptions{VerifyAfterSync: new(true)}})
			s = pair.Main.WaitEnd(s.SessionId, spec.FAILED)
			if message := value(s.ErrorMessage); !strings.HasPrefix(message, "Peer branch did not answer in time.") {
				t.Errorf("%s: %q", path, message)
			}
		}
	})
}

func status500(w http.ResponseWriter, _ *http.Request) {
	http.Error(w, "leak", http.StatusInternalServerError)
}

// serve runs a server for the test and returns its address.
func serve(t *testing.T, handle http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handle)
	t.Cleanup(server.Close)
	return server.URL
}

// asNode answers like the node with that id; page serves its pages.
func asNode(id string, page http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, nodetest.DigestsPath):
			http.NotFound(w, r) // a version that cannot compare, because this test is about its pages
			return
		case r.URL.Path != nodetest.WhoPath:
			page(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"nodeId":%q,"nodeName":"x","version":"1","catalogs":[{"catalog":"main","products":2}]}`, id)
	}
}
