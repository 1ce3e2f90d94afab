package plural_test

import (
	"testing"

	"fullsync/internal/plural"
)

func TestOf(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{0: "0 lines were", 1: "1 line was", 2: "2 lines were", 1000: "1000 lines were"} {
		if got := plural.Of(n, "line") + " " + plural.Was(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}
