package app_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"fullsync/api/spec"
	"fullsync/internal/auth"
	"fullsync/internal/nodetest"
)

const tokensPath = "/api/admin/tokens"

// newToken makes an API token over the API.
func newToken(t *testing.T, n *nodetest.Node, body string) spec.NewTokenResponse {
	t.Helper()
	a := n.Call("alice", http.MethodPost, tokensPath, body)
	made, err := nodetest.Decode[spec.NewTokenResponse](a)
	if a.Status != http.StatusCreated || err != nil || made.Token == "" || a.Header.Get("Location") != tokensPath+"/"+made.ApiToken.Id {
		t.Fatalf("%d %v %s, %v", a.Status, a.Header, a.Body, err)
	}
	return made
}

// listed returns the API token with that id as a node lists it.
func listed(t *testing.T, n *nodetest.Node, id string) spec.ApiToken {
	t.Helper()
	a := n.Call("alice", http.MethodGet, tokensPath, "")
	all, err := nodetest.Decode[spec.TokenListResponse](a)
	for _, token := range all.Tokens {
		if token.Id == id {
			return token
		}
	}
	t.Fatalf("token %s is not in %d %s, %v", id, a.Status, a.Body, err)
	return spec.ApiToken{}
}

// TestRevokedTokenEndsOnEveryReplica: the request after the answer to a revocation is refused, wherever it goes, and also where the token was
// used a moment before.
func TestRevokedTokenEndsOnEveryReplica(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		db := nodetest.NewDatabase(t, kind)
		replicas := []*nodetest.Node{nodetest.Start(t, nodetest.Config{ID: "main", Database: db}), nodetest.Start(t, nodetest.Config{ID: "main", Database: db})}
		for i, n := range replicas {
			made := newToken(t, n, `{"name":"till 3","role":"viewer","ttlSeconds":3600}`)
			want := spec.User{Name: "till 3", Role: spec.UserRoleViewer}
			for _, r := range replicas {
				me, err := nodetest.Decode[spec.MeResponse](r.As(made.Token, http.MethodGet, nodetest.MePath, ""))
				if err != nil || me.User != want || me.Kind != spec.MeResponseKindToken || !me.ExpiresAt.Equal(made.ApiToken.ExpiresAt) {
					t.Errorf("me: %+v, %v", me, err)
				}
				if a := r.As(made.Token, http.MethodPost, nodetest.StartPath, nodetest.Pull{}.Body()); a.Status != http.StatusForbidden {
					t.Errorf("a viewer starts: %d %s", a.Status, a.Body)
				}
				if a := r.As(made.Token, http.MethodPost, nodetest.LogoutPath, ""); a.Status != http.StatusUnprocessableEntity || !works(t, r, made.Token) {
					t.Errorf("logout: %d %s", a.Status, a.Body)
				}
			}
			for range 2 { // twice is no error, and changes nothing
				a := replicas[1-i].Call("bob", http.MethodDelete, tokensPath+"/"+made.ApiToken.Id, "")
				gone, err := nodetest.Decode[spec.TokenResponse](a)
				if a.Status != http.StatusOK || err != nil || gone.ApiToken.State != spec.TokenIsRevoked || *gone.ApiToken.RevokedBy != "bob" {
					t.Fatalf("%d %s, %v", a.Status, a.Body, err)
				}
				for _, r := range replicas {
					if works(t, r, made.Token) {
						t.Error("the token works after it was revoked")
					}
				}
			}
			if strings.Contains(string(n.Call("alice", http.MethodGet, tokensPath, "").Body), made.Token) {
				t.Error("the list shows the token itself")
			}
		}
	})
}

