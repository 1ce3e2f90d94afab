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
	// headerTimeout is how long a peer may take before its answer begins.
	headerTimeout = 30 * time.Second
	// maxHeaderBytes is the largest size of an answer's headers.
	maxHeaderBytes = 64 << 10
)

// CodeAddressRefused is the error code for an address that fullsync never connects to.
const CodeAddressRefused = "ADDRESS_REFUSED"

// CodeRedirected is the error code for a peer that answers with a redirect.
const CodeRedirected = "PEER_REDIRECTS"

// CheckAddress returns Impossible, with [CodeAddressRefused], for an address that no peer can have but that an attacker
// might want to reach through this node: link-local, cloud metadata, multicast, unspecified, broadcast. It allows loopback
// and private addresses, because shops use them.
func CheckAddress(addr netip.Addr) error {
	addr = unwrap(addr)
	if !addr.IsValid() || addr.IsUnspecified() || addr.IsMulticast() || addr.IsLinkLocalUnicast() ||
		thisNetwork().Contains(addr) || isMetadata(addr) || addr == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
		return fault.New(fault.Impossible, CodeAddressRefused, "Address refused",
			"The peer's address leads to a link-local, metadata, multicast or unspecified network address, "+
				"and fullsync never connects to those; correct the peer's URL or its DNS entry.")
	}
	return nil
}

// unwrap returns the IPv4 address inside an IPv4-mapped or NAT64 IPv6 address, and any other address without its zone.
func unwrap(addr netip.Addr) netip.Addr {
	addr = addr.Unmap().WithZone("")
	if netip.MustParsePrefix("64:ff9b::/96").Contains(addr) {
		b := addr.As16()
		return netip.AddrFrom4([4]byte(b[12:]))
	}
	return addr
}

// thisNetwork is 0.0.0.0/8, which some systems treat as the machine itself.
func thisNetwork() netip.Prefix { return netip.MustParsePrefix("0.0.0.0/8") }

// isMetadata reports whether addr is one from which clouds hand out credentials. Those in 169.254.0.0/16 already count as
// link-local.
func isMetadata(addr netip.Addr) bool {
	switch addr.String() {
	case "fd00:ec2::254", "fd20:ce::254", "100.100.100.200":
		return true
	}
	return false
}

// control checks the resolved address right before connecting, so a name that resolves differently the second time cannot
// get around it.
func control(_, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return CheckAddress(netip.Addr{})
	}
	return CheckAddress(ap.Addr())
}

// NewTransport returns a transport for talking to peers. It checks addresses when dialling, uses no proxy, limits times and
// header sizes, and does not decompress by itself: callers that ask for compression also limit the decompressed size.
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

// NewClient returns a client on a [NewTransport] that follows no redirects, so that a peer cannot send a token elsewhere.
// It sets no timeout for a whole request; callers set one with their context.
func NewClient() *http.Client {
	return &http.Client{Transport: NewTransport(), CheckRedirect: refuseRedirect}
}

// refuseRedirect always returns Impossible, with [CodeRedirected].
func refuseRedirect(*http.Request, []*http.Request) error {
	return fault.New(fault.Impossible, CodeRedirected, "Peer redirects",
		"The peer answered with a redirect, which fullsync does not follow; register its real address.")
}
