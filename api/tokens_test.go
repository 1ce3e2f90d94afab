package api_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"fullsync/internal/auth"
)

// TestHostileTokens sends every kind of bad token to every operation of the document.
func TestHostileTokens(t *testing.T) {
	t.Parallel()
	n := setup(t)
	good := func(change func(jwt.MapClaims)) jwt.MapClaims {
		claims := jwt.MapClaims{
			"iss": "fullsync", "aud": nodeID, "sub": "mallory", "role": "admin", "jti": "1",
			"iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
		}
		if change != nil {
			change(claims)
		}
		return claims
	}
	sign := func(method jwt.SigningMethod, key any, claims jwt.MapClaims) string {
		token, err := jwt.NewWithClaims(method, claims).SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	hs := func(change func(jwt.MapClaims)) string {
		return sign(jwt.SigningMethodHS256, []byte(secret), good(change))
	}
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	// The head of a token that says RS256, with the secret used as the key of an HMAC.
	parts := strings.Split(hs(nil), ".")
	confused := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + parts[1]
	mac, err := jwt.SigningMethodHS256.Sign(confused, []byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	confused += "." + base64.RawURLEncoding.EncodeToString(mac)
	viewer := strings.Split(n.token(auth.RoleViewer), ".")

	if a := n.call("GET", "/api/admin/sync/peers", "", "Authorization", "Bearer "+hs(nil)); a.status != 200 {
		t.Fatalf("the token that the bad ones are made from is not good: %d %s", a.status, a.body)
	}
	operations := everyOperation(t)
	for name, header := range map[string]string{
		"none":              "",
		"empty":             "Bearer ",
		"garbage":           "Bearer garbage",
		"binary":            "Bearer \x80\xff",
		"basic":             "Basic YWxpY2U6c2VjcmV0",
		"without scheme":    hs(nil),
		"huge":              "Bearer " + strings.Repeat("a", 20000),
		"expired":           "Bearer " + hs(func(c jwt.MapClaims) { c["exp"] = time.Now().Add(-time.Hour).Unix() }),
		"not yet valid":     "Bearer " + hs(func(c jwt.MapClaims) { c["nbf"] = time.Now().Add(time.Hour).Unix() }),
		"no exp":            "Bearer " + hs(func(c jwt.MapClaims) { delete(c, "exp") }),
		"wrong aud":         "Bearer " + hs(func(c jwt.MapClaims) { c["aud"] = "branch-2" }),
		"no aud":            "Bearer " + hs(func(c jwt.MapClaims) { delete(c, "aud") }),
		"wrong iss":         "Bearer " + hs(func(c jwt.MapClaims) { c["iss"] = "somebody" }),
		"no sub":            "Bearer " + hs(func(c jwt.MapClaims) { delete(c, "sub") }),
		"no role":           "Bearer " + hs(func(c jwt.MapClaims) { delete(c, "role") }),
		"unknown role":      "Bearer " + hs(func(c jwt.MapClaims) { c["role"] = "root" }),
		"alg none":          "Bearer " + sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, good(nil)),
		"HS512":             "Bearer " + sign(jwt.SigningMethodHS512, []byte(secret), good(nil)),
		"RS256":             "Bearer " + sign(jwt.SigningMethodRS256, private, good(nil)),
		"RS256 with secret": "Bearer " + confused,
		"another secret":    "Bearer " + sign(jwt.SigningMethodHS256, []byte(strings.Repeat("x", 32)), good(nil)),
		"tampered payload":  "Bearer " + viewer[0] + "." + parts[1] + "." + viewer[2],
		"no signature":      "Bearer " + parts[0] + "." + parts[1] + ".",
	} {
		for r, roles := range operations {
			if len(roles) == 0 {
				continue
			}
			a := n.call(r.method, r.path, r.body, append(r.headers(), "Authorization", header)...)
			if a.status != http.StatusUnauthorized || a.member("error") != "Unauthorized" ||
				!strings.HasPrefix(a.header.Get("WWW-Authenticate"), "Bearer ") {
				t.Errorf("%s: %s %s: %d %s", name, r.method, r.path, a.status, a.body)
			}
		}
	}
	// With too low a role: TestRolesAreThoseOfTheDocument goes through all of them.
	if strings.Contains(n.log.String(), viewer[2]) || strings.Contains(n.log.String(), parts[2]) {
		t.Error("a token is in the log")
	}
}

func TestTwoAuthorizationHeadersAreRefused(t *testing.T) {
	t.Parallel()
	n := setup(t)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, n.url+"/api/node", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header["Authorization"] = []string{"Bearer " + n.token(auth.RoleAdmin), "Bearer " + n.token(auth.RoleViewer)}
	if a := n.do(req); a.status != http.StatusUnauthorized {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// TestAuthenticationComesFirst: what is wrong with a request is nobody's business without a token and a role.
func TestAuthenticationComesFirst(t *testing.T) {
	t.Parallel()
	n := setup(t)
	if a := n.call("POST", startPath, `{"rubbish":`, "Authorization", ""); a.status != http.StatusUnauthorized {
		t.Errorf("bad body without a token: %d", a.status)
	}
	a := n.call("POST", startPath, `{"rubbish":`, "Authorization", "Bearer "+n.token(auth.RoleViewer))
	if a.status != http.StatusForbidden {
		t.Errorf("bad body with too low a role: %d", a.status)
	}
}
