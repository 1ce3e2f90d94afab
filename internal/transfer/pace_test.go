package transfer

import (
	"testing"
	"time"

	"golang.org/x/time/rate"
)

func TestPace(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ batchSize, perSecond, limit int }{
		{1000, 0, 1000},
		{0, 0, 1},          // a row of an older version
		{100_000, 0, 5000}, // no batch is larger
		{1000, 50, 25},     // half a second's worth
		{10, 50, 10},
		{1000, 2000, 1000},
		{1000, 3, 1},
		{1000, 1, 1},
		{1000, -5, 1000},
	} {
		limit, pace := Options{BatchSize: c.batchSize, MaxPerSecond: c.perSecond}.pace()
		want := rate.Inf
		if c.perSecond > 0 {
			want = rate.Limit(c.perSecond)
		}
		if limit != c.limit || pace.Burst() != limit || pace.Limit() != want {
			t.Errorf("batches of %d at %d/s: limit %d, burst %d, rate %v; want %d, the same, %v",
				c.batchSize, c.perSecond, limit, pace.Burst(), pace.Limit(), c.limit, want)
		}
	}
}

func TestDelay(t *testing.T) {
	t.Parallel()
	b := DefaultBackoff
	for try, least := range map[int]time.Duration{
		1: 500 * time.Millisecond, 2: time.Second, 3: 2 * time.Second, 6: 16 * time.Second, 7: 30 * time.Second, 1000: 30 * time.Second,
	} {
		for range 100 {
			if d := b.delay(try); d < least || d > least+least/4 {
				t.Fatalf("after try %d: %s, want %s and up to a quarter more", try, d, least)
			}
		}
	}
	if d := (Backoff{}).delay(3); d != 0 {
		t.Errorf("without any wait: %s", d)
	}
}
