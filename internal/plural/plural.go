// Package plural writes counts of things as people say them: 1 line, 2 lines.
package plural

import "strconv"

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
