package duplicate

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"fullsync/internal/plural"
)

// shown is how many duplicate ids are named, and how many lines for each.
const shown = 10

// Tally takes ids in order, each with its line, and keeps the duplicates.
type Tally struct {
	last  sighting
	lines int // of the last id
	ids   int // that are duplicates
	named []duplicate
}

type duplicate struct {
	id    string
	lines []string
	more  int // lines that are not among these
}

// Add takes the next one. Ids must ascend, and so must the lines of one id.
func (t *Tally) Add(id string, line int) {
	seen := sighting{id, line}
	if t.lines == 0 || seen.id != t.last.id {
		t.last, t.lines = seen, 1
		return
	}
	t.lines++
	if t.lines == 2 {
		if t.ids++; t.ids <= shown {
			t.named = append(t.named, duplicate{id: seen.id, lines: []string{fmt.Sprint(t.last.line)}})
		}
	}
	if t.ids <= shown {
		if d := &t.named[t.ids-1]; len(d.lines) < shown {
			d.lines = append(d.lines, fmt.Sprint(seen.line))
		} else {
			d.more++
		}
	}
}

// String names the duplicates, as in "1 duplicate id: d-1 (lines 1 and 3); the last line counts". It is empty if there are none.
func (t *Tally) String() string {
	if t.ids == 0 {
		return ""
	}
	all := make([]string, len(t.named))
	for i, d := range t.named {
		all[i] = fmt.Sprintf("%s (lines %s)", strings.Map(printable, d.id), enumerate(d.lines, d.more))
	}
	return fmt.Sprintf("%s: %s; the last line counts", plural.Of(t.ids, "duplicate id"), enumerate(all, t.ids-len(t.named)))
}

// enumerate lists things as people do: a, b and c. With more than it names: a, b, c and 7 more.
func enumerate(all []string, more int) string {
	if more > 0 {
		all = append(slices.Clip(all), fmt.Sprintf("%d more", more))
	}
	return plural.And(all)
}

// printable replaces characters that a terminal might interpret.
func printable(r rune) rune {
	if unicode.IsPrint(r) {
		return r
	}
	return '?'
}
