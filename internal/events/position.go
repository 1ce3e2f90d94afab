package events

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// maxMissing is how many missing numbers a [Position] remembers at most, so that an event's id stays short.
const maxMissing = 64

// Position says which transitions somebody has seen: all up to High except those in Missing. Numbers can be missing because
// a transaction gets its number before it commits: 7 may show up before 6 does, and 6 may never come. Its text is the id of
// an event, which a client may send back as Last-Event-ID to any replica of the node.
type Position struct {
	High int64
	// Missing holds at most maxMissing numbers below High, ascending.
	Missing []int64
}

// Has reports whether the transition with that number has been seen.
func (p Position) Has(seq int64) bool {
	_, missing := slices.BinarySearch(p.Missing, seq)
	return seq <= p.High && !missing
}

// Floor returns the number after which to read so as to miss nothing.
func (p Position) Floor() int64 {
	if len(p.Missing) > 0 {
		return p.Missing[0] - 1
	}
	return p.High
}

// With returns p with that transition marked as seen. It does not change p.
func (p Position) With(seq int64) Position {
	if seq <= p.High {
		return p.Without(seq)
	}
	missing := slices.Clone(p.Missing)
	for gap := max(p.High+1, seq-maxMissing); gap < seq; gap++ {
		missing = append(missing, gap)
	}
	return Position{High: seq, Missing: missing[max(0, len(missing)-maxMissing):]}
}

// Without returns p without that number in Missing. It does not change p.
func (p Position) Without(seq int64) Position {
	i, missing := slices.BinarySearch(p.Missing, seq)
	if !missing {
		return p
	}
	return Position{High: p.High, Missing: slices.Delete(slices.Clone(p.Missing), i, i+1)}
}

// String returns the position as text: the highest number, then the missing ones, with neighbours as a range, as in
// "12.3.5-7".
func (p Position) String() string {
	text := strconv.AppendInt(nil, p.High, 10)
	for i := 0; i < len(p.Missing); i++ {
		first := p.Missing[i]
		for i+1 < len(p.Missing) && p.Missing[i+1] == p.Missing[i]+1 {
			i++
		}
		text = strconv.AppendInt(append(text, '.'), first, 10)
		if last := p.Missing[i]; last > first {
			text = strconv.AppendInt(append(text, '-'), last, 10)
		}
	}
	return string(text)
}

// ParsePosition reads what [Position.String] wrote, and returns an error for anything else. The text need not be trusted.
func ParsePosition(text string) (Position, error) {
	parts := strings.Split(text, ".")
	high, err := parseSeq(parts[0])
	if err != nil {
		return Position{}, err
	}
	p := Position{High: high}
	for _, part := range parts[1:] {
		from, to, isRange := strings.Cut(part, "-")
		first, err := parseSeq(from)
		if err != nil {
			return Position{}, err
		}
		last := first
		if isRange {
			if last, err = parseSeq(to); err != nil {
				return Position{}, err
			}
		}
		above := int64(0)
		if n := len(p.Missing); n > 0 {
			above = p.Missing[n-1]
		}
		if first <= above || last < first || last >= high || last-first >= int64(maxMissing-len(p.Missing)) {
			return Position{}, fmt.Errorf("position %.20q: missing numbers out of order, or too many", text)
		}
		for ; first <= last; first++ {
			p.Missing = append(p.Missing, first)
		}
	}
	return p, nil
}

// parseSeq reads one number, which must have no sign and no leading zero.
func parseSeq(text string) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || n == math.MaxInt64 || strconv.FormatInt(n, 10) != text {
		return 0, fmt.Errorf("position: %.20q is not a transition number", text)
	}
	return n, nil
}
