// Package plural writes numbers and lists of things as people say them: 1 line, 2 lines; a, b and c.
package plural

import (
	"strconv"
	"strings"
)

// Of returns a number and its noun, with an s unless the number is 1.
func Of[N int | int64](n N, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return strconv.FormatInt(int64(n), 10) + " " + noun
}

// Was returns "was" for one thing and "were" for any other number.
func Was[N int | int64](n N) string {
	if n == 1 {
		return "was"
	}
	return "were"
}

// And lists things: a, b and c.
func And(things []string) string { return list(things, " and ") }

// Or lists alternatives: a, b or c.
func Or(things []string) string { return list(things, " or ") }

func list(things []string, last string) string {
	if len(things) < 2 {
		return strings.Join(things, "")
	}
	return strings.Join(things[:len(things)-1], ", ") + last + things[len(things)-1]
}
