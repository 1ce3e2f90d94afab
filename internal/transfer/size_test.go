package transfer

import (
	"errors"
	"slices"
	"testing"
)

// TestSizeFollowsHowAnswersCome halves what is asked for after each answer that took too long, and doubles it again after
// some that did not, every time more carefully.
func TestSizeFollowsHowAnswersCome(t *testing.T) {
	t.Parallel()
	slow := &TransientError{Err: errors.New("504"), Slow: true}
	s := newSize(1000)
	var sizes []int
	hear := func(times int, err error) {
		for range times {
			if got := s.heard(err); got != err {
				t.Errorf("heard returned %v", got)
			}
			if n := len(sizes); n == 0 || sizes[n-1] != s.now {
				sizes = append(sizes, s.now)
			}
		}
	}
	hear(3, nil)
	hear(1, &TransientError{Err: errors.New("cut")})
	hear(1, errors.New("broken"))
	hear(10, slow)
	hear(4096, nil)
	if want := []int{1000, 500, 250, 125, 62, 31, 15, 10, 20}; !slices.Equal(sizes, want) {
		t.Errorf("sizes %v, want %v", sizes, want)
	}
	s, sizes = newSize(100), nil
	hear(1, slow)
	hear(7, nil)
	hear(1, slow) // begins to count anew
	hear(15, nil)
	hear(1, nil)
	hear(16, nil)
	if want := []int{50, 25, 50, 100}; !slices.Equal(sizes, want) {
		t.Errorf("sizes %v, want %v", sizes, want)
	}
	s, sizes = newSize(3), nil
	hear(5, slow)
	if want := []int{3}; !slices.Equal(sizes, want) {
		t.Errorf("sizes %v, want %v", sizes, want)
	}
}
