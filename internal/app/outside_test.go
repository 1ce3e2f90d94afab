package app_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"fullsync/api/spec"
	"fullsync/internal/app"
	"fullsync/internal/nodetest"
)

// provider is an identity provider with keys that can be replaced.
type provider struct {
	*httptest.Server
	t    *testing.T
	mu   sync.Mutex
	keys map[string]*ecdsa.PrivateKey
}

func newProvider(t *testing.T) *provider {
	p := &provider{t: t, keys: map[string]*ecdsa.PrivateKey{}}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		set := []map[string]string{}
		for kid, key := range p.keys {
			point, err := key.PublicKey.Bytes() // 4, x, y
			if err != nil {
				t.Error(err)
			}
			b64 := base64.RawURLEncoding
			set = append(set, map[string]string{"kty": "EC", "crv": "P-256", "kid": kid, "x": b64.EncodeToString(point[1:33]), "y": b64.EncodeToString(point[33:])})
		}
		if err := json.NewEncoder(w).Encode(map[string]any{"keys": set}); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(p.Close)
	return p
}

// newKey makes a key, and forgets all others.
func (p *provider) newKey(kid string) *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		p.t.Fatal(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.keys)
	p.keys[kid] = key
	return key
}

// sign makes a token; change spoils it.
func (p *provider) sign(kid string, key any, method jwt.SigningMethod, change func(jwt.MapClaims)) string {
	claims := jwt.MapClaims{
		"iss": "https://login.example.com", "aud": []string{"other", "fullsync"}, "sub": "u-17", "preferred_username": "alice", "exp": time.Now().Add(time.Hour).Unix(),
		"realm_access": map[string]any{"roles": []string{"everybody", "shop-staff"}},
	}
	if change != nil {
		change(claims)
	}
	token := jwt.NewWithClaims(method, claims)
	if kid != "" {
		token.Header["kid"] = kid
	}
	text, err := token.SignedString(key)
	if err != nil {
		p.t.Fatal(err)
	}
	return text
}

