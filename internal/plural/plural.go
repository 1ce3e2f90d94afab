// Package plural writes numbers of things as people say them: 1 line, 2 lines.
package plural

import "strconv"

// Of returns a number and its noun, which takes an s where there is not exactly one.
func Of[N int | int64](n N, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return strconv.FormatInt(int64(n), 10) + " " + noun
}

// Was returns the verb that goes with a number of things.
func Was[N int | int64](n N) string {
	if n == 1 {
		return "was"
	}
	return "were"
}
