package events

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// maxMissing bounds how many numbers a [Position] remembers as missing, so that an event's id stays short.
const maxMissing = 64

// Position says which transitions somebody has seen: all up to High but those in Missing. Numbers can be missing because
// they are given before the transaction that uses them commits: 7 may be seen while 6 is still to come, or never comes.
// Its text is the id of an event, and comes back as Last-Event-ID to any replica of the node.
type Position struct {
	High int64
	// Missing is ascending, all below High, at most maxMissing numbers.
	Missing []int64
}

// Has says whether the transition of that number has been seen.
func (p Position) Has(seq int64) bool {
	_, missing := slices.BinarySearch(p.Missing, seq)
	return seq <= p.High && !missing
}

// Floor is the number after which everything must be read to miss nothing.
func (p Position) Floor() int64 {
	if len(p.Missing) > 0 {
		return p.Missing[0] - 1
	}
	return p.High
}

// With returns p with the transition of that number seen. p itself stays as it was.
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

// Without returns p with that number no longer among the missing ones. p itself stays as it was.
func (p Position) Without(seq int64) Position {
	i, missing := slices.BinarySearch(p.Missing, seq)
	if !missing {
		return p
	}
	return Position{High: p.High, Missing: slices.Delete(slices.Clone(p.Missing), i, i+1)}
}

// String returns the position as text: the highest number, then the missing ones, neighbours as a range: "12.3.5-7".
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

// ParsePosition reads what [Position.String] wrote, and returns an error for anything else. The text may come from outside.
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

// parseSeq reads one number as it is written: no sign, no leading zero.
func parseSeq(text string) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || n == math.MaxInt64 || strconv.FormatInt(n, 10) != text {
		return 0, fmt.Errorf("position: %.20q is no number of a transition", text)
	}
	return n, nil
}
