package node

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"fullsync/internal/fault"
	"fullsync/internal/peer"
)

// whoOr answers /api/node with that id, and leaves everything else to page.
func whoOr(id string, page http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/node" {
			body(typeJSON, `{"nodeId":"`+id+`","catalogs":[]}`)(w, r)
			return
		}
		page(w, r)
	}
}

// needs lets in only that token.
func needs(token string, next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+token {
			status(401, nil)(w, r)
			return
		}
		next(w, r)
	}
}

// TestPeerMoves changes what the registry says about a peer between two requests.
func TestPeerMoves(t *testing.T) {
	t.Parallel()
	onePage := page(product("b"), end(1, ""))
	here := serve(t, needs("new", whoOr("branch", onePage))).URL
	for name, tc := range map[string]struct {
		first peer.Target // with which the source is opened
		now   peer.Target
		err   error  // of asking
		code  string // of the failure, "" for none
	}{
		"a new token":             {peer.Target{URL: here, Token: "old"}, peer.Target{URL: here, Token: "new"}, nil, ""},
		"a new address and token": {peer.Target{URL: nowhere, Token: "old"}, peer.Target{URL: here, Token: "new"}, nil, ""},
		"nothing new":             {peer.Target{URL: here, Token: "old"}, peer.Target{URL: here, Token: "old"}, nil, codeRefused},
		"another wrong token":     {peer.Target{URL: here, Token: "old"}, peer.Target{URL: here, Token: "older"}, nil, codeRefused},
		"another node": {peer.Target{URL: nowhere, Token: "new"},
			peer.Target{URL: serve(t, whoOr("third", onePage)).URL, Token: "new"}, nil, "PEER_IS_ANOTHER"},
		"this node": {peer.Target{URL: nowhere, Token: "new"},
			peer.Target{URL: serve(t, whoOr("main", onePage)).URL, Token: "new"}, nil, "PEER_IS_SELF"},
		"switched off": {peer.Target{URL: here, Token: "old"}, peer.Target{},
			fault.New(fault.Impossible, "PEER_INACTIVE", "Off", "Peer branch is switched off."), "PEER_INACTIVE"},
		"removed":            {peer.Target{URL: here, Token: "old"}, peer.Target{}, peer.Unknown("peer branch"), "PEER_NOT_FOUND"},
		"the database fails": {peer.Target{URL: here, Token: "old"}, peer.Target{}, errors.New("away"), codeRefused},
	} {
		t.Log(name)
		source := func() *Source {
			return open(t, tc.first.URL, func(o *Options) {
				o.Token = tc.first.Token
				o.Target = func(context.Context) (peer.Target, error) { return tc.now, tc.err }
			})
		}
		got, err := source().Read(t.Context(), "", 10)
		if tc.code != "" {
			wantPermanent(t, err, tc.code)
		} else if err != nil || len(got.Products) != 1 {
			t.Errorf("Read = %+v, %v", got, err)
		}
		if _, err := source().Describe(t.Context()); tc.code == "" && err != nil || tc.code != "" && fault.CodeOf(err) != tc.code {
			t.Errorf("Describe: %v", err)
		}
	}
	// If nothing changes, no request is sent twice.
	asked := 0
	counted := serve(t, func(w http.ResponseWriter, r *http.Request) { asked++; status(401, nil)(w, r) }).URL
	s := open(t, counted, func(o *Options) {
		o.Target = func(context.Context) (peer.Target, error) { return peer.Target{URL: counted, Token: testToken}, nil }
	})
	_, err := s.Read(t.Context(), "", 10)
	if wantPermanent(t, err, codeRefused); asked != 1 {
		t.Errorf("%d requests", asked)
	}
}

// TestAddresses: requests go to the peer's address, whatever it looks like.
func TestAddresses(t *testing.T) {
	t.Parallel()
	var got *http.Request
	server := serve(t, func(w http.ResponseWriter, r *http.Request) { got = r; page(end(0, ""))(w, r) })
	for base, want := range map[string]string{
		"":        "/api/node/catalogs/main/products?after=a%2Fb&limit=7",
		"/":       "/api/node/catalogs/main/products?after=a%2Fb&limit=7",
		"/shop/é": "/shop/%C3%A9/api/node/catalogs/main/products?after=a%2Fb&limit=7",
		"/a%2Fb":  "/a%2Fb/api/node/catalogs/main/products?after=a%2Fb&limit=7",
	} {
		if _, err := open(t, server.URL+base, nil).Read(t.Context(), "a/b", 7); err != nil {
			t.Fatal(err)
		}
		if got.RequestURI != want || "http://"+got.Host != server.URL || got.Header.Get("Authorization") != "Bearer "+testToken {
			t.Errorf("%q: asked %s of %s", base, got.RequestURI, got.Host)
		}
	}
}
