package peer

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"fullsync/internal/fault"
)

func TestCheckAddress(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"127.0.0.1", "::1", "10.0.0.1", "192.168.1.1", "172.16.0.1", "fd12::1", "203.0.113.9", "2001:db8::1",
		"::ffff:127.0.0.1", "64:ff9b::7f00:1", "100.100.100.201",
	} {
		if err := CheckAddress(netip.MustParseAddr(text)); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	for _, text := range []string{
		"169.254.169.254", "169.254.0.1", "fe80::1", "fe80::1%eth0", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe",
		"fd00:ec2::254", "fd20:ce::254", "100.100.100.200", "::ffff:100.100.100.200", "0.0.0.0", "0.1.2.3", "::", "::ffff:0.0.0.0",
		"224.0.0.1", "239.1.1.1", "ff02::1", "255.255.255.255",
	} {
		var fe *fault.Error
		if err := CheckAddress(netip.MustParseAddr(text)); !errors.As(err, &fe) || fe.Code != CodeAddressRefused {
			t.Errorf("%s: %v, want %s", text, err, CodeAddressRefused)
		}
	}
}

func get(t *testing.T, url string) (*http.Response, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	client := NewClient()
	t.Cleanup(client.CloseIdleConnections)
	return client.Do(req)
}

func TestClientNeverDialsMetadata(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"http://169.254.169.254/latest", "http://[::ffff:169.254.169.254]/", "http://0.0.0.0:1/", "http://[fd00:ec2::254]/"} {
		resp, err := get(t, url)
		if err == nil {
			_ = resp.Body.Close()
		}
		var fe *fault.Error
		if !errors.As(err, &fe) || fe.Code != CodeAddressRefused {
			t.Errorf("%s: %v, want %s", url, err, CodeAddressRefused)
		}
	}
}

func TestClientFollowsNoRedirect(t *testing.T) {
	t.Parallel()
	var followed bool
	mux := http.NewServeMux()
	mux.Handle("/", http.RedirectHandler("/elsewhere", http.StatusFound))
	mux.HandleFunc("/elsewhere", func(http.ResponseWriter, *http.Request) { followed = true })
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	resp, err := get(t, server.URL)
	if resp != nil {
		_ = resp.Body.Close()
	}
	var fe *fault.Error
	if !errors.As(err, &fe) || fe.Code != CodeRedirected || followed {
		t.Errorf("Get = %v, followed %v; want %s", err, followed, CodeRedirected)
	}
}

func TestClientUsesNoProxy(t *testing.T) {
	t.Parallel()
	if NewTransport().Proxy != nil {
		t.Error("the transport takes a proxy from the environment")
	}
}
