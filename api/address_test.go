package api

import "testing"

func TestATrustedProxyIsANetwork(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"proxy", "10.0.0.1", "10.0.0.0/33", ""} {
		if _, err := callerAddress([]string{text}); err == nil {
			t.Errorf("%q is taken for a network", text)
		}
	}
}
