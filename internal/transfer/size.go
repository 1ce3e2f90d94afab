package transfer

import "time"

const (
	// leastSize is how many products are asked for at least: fewer hardly make an answer quicker.
	leastSize = 10
	// patience is how many answers in a row must come in time before more is asked for. It doubles with every answer
	// that did not, so that a size that is too large is tried more and more seldom.
	patience = 4
	// grownSize is how large batches become by themselves. Larger ones are no faster, and take more memory.
	grownSize = 2500
	// quick is how long a batch may take for the next ones to become larger, and unhurried when they go back to the size
	// they began with: whoever watches wants to see progress, and a batch must not come near its timeout.
	quick     = 200 * time.Millisecond
	unhurried = time.Second
)

// Size is how many products are asked for, or sent, at once: as many as a batch holds, and fewer where answers take too long.
type Size struct {
	most, now     int
	good, patient int
}

// NewSize returns a Size that begins with most.
func NewSize(most int) *Size { return &Size{most: most, now: most, patient: patience} }

// Now returns how many.
func (s *Size) Now() int { return s.now }

// Heard takes in how an answer came, nil when it was well, and returns the error.
func (s *Size) Heard(err error) error {
	switch t, ok := asTransient(err); {
	case err == nil:
		s.good++
		if s.good >= s.patient && s.now < s.most {
			s.now, s.good = min(s.most, 2*s.now), 0
		}
	case ok && t.Slow:
		s.now, s.good = max(s.now/2, min(s.most, leastSize)), 0
		s.patient = min(2*s.patient, 1<<20)
	}
	return err
}

// HeardOf is Heard of an answer about that many products, which may have been fewer.
func (s *Size) HeardOf(count int, err error) error {
	if t, ok := asTransient(err); ok && t.Slow {
		s.now = min(s.now, max(count, 1))
	}
	return s.Heard(err)
}

// growth lets the batches of a size become larger while they are quick: each of them costs a request, a transaction and a
// few questions to the database.
type growth struct {
	*Size
	// begin is the size at the beginning, end the one that it may grow to.
	begin, end int
	last       time.Time
}

// growth begins with limit products per batch.
func (opt Options) growth(limit int) growth {
	g := growth{Size: NewSize(limit), begin: limit, end: limit}
	if opt.Grow && opt.MaxPerSecond <= 0 {
		g.end = max(limit, grownSize)
	}
	return g
}

// next is called before each batch is read. Because one batch is read while another is committed, the time between two
// calls is that of the slower of both.
func (g *growth) next(now time.Time) {
	took := now.Sub(g.last)
	switch {
	case g.last.IsZero():
	case took > unhurried:
		g.most = g.begin
		g.now = min(g.now, g.most)
	case took < quick && g.now == g.most:
		g.most = min(2*g.most, g.end)
		g.now = g.most
	}
	g.last = now
}
