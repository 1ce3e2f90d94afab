package transfer

import (
	"errors"
	"slices"
	"testing"
	"time"
)

// TestSizeFollowsHowAnswersCome halves what is asked for after each answer that took too long, and doubles it again after
// some that did not, every time more carefully.
func TestSizeFollowsHowAnswersCome(t *testing.T) {
	t.Parallel()
	slow := &TransientError{Err: errors.New("504"), Slow: true}
	s := NewSize(1000)
	var sizes []int
	hear := func(times int, err error) {
		for range times {
			if got := s.Heard(err); got != err {
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
	s, sizes = NewSize(100), nil
	hear(1, slow)
	hear(7, nil)
	hear(1, slow) // begins to count anew
	hear(15, nil)
	hear(1, nil)
	hear(16, nil)
	if want := []int{50, 25, 50, 100}; !slices.Equal(sizes, want) {
		t.Errorf("sizes %v, want %v", sizes, want)
	}
	s, sizes = NewSize(3), nil
	hear(5, slow)
	if want := []int{3}; !slices.Equal(sizes, want) {
		t.Errorf("sizes %v, want %v", sizes, want)
	}
}

// TestBatchesGrowWhileTheyAreQuick goes back to where it began once they are not.
func TestBatchesGrowWhileTheyAreQuick(t *testing.T) {
	t.Parallel()
	g := Options{Grow: true}.growth(1000)
	var sizes []int
	at := time.Unix(1, 0)
	for _, took := range []int64{0, 0, 1, 1, 1, 250, 1001, 999, 150, 5000} {
		at = at.Add(time.Duration(took) * time.Millisecond)
		g.next(at)
		sizes = append(sizes, g.now)
	}
	if want := []int{1000, 2000, 2500, 2500, 2500, 2500, 1000, 1000, 2000, 1000}; !slices.Equal(sizes, want) {
		t.Errorf("sizes %v, want %v", sizes, want)
	}
	_ = g.Heard(&TransientError{Err: errors.New("504"), Slow: true})
	g.next(at)
	if g.now != 500 || g.most != 1000 {
		t.Errorf("asks for %d of %d after an answer that came too late", g.now, g.most)
	}
}
