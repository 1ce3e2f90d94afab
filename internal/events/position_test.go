package events

import (
	"slices"
	"testing"
)

func TestPositionKnowsWhatWasSeen(t *testing.T) {
	t.Parallel()
	p := Position{High: 3}
	for _, seq := range []int64{5, 9, 4} {
		p = p.With(seq)
	}
	for seq, seen := range map[int64]bool{1: true, 3: true, 4: true, 5: true, 6: false, 8: false, 9: true, 10: false} {
		if p.Has(seq) != seen {
			t.Errorf("%s has %d: %v", p, seq, !seen)
		}
	}
	if p.Floor() != 5 || p.String() != "9.6-8" {
		t.Errorf("%s, floor %d", p, p.Floor())
	}
	if q := p.With(7); q.String() != "9.6.8" || p.String() != "9.6-8" {
		t.Errorf("%s, and the one before it %s", q, p)
	}
	if q := p.Without(6).Without(1); q.String() != "9.7-8" {
		t.Errorf("%s", q)
	}
	far := p.With(1_000_000)
	if len(far.Missing) != maxMissing || far.Has(999_999) || !far.Has(6) {
		t.Errorf("after a jump: %s", far)
	}
}

func TestPositionTextRoundTrip(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"0", "42", "9.6-8", "9.6.8", "12.1-5.7.9-11"} {
		if p, err := ParsePosition(text); err != nil || p.String() != text {
			t.Errorf("%s: read as %s, %v", text, p, err)
		}
	}
	for _, text := range []string{"", " ", "-1", "+1", "01", "1.", "9.6-", "9.-6", "9.9", "9.10", "9.8.7", "9.5-3", "9.0", "9.3-5.5", "9999.1-65", "x",
		"99999999999999999999", "9223372036854775807", "9.1,2", "9\n"} {
		if p, err := ParsePosition(text); err == nil {
			t.Errorf("%q: read as %s", text, p)
		}
	}
}

// FuzzParsePosition: any position that parses is valid, and String returns the same text.
func FuzzParsePosition(f *testing.F) {
	for _, text := range []string{"0", "42", "9.6-8", "9.6.8", "100.1-50.60", "9.8.7"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParsePosition(text)
		if err != nil {
			return
		}
		if !slices.IsSorted(p.Missing) || len(p.Missing) > maxMissing || len(p.Missing) > 0 && (p.Missing[0] < 1 || slices.Max(p.Missing) >= p.High) {
			t.Errorf("%q: %+v", text, p)
		}
		if again, err := ParsePosition(p.String()); err != nil || !slices.Equal(again.Missing, p.Missing) || again.High != p.High {
			t.Errorf("%q: %+v, written %s, read again %+v, %v", text, p, p, again, err)
		}
	})
}
