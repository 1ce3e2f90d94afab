package peer

import (
	"bytes"
	"strings"
	"testing"

	"fullsync/internal/fault"
)

func testSealer(t *testing.T, secret string) *Sealer {
	t.Helper()
	s, err := NewSealer([]byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSealedTokenOpens(t *testing.T) {
	t.Parallel()
	a, replica := testSealer(t, strings.Repeat("a", 32)), testSealer(t, strings.Repeat("a", 32))
	sealed, err := a.Seal("branch-2", "the token")
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(sealed, []byte("token")) {
		t.Error("the sealed bytes contain the token in plain text")
	}
	if got, err := replica.Open("branch-2", sealed); err != nil || got != "the token" {
		t.Errorf("Open = %q, %v", got, err)
	}
	again, _ := a.Seal("branch-2", "the token")
	if bytes.Equal(sealed, again) {
		t.Error("sealing twice gives the same bytes: the nonce is not random")
	}
}

func TestSealedTokenDoesNotOpenElsewhere(t *testing.T) {
	t.Parallel()
	s := testSealer(t, strings.Repeat("a", 32))
	sealed, _ := s.Seal("branch-2", "the token")
	refuse := func(what string, s *Sealer, nodeID string, sealed []byte) {
		t.Helper()
		if got, err := s.Open(nodeID, sealed); fault.KindOf(err) != fault.Impossible || got != "" {
			t.Errorf("%s: Open = %q, %v; want Impossible", what, got, err)
		}
	}
	refuse("another secret", testSealer(t, strings.Repeat("b", 32)), "branch-2", sealed)
	refuse("another peer", s, "branch-3", sealed)
	refuse("nothing", s, "branch-2", nil)
	refuse("a version byte alone", s, "branch-2", sealed[:1])
	for i := range sealed {
		altered := bytes.Clone(sealed)
		altered[i] ^= 1
		refuse("an altered byte", s, "branch-2", altered)
		refuse("a cut", s, "branch-2", sealed[:i])
	}
}

func TestMarkTellsSecretsApart(t *testing.T) {
	t.Parallel()
	secret := strings.Repeat("a", 32)
	a, replica, other := testSealer(t, secret), testSealer(t, secret), testSealer(t, strings.Repeat("b", 32))
	if !replica.Fits(a.Mark()) {
		t.Error("a replica with the same secret does not fit")
	}
	if other.Fits(a.Mark()) || a.Fits(nil) {
		t.Error("another secret fits")
	}
	if strings.Contains(string(a.Mark()), "aaa") {
		t.Error("the mark gives the secret away")
	}
}
