package auth

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"fullsync/internal/fault"
)

// TestReferenceVectors uses the test vectors of the reference implementation (phc-winner-argon2, test.c).
func TestReferenceVectors(t *testing.T) {
	t.Parallel()
	h := NewHasher(2, DefaultCost)
	for stored, password := range map[string]string{
		"$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc": "password",
		"$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4":   "password",
		"$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc":   "password",
		"$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$C4TWUs9rDEvq7w3+J4umqA32aWKB1+DSiRuBfYxFj94": "differentpassword",
	} {
		if ok, err := h.Matches(t.Context(), stored, password); !ok || err != nil {
			t.Errorf("%s is not %q: %v", stored, password, err)
		}
		if ok, err := h.Matches(t.Context(), stored, password+" "); ok || err != nil {
			t.Errorf("%s: a wrong password matches (%v), %v", stored, ok, err)
		}
	}
}

func TestPasswordMatchesItsHash(t *testing.T) {
	t.Parallel()
	h := NewHasher(2, DefaultCost)
	composed, decomposed := "caf\u00e9 au lait", "cafe\u0301 au lait"
	first, err := h.Hash(t.Context(), composed)
	if err != nil || !strings.HasPrefix(first, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Fatalf("%q, %v", first, err)
	}
	second, err := h.Hash(t.Context(), composed)
	if err != nil || first == second {
		t.Errorf("the same password twice gives the same hash %q: the salt is missing; %v", second, err)
	}
	for password, want := range map[string]bool{composed: true, decomposed: true, "cafe au lait": false, "": false} {
		if ok, err := h.Matches(t.Context(), first, password); ok != want || err != nil {
			t.Errorf("%q matches: %v, %v; want %v", password, ok, err, want)
		}
	}
}

// TestUnknownUserNeverMatches: checking a password for an unknown user does the same work, and the answer is always no.
func TestUnknownUserNeverMatches(t *testing.T) {
	t.Parallel()
	p, err := parsePHC(nobody)
	if err != nil || (Cost{p.memory, p.time}) != DefaultCost || p.threads != hashThreads || len(p.salt) != hashSalt || len(p.key) != hashKey {
		t.Errorf("the hash of nobody does not cost what a real one does: %+v, %v", p, err)
	}
	if ok, err := NewHasher(1, DefaultCost).Matches(t.Context(), "", ""); ok || err != nil {
		t.Errorf("%v, %v", ok, err)
	}
}

func TestMalformedHashes(t *testing.T) {
	t.Parallel()
	const salt, key = "c29tZXNhbHQ", "nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
	good := "$argon2id$v=19$m=256,t=2,p=1$" + salt + "$" + key
	if _, err := parsePHC(good); err != nil {
		t.Fatalf("the good hash that the bad ones are made from: %v", err)
	}
	swap := func(from, to string) string { return strings.Replace(good, from, to, 1) }
	for name, text := range map[string]string{
		"plain":           "password",
		"before":          "x" + good,
		"more":            good + "$",
		"argon2i":         swap("argon2id", "argon2i"),
		"bcrypt":          "$2a$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy",
		"old version":     swap("v=19", "v=16"),
		"no version":      swap("v=19$", ""),
		"no time":         swap("m=256,t=2,p=1", "m=256,p=1"),
		"wrong order":     swap("m=256,t=2", "t=2,m=256"),
		"zero time":       swap("t=2", "t=0"),
		"negative":        swap("t=2", "t=-2"),
		"not a number":    swap("t=2", "t=two"),
		"too much memory": swap("m=256", "m=262145"),
		"huge memory":     swap("m=256", "m=99999999999"),
		"too long":        swap("t=2", "t=17"),
		"too many":        swap("p=1", "p=9"),
		"short salt":      swap(salt, "c29t"),
		"padded":          swap(salt, salt+"="),
		"short key":       swap(key, "nf65EOgL"),
		"no key":          swap(key, ""),
		"long key":        swap(key, strings.Repeat("A", 88)),
		"line end":        swap(salt, salt+"\n"),
	} {
		if _, err := parsePHC(text); fault.KindOf(err) != fault.Internal || err == nil || fault.CodeOf(err) != "PASSWORD_UNREADABLE" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if ok, err := NewHasher(1, DefaultCost).Matches(t.Context(), "plain", "plain"); ok || err == nil {
		t.Errorf("a password stored in plain text matches: %v, %v", ok, err)
	}
}

// TestHashingIsBounded: when all turns are taken a login waits for one, but not for ever.
func TestHashingIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := NewHasher(1, DefaultCost)
		h.turns <- struct{}{}
		if _, err := h.Hash(t.Context(), "password"); fault.KindOf(err) != fault.Unavailable {
			t.Errorf("without a turn: %v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := h.Matches(ctx, "", "password"); !errors.Is(err, context.Canceled) {
			t.Errorf("after the caller gave up: %v", err)
		}
		<-h.turns
		if _, err := h.Hash(t.Context(), "password"); err != nil {
			t.Errorf("with a turn: %v", err)
		}
		if len(h.turns) != 0 {
			t.Error("a turn was not given back")
		}
	})
}
