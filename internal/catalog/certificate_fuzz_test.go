package catalog_test

import (
	"testing"

	"fullsync/internal/catalog"
)

// FuzzResumeCertificate: peers send such texts, and whatever is accepted can be gone on from and sent on.
func FuzzResumeCertificate(f *testing.F) {
	c := catalog.NewCertificate()
	f.Add(c.State())
	c.Add("a", "1:x")
	f.Add(c.State())
	f.Add("")
	f.Add("c2hhAw")
	f.Fuzz(func(t *testing.T, state string) {
		c, err := catalog.ResumeCertificate(state)
		if err != nil {
			return
		}
		before := c.Count()
		c.Add("b", "1:y")
		again, err := catalog.ResumeCertificate(c.State())
		if err != nil || again.Count() != before+1 || again.String() != c.String() {
			t.Errorf("from %q: %d products, %v", state, c.Count(), err)
		}
	})
}
