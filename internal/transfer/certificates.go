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
	whole  string            // the state of the certificate of the whole catalog, "" until it is known
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
		c.whole = certificate.State()
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

// Forget implements [Certifier].
func (c *Certificates) Forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.states, c.whole = nil, ""
}

// Certificate implements [Certifier].
func (c *Certificates) Certificate() (sha256 string, products int64, ok bool) {
	whole := c.Whole()
	if whole == nil {
		return "", 0, false
	}
	return whole.String(), whole.Count(), true
}

// Whole returns the certificate of the whole catalog, nil where that is not known.
func (c *Certificates) Whole() *catalog.Certificate {
	c.mu.Lock()
	defer c.mu.Unlock()
	certificate, err := catalog.ResumeCertificate(c.whole)
	if err != nil {
		return nil
	}
	return certificate
}
