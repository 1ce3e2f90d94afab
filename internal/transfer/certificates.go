package transfer

import (
	"slices"
	"sync"

	"fullsync/internal/catalog"
)

// maxCertificates is how many positions a [Certificates] remembers.
const maxCertificates = 64

// Certificates keeps the certificate of a catalog while its products go by in pieces, for a [Certifier]. Pieces may be
// looked at twice, or out of order: what counts is that a chain of them leads from the beginning to the end. The zero
// value is ready to use. It is safe for concurrent use.
type Certificates struct {
	mu     sync.Mutex
	states map[string]certified
	whole  *certified
}

// certified is the certificate of everything up to a position.
type certified struct {
	state string
	count int64
	sum   string
}

// After returns the certificate of everything up to an id, nil where that is not known. That of nothing always is.
func (c *Certificates) After(id string) *catalog.Certificate {
	if id == "" {
		return catalog.NewCertificate()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	known, ok := c.states[id]
	if !ok {
		return nil
	}
	certificate, err := catalog.ResumeCertificate(known.state, known.count)
	if err != nil {
		return nil
	}
	return certificate
}

// Reached notes the certificate of everything up to an id, or with "" of the whole catalog.
func (c *Certificates) Reached(id string, certificate *catalog.Certificate) {
	if certificate == nil {
		return
	}
	known := certified{state: certificate.State(), count: certificate.Count(), sum: certificate.String()}
	c.mu.Lock()
	defer c.mu.Unlock()
	if id == "" {
		c.whole = &known
		return
	}
	if c.states == nil {
		c.states = map[string]certified{}
	}
	c.states[id] = known
	if len(c.states) > maxCertificates { // the way leads upwards
		ids := make([]string, 0, len(c.states))
		for id := range c.states {
			ids = append(ids, id)
		}
		delete(c.states, slices.Min(ids))
	}
}

// Certificate is a [Certifier]'s.
func (c *Certificates) Certificate() (sha256 string, products int64, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.whole == nil {
		return "", 0, false
	}
	return c.whole.sum, c.whole.count, true
}
