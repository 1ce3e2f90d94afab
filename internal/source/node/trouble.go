package node

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"fullsync/internal/fault"
	"fullsync/internal/peer"
	"fullsync/internal/transfer"
)

// The codes of permanent trouble with a peer.
const (
	codeRefused  = "PEER_REFUSED"
	codeNotANode = "PEER_NOT_A_NODE"
	codeProtocol = "PEER_PROTOCOL"
	codeTLS      = "PEER_TLS"
)

// statusOriginTimeout is what a large content delivery network sends where others send 504.
const statusOriginTimeout = 524

// errNoRoute is the cause of trouble with a peer that does not know the route of a request.
var errNoRoute = errors.New("the peer does not know the route")

// permanent is trouble that another try will not fix: a person has to act.
func (c *caller) permanent(code, format string, args ...any) *fault.Error {
	return fault.New(fault.Impossible, code, "Peer cannot be used", format, args...)
}

// transient is trouble that may pass by itself.
func (c *caller) transient(after time.Duration, cause error, format string, args ...any) error {
	return &transfer.TransientError{
		Err:   fault.New(fault.Unavailable, "PEER_UNAVAILABLE", "Peer unavailable", format, args...).Because(cause),
		After: after,
	}
}

// slow is the error for an answer that took too long.
func (c *caller) slow(cause error, format string, args ...any) error {
	return &transfer.TransientError{
		Err:  fault.New(fault.Unavailable, "PEER_TIMEOUT", "Peer too slow", format, args...).Because(cause),
		Slow: true,
	}
}

// smallPage is a small number of products: asking for fewer hardly makes an answer quicker.
const smallPage = 10

// ofPage adds to the error for a page that took too long how large a page we asked for.
func ofPage(err error, limit int) error {
	var slow *transfer.TransientError
	var why *fault.Error
	if !errors.As(err, &slow) || !slow.Slow || !errors.As(err, &why) {
		return err
	}
	if limit > smallPage {
		why = why.Also("It was asked for %d products at once; a smaller batchSize may help.", limit)
	} else {
		why = why.Also("It was asked for no more than %d products at once, so a smaller batchSize will not help.", limit)
	}
	return &transfer.TransientError{Err: why, Slow: true}
}

// refused returns the error for an answer that is not a 200.
func (c *caller) refused(resp *http.Response) error {
	status := resp.StatusCode
	switch {
	case status == http.StatusTooManyRequests:
		return c.transient(peer.RetryAfter(resp.Header, c.now()), nil, "Peer %s asks for a pause (429).", c.peerID)
	case status == http.StatusGatewayTimeout || status == statusOriginTimeout || status == http.StatusRequestTimeout:
		return c.slow(nil, "Something between this node and peer %s gave up waiting for its answer (%d).", c.peerID, status)
	case status >= 500:
		return c.transient(peer.RetryAfter(resp.Header, c.now()), nil, "Peer %s answers with %d, an error of its own.", c.peerID, status)
	case status == http.StatusUnauthorized:
		return c.permanent(codeRefused, "Peer %s refused our token (401). Give the peer a new token.", c.peerID)
	case status == http.StatusForbidden:
		return c.permanent(codeRefused, "Peer %s does not allow our token to read its catalogs (403). "+
			"Give the peer a token of the role node.", c.peerID)
	case status == http.StatusNotFound || status == http.StatusMethodNotAllowed:
		return c.permanent(codeNotANode, "Peer %s has none of fullsync's node routes at its URL (%d); "+
			"check the URL and the version there.", c.peerID, status).Because(errNoRoute)
	case status >= 300 && status < 400:
		return c.permanent(peer.CodeRedirected, "Peer %s answered with a redirect (%d), which fullsync does not follow; "+
			"register its real address.", c.peerID, status)
	}
	return c.permanent(codeProtocol, "Peer %s refused the request (%d); check that both nodes run compatible versions.",
		c.peerID, status)
}

