package transfer

import (
	"maps"
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
	states map[string]string // of the certificates of everything up to an id
	whole  *certified
}

// certified is a certificate that is complete.
type certified struct {
	sum      string
	products int64
}

// After returns the certificate of everything up to an id, nil where that is not known. That of nothing always is.
func (c *Certificates) After(id string) *catalog.Certificate {
	if id == "" {
		return catalog.NewCertificate()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	certificate, err := catalog.ResumeCertificate(c.states[id])
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
	c.mu.Lock()
	defer c.mu.Unlock()
	if id == "" {
		c.whole = &certified{sum: certificate.String(), products: certificate.Count()}
		return
	}
	if c.states == nil {
		c.states = map[string]string{}
	}
	c.states[id] = certificate.State()
	if len(c.states) > maxCertificates { // the way leads upwards
		delete(c.states, slices.Min(slices.Collect(maps.Keys(c.states))))
	}
}

// Forget is a [Certifier]'s.
func (c *Certificates) Forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.states, c.whole = nil, nil
}

// Certificate is a [Certifier]'s.
func (c *Certificates) Certificate() (sha256 string, products int64, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.whole == nil {
		return "", 0, false
	}
	return c.whole.sum, c.whole.products, true
}
