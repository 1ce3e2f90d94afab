package peer

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxRetryAfter is the longest pause that a peer may ask for: no session lasts longer. The session's remaining time bounds it
// further.
const maxRetryAfter = 7 * 24 * time.Hour

// RetryAfter returns how long a pause an answer asks for in its header Retry-After, at most seven days, or 0 if it does not say. A date is read by the
// peer's own clock if the answer has one, otherwise by now.
func RetryAfter(h http.Header, now time.Time) time.Duration {
	text := strings.TrimSpace(h.Get("Retry-After"))
	if seconds, err := strconv.ParseFloat(text, 64); err == nil || errors.Is(err, strconv.ErrRange) {
		// Compare before multiplying, which could overflow. Written this way round, NaN counts as 0.
		if !(seconds > 0) {
			return 0
		}
		return time.Duration(min(seconds, maxRetryAfter.Seconds()) * float64(time.Second))
	}
	at, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	if said, err := http.ParseTime(h.Get("Date")); err == nil {
		now = said
	}
	return min(max(at.Sub(now), 0), maxRetryAfter)
}