// failed classifies an error from sending a request or reading its body. asked is the caller's context, within the request's:
// if the caller gave up, failed returns its cause unchanged.
func (c *caller) failed(asked, within context.Context, err error) error {
	if asked.Err() != nil {
		return context.Cause(asked)
	}
	if refused := c.configured(err); refused != nil {
		return refused
	}
	var dns *net.DNSError
	var timeout net.Error
	switch cause := context.Cause(within); {
	case errors.Is(cause, errStalled):
		return c.slow(cause, "Peer %s stopped sending in the middle of an answer.", c.peerID)
	case errors.As(err, &dns):
		return c.transient(0, err, "The address of peer %s could not be looked up; check the host name in its URL.", c.peerID)
	case isDial(err):
		return c.transient(0, err, "Peer %s cannot be reached; check that it runs and that its URL is right.", c.peerID)
	case errors.Is(cause, errTooSlow), errors.As(err, &timeout) && timeout.Timeout():
		return c.slow(err, "Peer %s did not answer in time.", c.peerID)
	}
	return c.transient(0, err, "The connection to peer %s was cut.", c.peerID)
}

// isDial reports whether no connection was made at all.
func isDial(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

// configured returns the error for trouble with how the peer is set up, or nil.
func (c *caller) configured(err error) error {
	var (
		fe        *fault.Error
		untrusted *tls.CertificateVerificationError
		unknown   x509.UnknownAuthorityError
		wrongName x509.HostnameError
		outdated  x509.CertificateInvalidError
		alert     *net.OpError
		record    tls.RecordHeaderError
	)
	switch {
	case errors.As(err, &fe) && fe.Code == peer.CodeAddressRefused:
		return c.permanent(peer.CodeAddressRefused, "The URL of peer %s leads to a link-local, metadata, multicast or "+
			"unspecified network address, and fullsync never connects to those; correct the URL or its DNS entry.", c.peerID).Because(err)
	case errors.Is(err, http.ErrSchemeMismatch), errors.As(err, &record):
		return c.permanent(codeTLS, "Peer %s does not speak https at its URL; check whether it must begin with http://.",
			c.peerID).Because(err)
	case errors.As(err, &untrusted), errors.As(err, &unknown), errors.As(err, &wrongName), errors.As(err, &outdated):
		return c.permanent(codeTLS, "The certificate of peer %s is not valid for its URL; renew it there, or correct the URL.",
			c.peerID).Because(err)
	case errors.As(err, &alert) && alert.Op == "remote error": // what crypto/tls calls an alert that the other side sends
		return c.permanent(codeTLS, "Peer %s broke off the TLS handshake; check its TLS settings.", c.peerID).Because(err)
	}
	return nil
}

// cutError is why a page was cut.
type cutError struct{ what string }

// Error says what was missing.
func (e *cutError) Error() string { return e.what }

// cut returns the error for a page that did not come whole.
func (c *caller) cut(format string, args ...any) error {
	return c.transient(0, &cutError{fmt.Sprintf(format, args...)}, "A page from peer %s was cut on the way.", c.peerID)
}

// webPage returns the error for a web page in place of a node's answer.
func (c *caller) webPage() error {
	return c.permanent(codeNotANode, "Peer %s answered with a web page instead of a fullsync node's answer, perhaps the login page of a proxy. "+
		"Check its URL, and what is between the nodes.", c.peerID)
}

// isWebPage reports whether text begins like a web page. No line of a node begins like that.
func isWebPage(text []byte) bool { return bytes.HasPrefix(bytes.TrimSpace(text), []byte("<")) }

// protocol returns the error for an answer that breaks the rules of the node-to-node routes.
func (c *caller) protocol(what string) error {
	return c.permanent(codeProtocol, "Peer %s %s; check that it runs a fullsync version compatible with this node's.", c.peerID, what)
}