// TestIdentityFromOutside: the tokens of a provider are accepted with the role that their claims stand for, hostile ones are not, and its keys change
// without a restart.
func TestIdentityFromOutside(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	first := p.newKey("one")
	n := nodetest.Start(t, nodetest.Config{ID: "main", Options: app.Options{RefreshKeysAtMost: 20 * time.Millisecond}, Settings: map[string]string{
		"OIDC_ISSUER": "https://login.example.com", "OIDC_KEYS_URL": p.URL, "OIDC_AUDIENCE": "fullsync", "OIDC_NAME_CLAIM": "preferred_username",
		"OIDC_ROLE_CLAIM": "realm_access.roles", "OIDC_ROLES": "shop-admins=admin,shop-staff=operator,shop-guests=viewer",
	}})
	good := p.sign("one", first, jwt.SigningMethodES256, nil)
	me := func(token string) spec.MeResponse {
		t.Helper()
		a := n.As(token, http.MethodGet, nodetest.MePath, "")
		who, err := nodetest.Decode[spec.MeResponse](a)
		if a.Status != http.StatusOK || err != nil {
			t.Fatalf("%d %s, %v", a.Status, a.Body, err)
		}
		return who
	}
	if who := me(good); who.User != (spec.User{Name: "alice", Role: spec.UserRoleOperator}) || who.Kind != spec.MeResponseKindToken {
		t.Errorf("%+v", who)
	}
	for roles, want := range map[string]spec.UserRole{"shop-guests": spec.UserRoleViewer, "shop-guests shop-admins shop-staff": spec.UserRoleAdmin} {
		token := p.sign("one", first, jwt.SigningMethodES256, func(c jwt.MapClaims) { c["realm_access"] = map[string]any{"roles": strings.Fields(roles)} })
		if who := me(token); who.User.Role != want {
			t.Errorf("%s: %+v", roles, who)
		}
	}
	none := p.sign("one", first, jwt.SigningMethodES256, func(c jwt.MapClaims) { c["realm_access"] = map[string]any{"roles": []string{"admin"}} })
	if a := n.As(none, http.MethodGet, nodetest.MePath, ""); a.Status != http.StatusForbidden || !strings.Contains(string(a.Body), "NO_ROLE") {
		t.Errorf("without a role: %d %s", a.Status, a.Body)
	}
	if a := n.As(good, http.MethodGet, "/api/node", ""); a.Status != http.StatusForbidden {
		t.Errorf("the routes of nodes: %d %s", a.Status, a.Body)
	}
	if a := n.As(good, http.MethodPost, nodetest.CancelPath, `{"sessionId":"5245ddc7-7ac1-4b5a-8e0a-f50ea1e6d186"}`); a.Status != http.StatusNotFound {
		t.Errorf("an operator's right: %d %s", a.Status, a.Body)
	}

	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	point, err := first.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	spoil := func(name string, value any) string {
		return p.sign("one", first, jwt.SigningMethodES256, func(c jwt.MapClaims) {
			if c[name] = value; value == nil {
				delete(c, name)
			}
		})
	}
	parts, admins := strings.Split(good, "."), strings.Split(p.sign("one", stranger, jwt.SigningMethodES256, func(c jwt.MapClaims) { c["realm_access"] = map[string]any{"roles": []string{"shop-admins"}} }), ".")
	for name, token := range map[string]string{
		"another key":             p.sign("one", stranger, jwt.SigningMethodES256, nil),
		"a key nobody knows":      p.sign("two", stranger, jwt.SigningMethodES256, nil),
		"no kid, another key":     p.sign("", stranger, jwt.SigningMethodES256, nil),
		"alg none":                p.sign("one", jwt.UnsafeAllowNoneSignatureType, jwt.SigningMethodNone, nil),
		"HMAC of the public key":  p.sign("one", point, jwt.SigningMethodHS256, nil),
		"another payload":         parts[0] + "." + admins[1] + "." + parts[2],
		"no signature":            parts[0] + "." + parts[1] + ".",
		"expired":                 spoil("exp", time.Now().Add(-time.Minute).Unix()),
		"no exp":                  spoil("exp", nil),
		"not yet valid":           spoil("nbf", time.Now().Add(time.Minute).Unix()),
		"wrong audience":          spoil("aud", "something"),
		"no audience":             spoil("aud", nil),
		"another issuer":          spoil("iss", "https://evil.example.com"),
		"our own issuer":          spoil("iss", "fullsync"),
		"no name":                 spoil("preferred_username", nil),
		"a name that is no text":  spoil("preferred_username", 7),
		"a name with a line end":  spoil("preferred_username", "a\nb"),
		"says that it is a login": p.sign("one", stranger, jwt.SigningMethodES256, func(c jwt.MapClaims) { c["uid"], c["gen"], c["role"] = "x", 1, "admin" }),
	} {
		if works(t, n, token) {
			t.Errorf("%s: it works", name)
		}
	}

	// The provider replaces its key. The next token makes the node look, and the old key is good no longer.
	second := p.newKey("two")
	fresh := p.sign("two", second, jwt.SigningMethodES256, nil)
	nodetest.Eventually(t, "the provider's new key", func() bool { return works(t, n, fresh) }, func() string { return "" })
	if works(t, n, good) {
		t.Error("a token of the key that the provider has withdrawn works")
	}
	if a := n.As(fresh, http.MethodPost, nodetest.StartPath, nodetest.Pull{}.Body()); a.Status != http.StatusNotFound { // there is no such peer
		t.Errorf("%d %s", a.Status, a.Body)
	}
	if a := n.As(fresh, http.MethodPost, nodetest.LogoutPath, ""); a.Status != http.StatusUnprocessableEntity {
		t.Errorf("logout: %d %s", a.Status, a.Body)
	}
}

// TestProviderThatIsAway: the node starts all the same, and finds the keys when the provider answers.
func TestProviderThatIsAway(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	n := nodetest.Start(t, nodetest.Config{ID: "main", Options: app.Options{RefreshKeysAtMost: 20 * time.Millisecond}, Settings: map[string]string{
		"OIDC_ISSUER": "https://login.example.com", "OIDC_KEYS_URL": p.URL, "OIDC_AUDIENCE": "fullsync", "OIDC_ROLE_CLAIM": "groups", "OIDC_ROLES": "staff=viewer",
	}})
	key := p.newKey("one") // there was none at the start
	token := p.sign("one", key, jwt.SigningMethodES256, func(c jwt.MapClaims) { c["groups"] = "staff" })
	nodetest.Eventually(t, "the provider's keys", func() bool { return works(t, n, token) }, func() string { return "" })
}
