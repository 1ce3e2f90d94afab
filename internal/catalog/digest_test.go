package catalog

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"testing"

	"fullsync/internal/fault"
)

func TestDigestOf(t *testing.T) {
	t.Parallel()
	p := Product{ID: "a", Name: "A"}
	sum := sha256.Sum256(p.AppendJSON(nil))
	if got, ok := DigestOf(p.ContentHash()); !ok || got != binary.BigEndian.Uint64(sum[:8]) {
		t.Errorf("DigestOf(%s) = %x, %v, want the first 8 bytes of %x", p.ContentHash(), got, ok, sum)
	}
	whole := base64.RawURLEncoding.EncodeToString(sum[:])
	short := "1:" + base64.RawURLEncoding.EncodeToString(sum[:8])
	if got := Short("1:" + whole); got != short || Short(short) != short || Short("2:"+whole) != "2:"+whole {
		t.Errorf("Short(%s) = %s, want %s", whole, got, short)
	}
	one, same := Digest{Known: true}, Digest{Known: true}
	one.Add("1:" + whole)
	if same.Add(short); !one.Same(same) {
		t.Errorf("%+v and %+v differ", one, same)
	}
	for _, hash := range []string{"", "1:", whole, short, "2:" + whole, "1:" + whole[1:], "1:" + whole + "A", "1:*" + whole[1:], "1:" + "ü" + whole[2:]} {
		if got, ok := DigestOf(hash); ok {
			t.Errorf("DigestOf(%q) = %x, want none", hash, got)
		}
	}
}

func TestDigestsOfSpans(t *testing.T) {
	t.Parallel()
	a, b := Product{ID: "a", Name: "A"}, Product{ID: "b", Name: "B"}
	one, other := Digest{Known: true}, Digest{Known: true}
	one.Add(a.ContentHash())
	one.Add(b.ContentHash())
	other.Add(b.ContentHash())
	if one.Same(other) || one.Count != 2 {
		t.Errorf("%+v and %+v are the same", one, other)
	}
	other.Add(a.ContentHash())
	if !one.Same(other) {
		t.Errorf("%+v and %+v differ", one, other)
	}
	other.Add("no hash")
	one.Add("no hash")
	if other.Known || one.Same(other) || one.Same(one) || other.Count != 3 {
		t.Errorf("an unknown digest equals something: %+v, %+v", one, other)
	}
}

func TestCertificate(t *testing.T) {
	t.Parallel()
	c := NewCertificate()
	if empty := sha256.Sum256(nil); c.String() != hex.EncodeToString(empty[:]) {
		t.Errorf("the certificate of nothing is %s", c)
	}
	c.Add("a", "1:x")
	resumed, err := ResumeCertificate(c.State())
	if err != nil {
		t.Fatal(err)
	}
	c.Add("b", "1:y")
	resumed.Add("b", "1:y")
	want := sha256.Sum256([]byte("a\t1:x\nb\t1:y\n"))
	if c.String() != hex.EncodeToString(want[:]) || resumed.String() != c.String() || resumed.Count() != 2 {
		t.Errorf("certificates %s and %s of %d, want %x", c, resumed, resumed.Count(), want)
	}
	if len(c.State()) > MaxCertificateState {
		t.Errorf("a state of %d bytes", len(c.State()))
	}
	for _, state := range []string{"", "*", "AAAA", c.State() + "AAAA", c.State()[4:]} {
		if _, err := ResumeCertificate(state); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%q: %v, want Invalid", state, err)
		}
	}
}
