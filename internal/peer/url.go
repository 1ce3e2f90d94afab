package peer

import (
	"net"
	"net/netip"
	"net/url"
	"path"
	"regexp"
	"strconv"
	"strings"

	"fullsync/internal/fault"
)

const (
	// maxURL is the longest base address, in bytes.
	maxURL = 2048
	// MaxNodeName is the longest name of a node, in characters.
	MaxNodeName = 200
	// MaxToken is the longest token of a peer, in bytes.
	MaxToken = 8192
)

var (
	nodeIDPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
	hostPattern   = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9._-]{0,252}[A-Za-z0-9_.])?$`)
)

// CheckNodeID returns Invalid if the text cannot be a node id.
func CheckNodeID(nodeID string) error {
	if !nodeIDPattern.MatchString(nodeID) {
		return invalid("nodeId", "must be 1 to 64 letters, digits, dots, underscores and hyphens, beginning with a letter or digit")
	}
	return nil
}

// ParseURL returns the base address of a peer in normal form: scheme and host in lower case, no trailing slash. Returns
// Invalid for anything but http or https with a host; for credentials, a query, a fragment or a path with dots; and for an
// address that [CheckAddress] refuses.
func ParseURL(text string) (string, error) {
	text = strings.TrimSpace(text)
	if len(text) > maxURL {
		return "", invalidURL("must not be longer than 2048 characters")
	}
	u, err := url.Parse(text)
	if err != nil {
		return "", invalidURL("must be an address such as https://branch.example.com:8443")
	}
	u.Scheme = strings.ToLower(u.Scheme)
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return "", invalidURL("must begin with http:// or https://")
	case u.Opaque != "" || u.Hostname() == "":
		return "", invalidURL("must name a host, such as https://branch.example.com:8443")
	case u.User != nil:
		return "", invalidURL("must not hold a user name or password; give the peer's token instead")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.Contains(text, "#"):
		return "", invalidURL("must not hold a query or fragment")
	}
	if u.Host, err = normalHost(u); err != nil {
		return "", err
	}
	u.Path, u.RawPath = strings.TrimRight(u.Path, "/"), strings.TrimRight(u.RawPath, "/")
	if u.Path != "" && path.Clean(u.EscapedPath()) != u.EscapedPath() {
		return "", invalidURL("must have a plain path, without ., .. or double slashes")
	}
	normal := u.String()
	if len(normal) > maxURL { // escaping makes a path longer
		return "", invalidURL("must not be longer than 2048 characters")
	}
	return normal, nil
}

// normalHost returns the host and port of u in lower case, without the scheme's default port.
func normalHost(u *url.URL) (string, error) {
	host, port := strings.ToLower(u.Hostname()), u.Port()
	if strings.HasSuffix(u.Host, ":") {
		return "", invalidURL("must have a port number after the colon")
	}
	if port != "" {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return "", invalidURL("must have a port from 1 to 65535")
		}
		port = strconv.FormatUint(n, 10)
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		if err := CheckAddress(addr); err != nil {
			return "", invalidURL("must not be a link-local, metadata, multicast or unspecified address")
		}
	} else if !hostPattern.MatchString(host) {
		return "", invalidURL("must have a host of letters, digits, dots and hyphens (an international name in its xn-- form)")
	}
	if port == "" || port == defaultPort(u.Scheme) {
		if strings.Contains(host, ":") {
			return "[" + host + "]", nil
		}
		return host, nil
	}
	return net.JoinHostPort(host, port), nil
}

// SameOrigin reports whether two base addresses have the same scheme, host and port, so that a token for one may be sent to
// the other. Addresses that do not parse are never the same.
func SameOrigin(a, b string) bool {
	ua, errA := url.Parse(a)
	ub, errB := url.Parse(b)
	return errA == nil && errB == nil && ua.Hostname() != "" &&
		strings.EqualFold(ua.Scheme, ub.Scheme) &&
		strings.EqualFold(ua.Hostname(), ub.Hostname()) &&
		portOf(ua) == portOf(ub)
}

func portOf(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	return defaultPort(strings.ToLower(u.Scheme))
}

func defaultPort(scheme string) string {
	switch scheme {
	case "http":
		return "80"
	case "https":
		return "443"
	}
	return ""
}

// invalid is the contract's answer to a malformed field.
func invalid(field, problem string) *fault.Error {
	return fault.New(fault.Invalid, "INVALID_REQUEST", "Invalid request", "%s %s.", field, problem).With(field, problem)
}

func invalidURL(problem string) *fault.Error { return invalid("url", problem) }