// TestNodeTokenShowsItsNode: the list says which node uses a token, when and from where.
func TestNodeTokenShowsItsNode(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, 10, nodetest.Config{})
		made := newToken(t, pair.Branch, `{"name":"main reads here","role":"node","ttlSeconds":3600}`)
		if made.ApiToken.LastUsedAt != nil || made.ApiToken.LastUsedBy != nil || made.ApiToken.CreatedBy != "alice" {
			t.Errorf("before its first use: %+v", made.ApiToken)
		}
		a := pair.Main.Call("alice", http.MethodPatch, "/api/admin/sync/peers/"+nodetest.Branch, `{"token":"`+made.Token+`"}`)
		if a.Status != http.StatusOK {
			t.Fatalf("%d %s", a.Status, a.Body)
		}
		pair.Main.Sync(nodetest.Pull{})
		saw := func(what string, cond func(spec.ApiToken) bool) {
			t.Helper()
			nodetest.Eventually(t, what, func() bool { return cond(listed(t, pair.Branch, made.ApiToken.Id)) }, func() string { return "" })
		}
		saw("the use by main", func(token spec.ApiToken) bool {
			return token.LastUsedAt != nil && token.LastUsedBy != nil && *token.LastUsedBy == pair.Main.NodeID() && *token.LastUsedFrom == "127.0.0.1"
		})
		// A revoked token ends the reading: the session says so.
		if a := pair.Branch.Call("alice", http.MethodDelete, tokensPath+"/"+made.ApiToken.Id, ""); a.Status != http.StatusOK {
			t.Fatalf("%d %s", a.Status, a.Body)
		}
		s := pair.Main.WaitEnd(pair.Main.Pull(nodetest.Pull{}).SessionId, spec.FAILED)
		if s.ErrorMessage == nil || !strings.Contains(*s.ErrorMessage, "token") {
			t.Errorf("the session says %s", nodetest.Show(s))
		}
	})
}

// TestHostileNamedTokens goes through API tokens that must not work.
func TestHostileNamedTokens(t *testing.T) {
	t.Parallel()
	secret := strings.Repeat("the-same-", 5)
	n := nodetest.Start(t, nodetest.Config{ID: "main", Settings: map[string]string{"JWT_SECRET": secret}})
	other := nodetest.Start(t, nodetest.Config{ID: "main", Settings: map[string]string{"JWT_SECRET": secret}})
	keys, err := auth.New([]byte(secret), "main")
	if err != nil {
		t.Fatal(err)
	}
	forged, _, err := keys.IssueNamed("till 3", auth.RoleAdmin, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	good := newToken(t, n, `{"name":"till 3","role":"viewer","ttlSeconds":3600}`)
	parts := strings.Split(good.Token, ".")
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	expired := newToken(t, n, `{"name":"old","role":"viewer","ttlSeconds":3600}`)
	if !works(t, n, expired.Token) {
		t.Error("a token that is about to expire does not work")
	}
	behind(t, n, "UPDATE api_tokens SET expires_at = created_at WHERE id = '"+expired.ApiToken.Id+"'")
	removed := newToken(t, n, `{"name":"gone","role":"viewer","ttlSeconds":3600}`)
	behind(t, n, "DELETE FROM api_tokens WHERE id = '"+removed.ApiToken.Id+"'")
	for name, token := range map[string]string{
		"signed with the secret, but on no list": forged,
		"of another node with the same id":       newToken(t, other, `{"name":"till 3","role":"viewer","ttlSeconds":3600}`).Token,
		"another role":                           parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(payload), "viewer", "admin", 1))) + "." + parts[2],
		"another signature":                      parts[0] + "." + parts[1] + "." + strings.Split(forged, ".")[2],
		"no signature":                           parts[0] + "." + parts[1] + ".",
		"a line end":                             parts[0] + "." + parts[1] + "." + parts[2][:10] + "\t" + parts[2][10:],
		"expired":                                expired.Token,
		"removed from the list":                  removed.Token,
	} {
		if works(t, n, token) {
			t.Errorf("%s: it works", name)
		}
	}
	if !works(t, n, good.Token) {
		t.Error("the good token that the others are made from does not work")
	}
	if token := listed(t, n, expired.ApiToken.Id); token.State != spec.TokenIsExpired {
		t.Errorf("listed as %+v", token)
	}
	for _, body := range []string{
		`{"name":"","role":"viewer","ttlSeconds":60}`, `{"name":"a\nb","role":"viewer","ttlSeconds":60}`, `{"name":"x","role":"root","ttlSeconds":60}`,
		`{"name":"x","role":"viewer","ttlSeconds":59}`, `{"name":"x","role":"viewer","ttlSeconds":315360001}`, `{"name":"x","role":"viewer"}`,
	} {
		if a := n.Call("alice", http.MethodPost, tokensPath, body); a.Status != http.StatusBadRequest {
			t.Errorf("%s: %d %s", body, a.Status, a.Body)
		}
	}
	if a := n.Call("alice", http.MethodDelete, tokensPath+"/5245ddc7-7ac1-4b5a-8e0a-f50ea1e6d186", ""); a.Status != http.StatusNotFound {
		t.Errorf("%d %s", a.Status, a.Body)
	}
}

// behind changes the node's database behind its back.
func behind(t *testing.T, n *nodetest.Node, statement string) {
	t.Helper()
	if _, err := n.Store.SQL().ExecContext(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}
