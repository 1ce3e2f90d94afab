package transfer

const (
	// leastSize is how many products are asked for at least: fewer hardly make an answer quicker.
	leastSize = 10
	// patience is how many answers in a row must come in time before more is asked for. It doubles with every answer
	// that did not, so that a size that is too large is tried more and more seldom.
	patience = 4
)

// size is how many products are asked for at once: as many as a batch holds, and fewer where answers take too long.
type size struct {
	most, now     int
	good, patient int
}

func newSize(most int) *size { return &size{most: most, now: most, patient: patience} }

// heard takes in how an answer came, nil when it was well, and returns the error.
func (s *size) heard(err error) error {
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
