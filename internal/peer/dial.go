package peer

import (
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"

	"fullsync/internal/fault"
)

const (
	dialTimeout = 10 * time.Second
	tlsTimeout  = 10 * time.Second
	// headerTimeout is how long a peer may think before its answer begins.
	headerTimeout = 30 * time.Second
	// maxHeaderBytes bounds the head of an answer.
	maxHeaderBytes = 64 << 10
)

// CodeAddressRefused is the code of the error for an address that is never dialled.
const CodeAddressRefused = "ADDRESS_REFUSED"

// CodeRedirected is the code of the error for an answer that points elsewhere.
const CodeRedirected = "PEER_REDIRECTS"

// CheckAddress returns Impossible, with [CodeAddressRefused], for an address that no peer can have and that an
// attacker would like to reach through this node: link-local, cloud metadata, multicast, unspecified, broadcast.
// Loopback and private addresses are allowed: shops use them.
func CheckAddress(addr netip.Addr) error {
	addr = unwrap(addr)
	if !addr.IsValid() || addr.IsUnspecified() || addr.IsMulticast() || addr.IsLinkLocalUnicast() ||
		thisNetwork().Contains(addr) || isMetadata(addr) || addr == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
		return fault.New(fault.Impossible, CodeAddressRefused, "Address refused",
			"The peer's address leads to a link-local, metadata, multicast or unspecified network address, "+
				"which is never called; correct the peer's URL or its DNS entry.")
	}
	return nil
}

// unwrap returns the IPv4 address inside an IPv4-mapped or NAT64 IPv6 address, and any other address without zone.
func unwrap(addr netip.Addr) netip.Addr {
	addr = addr.Unmap().WithZone("")
	if netip.MustParsePrefix("64:ff9b::/96").Contains(addr) {
		b := addr.As16()
		return netip.AddrFrom4([4]byte(b[12:]))
	}
	return addr
}

// thisNetwork is 0.0.0.0/8, which some systems take for the machine itself.
func thisNetwork() netip.Prefix { return netip.MustParsePrefix("0.0.0.0/8") }

// isMetadata reports whether addr is one at which clouds hand out credentials; those in 169.254.0.0/16 are
// link-local already.
func isMetadata(addr netip.Addr) bool {
	switch addr.String() {
	case "fd00:ec2::254", "fd20:ce::254", "100.100.100.200":
		return true
	}
	return false
}

// control refuses a connection by its resolved address, right before it is made: a name that resolves to another
// address the second time gains nothing.
func control(_, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return CheckAddress(netip.Addr{})
	}
	return CheckAddress(ap.Addr())
}

// NewTransport returns a transport for talking to peers: addresses checked when dialling, no proxy, bounded times
// and header sizes, no compression of its own (who asks for it also limits what comes out of it).
func NewTransport() *http.Transport {
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second, Control: control}
	return &http.Transport{
		Proxy:                  nil,
		DialContext:            dialer.DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    tlsTimeout,
		ResponseHeaderTimeout:  headerTimeout,
		ExpectContinueTimeout:  time.Second,
		MaxResponseHeaderBytes: maxHeaderBytes,
		DisableCompression:     true,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           32,
		MaxIdleConnsPerHost:    4,
		IdleConnTimeout:        90 * time.Second,
	}
}

// NewClient returns a client on a [NewTransport] that follows no redirect: a token must not travel to where a peer
// points. It has no timeout over the whole request; callers bound that with their context.
func NewClient() *http.Client {
	return &http.Client{Transport: NewTransport(), CheckRedirect: refuseRedirect}
}

// refuseRedirect returns Impossible, with [CodeRedirected].
func refuseRedirect(*http.Request, []*http.Request) error {
	return fault.New(fault.Impossible, CodeRedirected, "Peer redirects",
		"The peer answered with a redirect, which is not followed; register the address it really has.")
}
