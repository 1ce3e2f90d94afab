package node

import (
	"net/http"
	"slices"
	"testing"
	"time"
)

// network says how long a page of 1,000 products takes either way.
type network struct{ plain, compressed time.Duration }

// read reads pages and returns how many came plain.
func (n network) read(c *coding, pages int) (plain int) {
	for range pages {
		isPlain, try := c.next()
		took := n.compressed
		if isPlain {
			took = n.plain
			plain++
		}
		c.came(try, 1000, took)
	}
	return plain
}

func TestPagesAreCompressedUnlessTheNetworkIsFaster(t *testing.T) {
	t.Parallel()
	fast := network{plain: 5 * time.Millisecond, compressed: 8 * time.Millisecond}
	slow := network{plain: 40 * time.Millisecond, compressed: 8 * time.Millisecond}
	var c coding
	if n := fast.read(&c, 3); n != 1 {
		t.Errorf("%d of the first 3 pages came plain, want the third", n)
	}
	if n := fast.read(&c, 97); n < 93 {
		t.Errorf("%d of 97 pages came plain over a fast network", n)
	}
	if n := slow.read(&c, 1000); n > 300 {
		t.Errorf("%d of 1000 pages came plain after the network had become slow", n)
	}
	c = coding{}
	if n := slow.read(&c, 1000); n < 1 || n > 10 {
		t.Errorf("%d of 1000 pages came plain over a slow network", n)
	}
	if n := fast.read(&c, 2000); n < 500 {
		t.Errorf("%d of 2000 pages came plain after the network had become fast", n)
	}
}

func TestNoPageComesPlainOverANetworkThatIsFarTooSlow(t *testing.T) {
	t.Parallel()
	var c coding
	if n := (network{plain: time.Second, compressed: 200 * time.Millisecond}).read(&c, 1000); n > 0 {
		t.Errorf("%d of 1000 pages came plain", n)
	}
}

func TestSmallPagesSayNothingAboutTheNetwork(t *testing.T) {
	t.Parallel()
	var c coding
	for range 100 {
		plain, try := c.next()
		if plain || try {
			t.Fatal("a small page was tried plain")
		}
		c.came(try, countedPage-1, time.Millisecond)
	}
}

func TestPagesAreAskedForAsTheCodingSays(t *testing.T) {
	t.Parallel()
	var asked []string
	answer := page(end(0, ""))
	peer := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Header.Get("Accept-Encoding"))
		answer(w, r)
	})
	s := open(t, peer.URL, func(o *Options) { o.Compress = true })
	for _, plain := range []bool{false, true} {
		s.coding.plain = plain
		if _, err := s.Read(t.Context(), "", 10); err != nil {
			t.Fatal(err)
		}
	}
	if want := []string{"zstd, gzip", "identity"}; !slices.Equal(asked, want) {
		t.Errorf("asked for %q, want %q", asked, want)
	}
}
