//go:build unix

package reliability

import (
	"slices"
	"time"
)

// at returns a percentile of measured times, to the millisecond; 0 if there are none.
func at(times []time.Duration, percent int) time.Duration {
	if len(times) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(times))
	return sorted[min(len(sorted)-1, len(sorted)*percent/100)].Round(100 * time.Microsecond)
}
