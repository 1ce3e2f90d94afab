package fetch

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"fullsync/internal/fault"
	"fullsync/internal/packing"
	"fullsync/internal/peer"
	"fullsync/internal/transfer"
)

// trouble is what a person has to put right. what follows "Feed shop cannot be read: ".
func (b *Body) trouble(code, what string, args ...any) error {
	return fault.New(fault.Impossible, code, "Feed cannot be read", "Feed %s cannot be read: %s.", b.o.Target.NodeID, fmt.Sprintf(what, args...))
}

// passing is trouble that may pass by itself.
func (b *Body) passing(after time.Duration, cause error, format string, args ...any) error {
	return &transfer.TransientError{
		Err: fault.New(fault.Unavailable, "PEER_UNAVAILABLE", "Peer unavailable", "Peer %s %s.", b.o.Target.NodeID, fmt.Sprintf(format, args...)).Because(cause), After: after,
	}
}

// refused returns the error for an answer that is not a 200.
func (b *Body) refused(resp *http.Response) error {
	switch status := resp.StatusCode; {
	case status == http.StatusTooManyRequests:
		return b.passing(peer.RetryAfter(resp.Header, time.Now()), nil, "asks for a pause (429)")
	case status >= 500 || status == http.StatusRequestTimeout:
		return b.passing(peer.RetryAfter(resp.Header, time.Now()), nil, "answers with %d, an error of its own", status)
	case status == http.StatusUnauthorized && b.o.Target.Auth.Kind == "":
		return b.trouble("PEER_REFUSED", "its server asks who we are (401). Give the peer its auth")
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return b.trouble("PEER_REFUSED", "its server refuses us (%d). Look at the peer's auth, and at what it may read there", status)
	case status == http.StatusNotFound, status == http.StatusGone:
		return b.trouble("FEED_NOT_FOUND", "there is nothing at its URL (%d). Correct the URL", status)
	case status == http.StatusNotModified:
		return b.trouble("FEED_NOT_MODIFIED", "its server says that nothing has changed (304), although it was not asked for that. What stands between it and this node is broken")
	default:
		return b.trouble("PEER_REFUSED", "its server refuses the request (%d %s). Look at its URL and auth", status, shown(http.StatusText(status)))
	}
}

// failed classifies an error from sending a request or reading its body. ctx is the request's.
func (b *Body) failed(ctx context.Context, err error) error {
	if b.ctx.Err() != nil {
		return context.Cause(b.ctx)
	}
	var at *url.Error
	if errors.As(err, &at) {
		err = at.Err // without the URL, which may hold a secret
	}
	if refused := b.configured(err); refused != nil {
		return refused
	}
	var dns *net.DNSError
	var op *net.OpError
	var timeout net.Error
	switch {
	case packing.IsTooLarge(err):
		return b.trouble("FEED_TOO_LARGE", "it unpacks to more than is read, or takes too much memory to unpack")
	case errors.Is(err, packing.ErrUnknown):
		return b.trouble("FEED_UNREADABLE", "its server packs it in a way that was not asked for")
	case errors.Is(context.Cause(ctx), errStalled):
		return b.passing(0, err, "stopped sending in the middle of an answer")
	case errors.As(err, &dns):
		return b.passing(0, err, "cannot be looked up; check the host name in its URL")
	case errors.As(err, &op) && op.Op == "dial":
		return b.passing(0, err, "cannot be reached; check that it runs and that its URL is right")
	case errors.As(err, &timeout) && timeout.Timeout():
		return b.passing(0, err, "did not answer in time")
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return b.passing(0, err, "sent half an answer")
	}
	return b.passing(0, err, "cut the connection")
}

// configured returns the error for trouble with how the peer is set up, or nil.
func (b *Body) configured(err error) error {
	var (
		said       *fault.Error
		redirect   *redirectError
		certain    *tls.CertificateVerificationError
		unknown    x509.UnknownAuthorityError
		wrongName  x509.HostnameError
		outdated   x509.CertificateInvalidError
		alert      *net.OpError
		plainBegin tls.RecordHeaderError
	)
	const code = "PEER_TLS"
	switch {
	case errors.As(err, &redirect):
		return b.trouble(peer.CodeRedirected, "it %s", redirect.why.Message)
	case errors.As(err, &said) && said.Code == peer.CodeAddressRefused:
		return b.trouble(said.Code, "its URL, or what that redirects to, leads to a link-local, metadata, multicast or unspecified network address, and fullsync never connects to those")
	case errors.As(err, &said):
		return err
	case errors.Is(err, http.ErrSchemeMismatch), errors.As(err, &plainBegin):
		return b.trouble(code, "it does not speak https at its URL. Check whether that must begin with http://")
	case errors.As(err, &outdated) && outdated.Reason == x509.Expired:
		return b.trouble(code, "its certificate has expired, or is not valid yet. Renew it there, and look at the clocks")
	case errors.As(err, &wrongName):
		return b.trouble(code, "its certificate is for another host. Correct the URL, or the certificate there")
	case errors.As(err, &unknown):
		return b.trouble(code, "its certificate is signed by nobody whom this node trusts. Use one of a known authority, or add the authority to this machine")
	case errors.As(err, &certain), errors.As(err, &outdated):
		return b.trouble(code, "its certificate is not valid. Renew it there")
	case errors.As(err, &alert) && alert.Op == "remote error": // what crypto/tls calls an alert that the other side sends
		return b.trouble(code, "it broke off the TLS handshake. Check its TLS settings")
	}
	return nil
}
