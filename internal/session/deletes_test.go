package session_test

import (
	"strings"
	"testing"

	"fullsync/internal/session"
)

func TestDeleteGuard(t *testing.T) {
	guard := session.DeleteGuard{Max: 500, Percent: 10}
	for _, c := range []struct {
		name                     string
		proposed, held, atSource int64
		why                      string // "" where they are done
	}{
		{"nothing to delete", 0, 0, 0, ""},
		{"ten are always fine", 10, 10, 1, ""},
		{"but not where the source is empty", 1, 10, 0, "empty"},
		{"eleven of eleven", 11, 11, 1, "10 %"},
		{"exactly ten percent", 20, 200, 180, ""},
		{"a little more", 21, 209, 188, "10 %"},
		{"exactly the number", 500, 1_000_000, 999_500, ""},
		{"one more", 501, 1_000_000, 999_499, "500"},
	} {
		got := guard.Withhold(c.proposed, c.held, c.atSource)
		if (got == "") != (c.why == "") || !strings.Contains(got, c.why) {
			t.Errorf("%s: %q, want %q", c.name, got, c.why)
		}
	}
	if why := (session.DeleteGuard{Max: 0, Percent: 0}).Withhold(11, 1000, 900); why == "" {
		t.Error("a guard of 0 lets eleven deletes pass")
	}
}
