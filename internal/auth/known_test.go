package auth

import (
	"fmt"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"fullsync/internal/fault"
)

// TestKnownTokenStillExpires: a remembered token is refused as soon as it expires, and changing one character of it makes
// it an unknown token.
func TestKnownTokenStillExpires(t *testing.T) {
	t.Parallel()
	now := start()
	k, err := newAt([]byte(testSecret), "main", func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	token, err := k.Issue("alice", RoleViewer, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	first, err := k.Verify(token)
	if err != nil {
		t.Fatal(err)
	}
	for _, later := range []time.Duration{0, time.Minute, time.Minute + leeway - time.Second} {
		now = start().Add(later)
		if again, err := k.Verify(token); err != nil || again != first {
			t.Errorf("after %s: %+v, %v", later, again, err)
		}
	}
	if len(k.secrets.Load().known.all) != 1 {
		t.Errorf("%d tokens are known, want 1", len(k.secrets.Load().known.all))
	}
	forged := token[:len(token)-2] + "AA"
	if _, err := k.Verify(forged); forged == token || fault.KindOf(err) != fault.Unauthenticated {
		t.Errorf("another signature: %v", err)
	}
	now = start().Add(time.Minute + leeway)
	if _, err := k.Verify(token); fault.KindOf(err) != fault.Unauthenticated {
		t.Errorf("expired: %v", err)
	}
}

// TestTokenNotYetValidIsNotRemembered: such a token also has a start time, which a remembered token is not checked against.
func TestTokenNotYetValidIsNotRemembered(t *testing.T) {
	t.Parallel()
	now := start().Add(time.Hour)
	k, err := newAt([]byte(testSecret), "main", func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"iss": issuer, "aud": "main", "sub": "alice", "role": "viewer", "jti": "1",
		"exp": start().Add(2 * time.Hour).Unix(), "nbf": start().Add(time.Hour).Unix(),
	}).SignedString([]byte(testSecret))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.Verify(token); err != nil {
		t.Fatal(err)
	}
	now = start() // the clock was set back
	if _, err := k.Verify(token); fault.KindOf(err) != fault.Unauthenticated {
		t.Errorf("before its time: %v", err)
	}
}

func TestRememberedTokensAreBounded(t *testing.T) {
	t.Parallel()
	var k known
	for i := range 3 * maxKnown {
		k.remember(fmt.Sprint(i), Principal{Subject: fmt.Sprint(i)})
		if p, ok := k.find(fmt.Sprint(i)); !ok || p.Subject != fmt.Sprint(i) || len(k.all) > maxKnown {
			t.Fatalf("token %d: %+v, %v, %d known", i, p, ok, len(k.all))
		}
	}
}
