package app_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fullsync/internal/certtest"
	"fullsync/internal/fault"
	"fullsync/internal/nodetest"
)

// writeCertificate makes a certificate for 127.0.0.1 with that serial number and writes it and its key into dir.
func writeCertificate(t *testing.T, dir string, serial int64, files ...string) {
	t.Helper()
	cert, err := certtest.Local(serial, time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"tls.crt": {Type: "CERTIFICATE", Bytes: cert.Certificate[0]}, "tls.key": {Type: "PRIVATE KEY", Bytes: pkcs8}} {
		if len(files) == 0 || files[0] == name {
			if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func tlsSettings(dir string) map[string]string {
	return map[string]string{"TLS_CERT": filepath.Join(dir, "tls.crt"), "TLS_KEY": filepath.Join(dir, "tls.key")}
}

// askOverTLS asks on a new connection and returns the status, the version of HTTP and the serial number of the certificate.
func askOverTLS(t *testing.T, url string) (status, major int, serial int64) {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/healthz", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // it is not read
	return resp.StatusCode, resp.ProtoMajor, resp.TLS.PeerCertificates[0].SerialNumber.Int64()
}

// A renewed certificate is used without a restart, and half a renewal does no harm.
func TestTLSIsServedAndItsCertificateRenewed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writeCertificate(t, dir, 1)
	log := &logged{}
	n := nodetest.Start(t, nodetest.Config{Settings: tlsSettings(dir), Log: log.handler()})
	if status, major, serial := askOverTLS(t, n.URL()); status != http.StatusOK || major != 2 || serial != 1 {
		t.Fatalf("status %d over HTTP/%d with certificate %d", status, major, serial)
	}
	writeCertificate(t, dir, 2, "tls.crt")
	nodetest.Eventually(t, "the complaint about half a renewal", func() bool {
		if _, _, serial := askOverTLS(t, n.URL()); serial != 1 {
			t.Fatalf("certificate %d without its key", serial)
		}
		return strings.Contains(log.String(), "the old one stays")
	})
	writeCertificate(t, dir, 3)
	nodetest.Eventually(t, "the new certificate", func() bool {
		_, _, serial := askOverTLS(t, n.URL())
		return serial == 3
	})
}

func TestUnusableCertificateStopsTheStart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writeCertificate(t, dir, 1)
	writeCertificate(t, dir, 2, "tls.key")
	if _, err := nodetest.Build(t, nodetest.Config{Settings: tlsSettings(dir)}); fault.CodeOf(err) != "TLS_CERTIFICATE" {
		t.Errorf("%v", err)
	}
}
