package store

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// A search ignores case in every alphabet, and the same way on both databases. lower() does not: on SQLite it knows ASCII
// alone, on PostgreSQL what the database's locale knows. So the pattern lists, for each letter, all the forms that Unicode
// holds to be the same letter ([éÉ][cC]…), and nothing is left to the database but to compare. It costs about as much as
// lower() did.

// forms returns the letters that differ from r in case alone, r first.
func forms(r rune) string {
	var all strings.Builder
	all.WriteRune(r)
	for other := unicode.SimpleFold(r); other != r; other = unicode.SimpleFold(other) {
		all.WriteRune(other)
	}
	return all.String()
}

// pattern puts the pattern together that finds q, where escape makes an ordinary character of one that means something in
// patterns. Forms of a letter are letters too, which mean nothing in them.
func pattern(q string, escape func(r rune) string) string {
	var all strings.Builder
	for _, r := range q {
		switch same := forms(r); {
		case len(same) > utf8.RuneLen(r):
			all.WriteString("[" + same + "]")
		default:
			all.WriteString(escape(r))
		}
	}
	return all.String()
}

// contains makes a regular expression of q. The collation keeps the locale out of it.
func (*postgres) contains(q string) (operator, text string) {
	return `COLLATE "C" ~`, pattern(q, func(r rune) string {
		if r < utf8.RuneSelf && !unicode.IsDigit(r) {
			return `\` + string(r)
		}
		return string(r)
	})
}

// contains makes a pattern for GLOB of q, which unlike LIKE tells capitals from small letters.
func (*sqlite) contains(q string) (operator, text string) {
	return "GLOB", "*" + pattern(q, func(r rune) string {
		if strings.ContainsRune("*?[", r) {
			return "[" + string(r) + "]"
		}
		return string(r)
	}) + "*"
}
