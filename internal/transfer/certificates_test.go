package transfer_test

import (
	"testing"

	"fullsync/internal/catalog"
	"fullsync/internal/transfer"
)

// TestCertificateOfOnePassIsNotThatOfAnother: products may have changed between the two.
func TestCertificateOfOnePassIsNotThatOfAnother(t *testing.T) {
	var c transfer.Certificates
	first := catalog.NewCertificate()
	first.Add("a", "1:old")
	c.Reached("a", first)
	c.Reached("", first)
	c.Forget()
	if c.After("a") != nil {
		t.Error("another pass goes on from what was there before")
	}
	if sum, products, ok := c.Certificate(); ok {
		t.Errorf("%s of %d products is still the certificate", sum, products)
	}
}
