package app

import (
	"crypto/tls"
	"log/slog"
	"os"
	"sync"
	"time"

	"fullsync/internal/fault"
)

// certificate is the TLS certificate of the API. It is read again when its files change, so that a renewal needs no restart.
type certificate struct {
	certFile, keyFile string
	log               *slog.Logger

	mu      sync.Mutex
	present *tls.Certificate
	// stamps are the files as they were read, looked the time of the last look at them.
	stamps [2]stamp
	looked time.Time
}

// stamp tells a file from what replaced it.
type stamp struct {
	size     int64
	modified time.Time
}

// lookEvery is how often the files are looked at, at most: handshakes may be many.
const lookEvery = time.Second

// openCertificate returns Invalid if the files are no certificate and its key.
func openCertificate(certFile, keyFile string, log *slog.Logger) (*certificate, error) {
	c := &certificate{certFile: certFile, keyFile: keyFile, log: log}
	if err := c.read(); err != nil {
		return nil, fault.New(fault.Invalid, "TLS_CERTIFICATE", "TLS certificate unusable",
			"The files of FULLSYNC_TLS_CERT and FULLSYNC_TLS_KEY are not a certificate and its key, in PEM, that this user may read: %v.", err).Because(err)
	}
	return c, nil
}

func (c *certificate) read() error {
	// Before the files themselves: what changes while they are read is noticed at the next look.
	stamps := c.look()
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return err
	}
	c.present, c.stamps = &pair, stamps
	return nil
}

func (c *certificate) look() (stamps [2]stamp) {
	for i, name := range []string{c.certFile, c.keyFile} {
		if info, err := os.Stat(name); err == nil {
			stamps[i] = stamp{info.Size(), info.ModTime()}
		}
	}
	return stamps
}

// get is a [tls.Config]'s GetCertificate. While only one of the files has been replaced they do not fit, and the old pair stays.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.looked) < lookEvery {
		return c.present, nil
	}
	c.looked = time.Now()
	if c.look() != c.stamps {
		if err := c.read(); err != nil {
			c.log.Warn("the TLS certificate changed and cannot be used; the old one stays", "error", err)
		} else {
			c.log.Info("the TLS certificate was read again", "expires", c.present.Leaf.NotAfter)
		}
	}
	return c.present, nil
}

// expires says until when the certificate is valid.
func (c *certificate) expires() time.Time { return c.present.Leaf.NotAfter }
