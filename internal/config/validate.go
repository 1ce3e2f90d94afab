package config

import (
	"net"
	"net/netip"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// minSecret is the shortest secret for tokens, in bytes.
const minSecret = 32

// minKeepAudit is how long the database keeps entries of the audit log from everybody.
const minKeepAudit = 720 * time.Hour

// problem is what is wrong with one variable.
type problem struct {
	variable string
	text     string
}

// Validate returns Invalid with all problems at once; each one names its variable and says what a value should look like.
func (c Config) Validate() error { return asError(c.problems()) }

// problem describes a field's wrong value: what it must look like, and why, if that is not obvious.
func (c Config) problem(field, why string) problem {
	f, _ := reflect.TypeFor[Config]().FieldByName(field)
	text := "must be " + f.Tag.Get("shape")
	if why != "" {
		text += "; " + why
	}
	return problem{prefix + f.Tag.Get("env"), text}
}

func (c Config) problems() []problem {
	var out []problem
	check := func(ok bool, field string) {
		if !ok {
			out = append(out, c.problem(field, ""))
		}
	}
	check(validListen(c.Listen), "Listen")
	check(c.DatabaseURL == "" || validDatabase(string(c.DatabaseURL)), "DatabaseURL")
	check(c.DataDir != "" && !strings.ContainsRune(c.DataDir, 0), "DataDir")
	check(c.TLSCert == "" || c.TLSKey != "", "TLSKey")
	check(c.TLSKey == "" || c.TLSCert != "", "TLSCert")
	check(c.NodeID == "" || validNodeID(c.NodeID), "NodeID")
	check(c.NodeName == "" || validName(c.NodeName), "NodeName")
	check(c.JWTSecret == "" || len(c.JWTSecret) >= minSecret, "JWTSecret")
	if i := slices.IndexFunc(c.CORSOrigins, func(o string) bool { return !validOrigin(o) }); i >= 0 {
		why := "each has a scheme and a host, and nothing after the port"
		if strings.Contains(c.CORSOrigins[i], "*") {
			why = "with a *, every web page could call the API with a token it got hold of, so list each origin"
		}
		out = append(out, c.problem("CORSOrigins", why))
	}
	check(!slices.ContainsFunc(c.TrustedProxies, func(p string) bool { return !validNetwork(p) }), "TrustedProxies")
	outside := c.OIDCIssuer != ""
	check(outside || c.OIDCKeysURL == "" && c.OIDCAudience == "" && len(c.OIDCRoles) == 0, "OIDCIssuer")
	check(!outside && c.OIDCKeysURL == "" || validKeysURL(c.OIDCKeysURL), "OIDCKeysURL")
	check(!outside || c.OIDCAudience != "", "OIDCAudience")
	check(c.OIDCNameClaim != "", "OIDCNameClaim")
	check(c.OIDCRoleClaim != "", "OIDCRoleClaim")
	_, rolesOK := c.OutsideRoles()
	check(rolesOK && (!outside || len(c.OIDCRoles) > 0), "OIDCRoles")
	check(c.LoginTTL >= time.Minute && c.LoginTTL <= 24*time.Hour, "LoginTTL")
	check(c.BatchSize >= 1 && c.BatchSize <= 5000, "BatchSize")
	check(c.MaxProductsPerSecond >= 0, "MaxProductsPerSecond")
	check(c.SyncWorkers >= 1 && c.SyncWorkers <= 64, "SyncWorkers")
	check(c.HeartbeatInterval >= 50*time.Millisecond && c.HeartbeatInterval <= 5*time.Minute, "HeartbeatInterval")
	// Fewer than three missed heartbeats would make a busy database look like a dead worker.
	check(c.StaleAfter > 0 && c.StaleAfter/3 >= c.HeartbeatInterval, "StaleAfter")
	check(c.RequestTimeout > 0, "RequestTimeout")
	check(c.PeerCheckInterval == 0 || c.PeerCheckInterval >= 50*time.Millisecond && c.PeerCheckInterval <= time.Hour, "PeerCheckInterval")
	check(c.BatchTimeout > 0, "BatchTimeout")
	check(c.SessionTimeout >= time.Second, "SessionTimeout")
	check(c.ResumeWithin > 0, "ResumeWithin")
	check(c.KeepSessionsFor > 0, "KeepSessionsFor")
	check(c.KeepSessions >= 0, "KeepSessions")
	check(c.KeepChanges >= 0, "KeepChanges")
	check(c.KeepAudit >= minKeepAudit, "KeepAudit")
	check(c.MaxDeletes >= 0 && c.MaxDeletes <= 10_000_000, "MaxDeletes")
	check(c.MaxDeletePercent >= 0 && c.MaxDeletePercent <= 100, "MaxDeletePercent")
	check(c.MaxTakeovers >= 0 && c.MaxTakeovers <= 100, "MaxTakeovers")
	check(c.ShutdownTimeout > 0, "ShutdownTimeout")
	check(c.StagingLimit >= 0 && c.StagingLimit <= 1<<30, "StagingLimit")
	check(c.MetricsListen == "" || validListen(c.MetricsListen), "MetricsListen")
	check(c.PprofListen == "" || validListen(c.PprofListen) && loopback(c.PprofListen), "PprofListen")
	check(c.LogFormat == LogText || c.LogFormat == LogJSON, "LogFormat")
	return out
}

// normalize rewrites values that can be written in several ways into a single form.
func (c *Config) normalize() {
	var origins []string
	for _, text := range c.CORSOrigins {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		// Browsers send an origin in lower case and without the scheme's default port.
		text = strings.ToLower(text)
		if u, err := url.Parse(text); err == nil &&
			(u.Scheme == "http" && u.Port() == "80" || u.Scheme == "https" && u.Port() == "443") {
			text = strings.TrimSuffix(text, ":"+u.Port())
		}
		if !slices.Contains(origins, text) {
			origins = append(origins, text)
		}
	}
	c.CORSOrigins = origins
	var proxies []string
	for _, text := range c.TrustedProxies {
		text = strings.TrimSpace(text)
		if ip, err := netip.ParseAddr(text); err == nil {
			text = netip.PrefixFrom(ip, ip.BitLen()).String()
		}
		if text != "" {
			proxies = append(proxies, text)
		}
	}
	c.TrustedProxies = proxies
}

// validNetwork accepts any network but the whole internet, which would mean trusting everybody.
func validNetwork(text string) bool {
	network, err := netip.ParsePrefix(text)
	return err == nil && network.Bits() > 0 && network.Addr().Zone() == ""
}

func validListen(text string) bool {
	host, port, err := net.SplitHostPort(text)
	if err != nil || strings.ContainsAny(host, " /") {
		return false
	}
	_, err = strconv.ParseUint(port, 10, 16)
	return err == nil
}

// loopback says whether only programs on this machine reach the address.
func loopback(listen string) bool {
	host, _, err := net.SplitHostPort(listen)
	return err == nil && (host == "localhost" || net.ParseIP(host).IsLoopback())
}

func validDatabase(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "postgres" || u.Scheme == "postgresql") && u.Opaque == ""
}

