package node

import (
	"sync"
	"time"
)

const (
	// countedPage is how many products a page must have for its time to count.
	countedPage = 200
	// firstTry is how many pages after the first the other way is tried; betweenTries is how many pages pass before it is
	// tried again, and doubles every time in vain.
	firstTry, betweenTries = 2, 16
	maxBetweenTries        = 256
	// plainWorthTrying is how long a product may take for a plain page to be tried: compressing one takes 3 µs, so that it
	// cannot be what a slower page waits for.
	plainWorthTrying = 50 * time.Microsecond
)

// coding decides whether pages are compressed: they are, unless it has shown that the network is faster than the
// compressor. The other way is tried now and then, more and more seldom. It is safe for concurrent use; its zero value is
// ready.
type coding struct {
	mu sync.Mutex
	// plain is how pages come at present.
	plain bool
	// took is how long a product takes at present; 0 before it is known.
	took time.Duration
	// pages have come since the start, and at nextTry of them the other way is tried.
	pages, nextTry, wait int
}

// next says whether the next page should come plain, and whether that is a try.
func (c *coding) next() (plain, try bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.wait == 0 {
		c.nextTry, c.wait = firstTry, betweenTries
	}
	try = c.pages >= c.nextTry && (c.plain || c.took < plainWorthTrying)
	return c.plain != try, try
}

// came takes in how long a page of so many products took.
func (c *coding) came(try bool, products int, took time.Duration) {
	if products < countedPage {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	each := took / time.Duration(products)
	c.pages++
	switch {
	case c.pages == 1: // it paid for the connection
	case !try && c.took == 0:
		c.took = each
	case !try:
		c.took = (c.took + each) / 2
	case each < c.took:
		c.plain, c.took, c.wait, c.nextTry = !c.plain, each, betweenTries, c.pages+betweenTries
	default:
		c.nextTry, c.wait = c.pages+c.wait, min(2*c.wait, maxBetweenTries)
	}
}
