package config_test

import (
	"fmt"
	"strings"
	"testing"

	"fullsync/internal/config"
)

// TestSettingsForPeople: they are written as the variables take them, say what is the default, and hold no secret.
func TestSettingsForPeople(t *testing.T) {
	t.Parallel()
	const secret = "0123456789abcdef0123456789abcdef"
	environ := map[string]string{
		"FULLSYNC_DATABASE_URL": "postgres://shop:pass-word@db:5432/fullsync?sslpassword=key-word", "FULLSYNC_JWT_SECRET": secret,
		"FULLSYNC_REQUEST_TIMEOUT": "1m", "FULLSYNC_LOGIN_TTL": "90m", "FULLSYNC_PEER_CHECK_INTERVAL": "0", "FULLSYNC_LOG_LEVEL": "warn",
		"FULLSYNC_CORS_ORIGINS": "https://a.example.com, https://b.example.com", "FULLSYNC_BATCH_SIZE": "20",
	}
	c, _, err := config.Load(environ, nil)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]config.Setting{}
	for _, s := range c.Settings() {
		all[strings.TrimPrefix(s.Name, "FULLSYNC_")] = s
	}
	if len(all) != len(config.Variables()) {
		t.Errorf("%d settings of %d", len(all), len(config.Variables()))
	}
	for name, want := range map[string]string{
		"DATABASE_URL":    "postgres://shop@db:5432/fullsync set=true default=false own=false secret=false",
		"JWT_SECRET":      " set=true default=false own=false secret=true",
		"REQUEST_TIMEOUT": "60s set=true default=true own=false secret=false",
		"LOGIN_TTL":       "1h30m set=true default=false own=false secret=false",
		"LOG_LEVEL":       "warn set=true default=false own=true secret=false",
		"CORS_ORIGINS":    "https://a.example.com,https://b.example.com set=true default=false own=false secret=false",
		"BATCH_SIZE":      "20 set=true default=false own=false secret=false",
		"TLS_CERT":        " set=false default=true own=true secret=false",
	} {
		s := all[name]
		if got := fmt.Sprintf("%s set=%v default=%v own=%v secret=%v", s.Value, s.Set, s.IsDefault, s.Own, s.Secret); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	if s := all["PEER_CHECK_INTERVAL"]; s.Value != "0s" || s.IsDefault {
		t.Errorf("never to check peers: %+v", s)
	}
	for _, word := range []string{secret, "pass-word", "key-word"} {
		if strings.Contains(fmt.Sprint(all), word) {
			t.Errorf("%s shows", word)
		}
	}
}