// validNodeID is the same rule as for the ids of peers.
func validNodeID(text string) bool {
	return regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`).MatchString(text)
}

func validName(text string) bool {
	return utf8.ValidString(text) && utf8.RuneCountInString(text) <= 200 &&
		!strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) })
}

// validOrigin accepts scheme://host[:port] and nothing else.
func validOrigin(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" &&
		!strings.Contains(text, "*") && text == u.Scheme+"://"+u.Host && !strings.HasSuffix(u.Host, ":")
}

// validKeysURL reports whether keys can be fetched there so that nobody on the way can replace them.
func validKeysURL(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Scheme == "https" || u.Scheme == "http" && (u.Hostname() == "localhost" || ip != nil && ip.IsLoopback())
}

// OutsideRoles returns OIDCRoles by the value of the claim, and whether each is a value and a role that people can have.
func (c Config) OutsideRoles() (roles map[string]string, ok bool) {
	roles = map[string]string{}
	for _, pair := range c.OIDCRoles {
		i := strings.LastIndexByte(pair, '=')
		if i < 1 || !slices.Contains([]string{"viewer", "operator", "admin"}, strings.TrimSpace(pair[i+1:])) {
			return nil, false
		}
		roles[strings.TrimSpace(pair[:i])] = strings.TrimSpace(pair[i+1:])
	}
	return roles, true
}
