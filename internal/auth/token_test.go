package auth

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"fullsync/internal/fault"
)

const testSecret = "0123456789abcdef0123456789abcdef"

// start is the time on the tests' clock.
func start() time.Time { return time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC) }

func testKeys(t *testing.T, secret, nodeID string, at time.Time) *Keys {
	t.Helper()
	k, err := newAt([]byte(secret), nodeID, func() time.Time { return at })
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestIssuedTokenVerifies(t *testing.T) {
	t.Parallel()
	k := testKeys(t, testSecret, "main", start())
	for _, role := range Roles() {
		token, err := k.Issue("alice Müller", role, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		p, err := k.Verify(token)
		if err != nil {
			t.Fatal(err)
		}
		if p.TokenID == "" {
			t.Error("the token has no id")
		}
		p.TokenID = ""
		if want := (Principal{Subject: "alice Müller", Role: role, ExpiresAt: start().Add(time.Hour)}); p != want {
			t.Errorf("Verify = %+v, want %+v", p, want)
		}
	}
}

func TestTokenOfALoginNamesItsUser(t *testing.T) {
	t.Parallel()
	k := testKeys(t, testSecret, "main", start())
	token, issued, err := k.IssueTo(Principal{Subject: "alice", Role: RoleOperator, UserID: "u-1", Generation: 7}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	want := Principal{Subject: "alice", Role: RoleOperator, ExpiresAt: start().Add(time.Hour), TokenID: issued.TokenID, UserID: "u-1", Generation: 7}
	if p, err := k.Verify(token); err != nil || p != want || issued != want || p.TokenID == "" {
		t.Errorf("issued %+v, verified %+v, %v; want %+v", issued, p, err, want)
	}
}

func TestTokensDiffer(t *testing.T) {
	t.Parallel()
	k := testKeys(t, testSecret, "main", start())
	a, _ := k.Issue("alice", RoleViewer, time.Hour)
	b, _ := k.Issue("alice", RoleViewer, time.Hour)
	if a == b {
		t.Error("two tokens are the same: the jti is missing")
	}
}

func TestIssueRefuses(t *testing.T) {
	t.Parallel()
	k := testKeys(t, testSecret, "main", start())
	for name, tc := range map[string]struct {
		subject string
		role    Role
		ttl     time.Duration
	}{
		"empty subject":      {"", RoleViewer, time.Hour},
		"long subject":       {strings.Repeat("ä", 201), RoleViewer, time.Hour},
		"control characters": {"a\nb", RoleViewer, time.Hour},
		"invalid UTF-8":      {"a\xff", RoleViewer, time.Hour},
		"unknown role":       {"alice", "root", time.Hour},
		"no role":            {"alice", "", time.Hour},
		"zero ttl":           {"alice", RoleViewer, 0},
		"negative ttl":       {"alice", RoleViewer, -time.Hour},
		"under a second":     {"alice", RoleViewer, time.Millisecond},
		"over ten years":     {"alice", RoleViewer, MaxTTL + time.Second},
	} {
		if token, err := k.Issue(tc.subject, tc.role, tc.ttl); fault.KindOf(err) != fault.Invalid || token != "" {
			t.Errorf("%s: Issue = %q, %v; want Invalid", name, token, err)
		}
	}
	if _, err := k.Issue(strings.Repeat("ä", 200), RoleViewer, MaxTTL); err != nil {
		t.Errorf("Issue at the limits: %v", err)
	}
}

func TestNewRefusesShortSecret(t *testing.T) {
	t.Parallel()
	if _, err := New([]byte(testSecret[:31]), "main"); fault.KindOf(err) != fault.Invalid {
		t.Errorf("New = %v, want Invalid", err)
	}
	if _, err := New([]byte(testSecret), ""); fault.KindOf(err) != fault.Invalid {
		t.Errorf("New without node id = %v, want Invalid", err)
	}
}

// goodClaims returns claims that verify; each hostile token spoils one of them.
func goodClaims() jwt.MapClaims {
	return jwt.MapClaims{
		"iss": "fullsync", "aud": "main", "sub": "mallory", "role": "admin", "jti": "1",
		"iat": start().Unix(), "exp": start().Add(time.Hour).Unix(),
	}
}

func sign(t *testing.T, method jwt.SigningMethod, key any, change func(jwt.MapClaims)) string {
	t.Helper()
	c := goodClaims()
	if change != nil {
		change(c)
	}
	token, err := jwt.NewWithClaims(method, c).SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestHostileTokens(t *testing.T) {
	t.Parallel()
	k := testKeys(t, testSecret, "main", start())
	key := []byte(testSecret)
	if _, err := k.Verify(sign(t, jwt.SigningMethodHS256, key, nil)); err != nil {
		t.Fatalf("the good token that the hostile ones are made from does not verify: %v", err)
	}
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	spoil := func(name string, value any) string {
		return sign(t, jwt.SigningMethodHS256, key, func(c jwt.MapClaims) {
			if c[name] = value; value == nil {
				delete(c, name)
			}
		})
	}
	parts := strings.Split(spoil("role", "viewer"), ".")
	payload, _ := json.Marshal(goodClaims())
	rs := strings.Split(sign(t, jwt.SigningMethodRS256, private, nil), ".")
	hs := strings.Split(sign(t, jwt.SigningMethodHS256, key, nil), ".")

	for name, token := range map[string]string{
		"none":                 "",
		"garbage":              "garbage",
		"three garbage parts":  "a.b.c",
		"too long":             strings.Repeat("a", MaxTokenBytes+1),
		"expired":              spoil("exp", start().Add(-time.Minute).Unix()),
		"not yet valid":        spoil("nbf", start().Add(time.Minute).Unix()),
		"no exp":               spoil("exp", nil),
		"exp is text":          spoil("exp", "tomorrow"),
		"no aud":               spoil("aud", nil),
		"wrong aud":            spoil("aud", "branch-2"),
		"no iss":               spoil("iss", nil),
		"wrong iss":            spoil("iss", "someone"),
		"no sub":               spoil("sub", nil),
		"control characters":   spoil("sub", "a\r\nb"),
		"no role":              spoil("role", nil),
		"unknown role":         spoil("role", "root"),
		"role in capitals":     spoil("role", "ADMIN"),
		"role is a list":       spoil("role", []string{"admin"}),
		"no jti":               spoil("jti", nil),
		"alg none":             sign(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, nil),
		"HS512":                sign(t, jwt.SigningMethodHS512, key, nil),
		"RS256":                strings.Join(rs, "."),
		"RS256 head, HS256":    rs[0] + "." + hs[1] + "." + hs[2],
		"another secret":       sign(t, jwt.SigningMethodHS256, []byte(strings.Repeat("x", 32)), nil),
		"tampered payload":     parts[0] + "." + base64.RawURLEncoding.EncodeToString(payload) + "." + parts[2],
		"cut signature":        parts[0] + "." + parts[1] + "." + parts[2][:20],
		"no signature":         parts[0] + "." + parts[1] + ".",
		"trailing white space": hs[0] + "." + hs[1] + "." + hs[2] + "\n",
	} {
		_, err := k.Verify(token)
		if fault.KindOf(err) != fault.Unauthenticated {
			t.Errorf("%s: Verify = %v, want Unauthenticated", name, err)
			continue
		}
		var fe *fault.Error
		if fe, _ = err.(*fault.Error); fe.Title != "Unauthorized" || strings.Contains(fe.Sentence(), testSecret) {
			t.Errorf("%s: title %q, sentence %q", name, fe.Title, fe.Sentence())
		}
	}
}

func TestExpirySaysWhatToDo(t *testing.T) {
	t.Parallel()
	token, err := testKeys(t, testSecret, "main", start()).Issue("alice", RoleViewer, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := testKeys(t, testSecret, "main", start().Add(time.Minute+4*time.Second)).Verify(token); err != nil {
		t.Errorf("within the leeway: %v", err)
	}
	_, err = testKeys(t, testSecret, "main", start().Add(time.Minute+6*time.Second)).Verify(token)
	if got := fault.Sentence(err, ""); got != "The token has expired; ask for a new one." {
		t.Errorf("sentence %q", got)
	}
}

func TestPeekReadsAnotherNodesToken(t *testing.T) {
	t.Parallel()
	token, err := testKeys(t, strings.Repeat("y", 32), "branch-2", start()).Issue("main", RoleNode, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	c, err := Peek(token)
	if err != nil {
		t.Fatal(err)
	}
	if c.Subject != "main" || c.Role != "node" || len(c.Audience) != 1 || c.Audience[0] != "branch-2" ||
		c.ExpiresAt == nil || !c.ExpiresAt.Equal(start().Add(time.Hour)) {
		t.Errorf("Peek = %+v", c)
	}
	for _, text := range []string{"", "opaque", "a.b.c", strings.Repeat("a", MaxTokenBytes+1)} {
		if _, err := Peek(text); fault.KindOf(err) != fault.Invalid {
			t.Errorf("Peek(%.10q) = %v, want Invalid", text, err)
		}
	}
}

func TestPrincipalTravelsInContext(t *testing.T) {
	t.Parallel()
	if _, ok := FromContext(context.Background()); ok {
		t.Error("an empty context has a principal")
	}
	want := Principal{Subject: "alice", Role: RoleAdmin}
	if got, ok := FromContext(WithPrincipal(context.Background(), want)); !ok || got != want {
		t.Errorf("FromContext = %+v, %v", got, ok)
	}
}
