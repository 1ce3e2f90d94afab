package config

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"fullsync/internal/fault"
)

func TestDefaults(t *testing.T) {
	t.Parallel()
	c, warnings, err := Load(nil, nil)
	if err != nil || len(warnings) != 0 {
		t.Fatalf("Load = %v, %v", warnings, err)
	}
	want := Config{
		Listen: "127.0.0.1:8080", DataDir: "./data", BatchSize: 1000, SyncWorkers: 4,
		HeartbeatInterval: 2 * time.Second, StaleAfter: 15 * time.Second,
		RequestTimeout: time.Minute, ShutdownTimeout: 10 * time.Second, LogLevel: slog.LevelInfo, LogFormat: "text",
		MaxDeletes: 10_000, MaxDeletePercent: 50, MaxTakeovers: 3, BatchTimeout: time.Minute, SessionTimeout: 24 * time.Hour, ResumeWithin: 7 * 24 * time.Hour,
		KeepSessionsFor: 90 * 24 * time.Hour, KeepSessions: 1000, KeepChanges: 30 * 24 * time.Hour, KeepAudit: 8760 * time.Hour,
		LoginTTL: time.Hour, OIDCNameClaim: "sub", OIDCRoleClaim: "role", PeerCheckInterval: 30 * time.Second, StagingLimit: 10240,
	}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("Load = %v\nwant %v", c, want)
	}
}

func TestEveryVariableIsRead(t *testing.T) {
	t.Parallel()
	environ := map[string]string{
		"FULLSYNC_LISTEN": ":9000", "FULLSYNC_DATABASE_URL": "postgres://u:p@db/f", "FULLSYNC_DATA_DIR": "/tmp/x",
		"FULLSYNC_NODE_ID": "branch-2", "FULLSYNC_NODE_NAME": "Branch Zwei ✓", "FULLSYNC_JWT_SECRET": strings.Repeat("s", 32),
		"FULLSYNC_CORS_ORIGINS": "https://Admin.example.com:443, http://localhost:5173,https://admin.example.com,",
		"FULLSYNC_BATCH_SIZE":   "5000", "FULLSYNC_MAX_PRODUCTS_PER_SECOND": "7", "FULLSYNC_SYNC_WORKERS": "64",
		"FULLSYNC_HEARTBEAT_INTERVAL": "50ms", "FULLSYNC_STALE_AFTER": "150ms", "FULLSYNC_REQUEST_TIMEOUT": "1s",
		"FULLSYNC_SHUTDOWN_TIMEOUT": "2m", "FULLSYNC_LOG_LEVEL": "debug", "FULLSYNC_LOG_FORMAT": "json",
		"FULLSYNC_MAX_DELETES": "8", "FULLSYNC_MAX_DELETE_PERCENT": "9", "FULLSYNC_MAX_TAKEOVERS": "0", "FULLSYNC_BATCH_TIMEOUT": "3s", "FULLSYNC_SESSION_TIMEOUT": "1s", "FULLSYNC_RESUME_WITHIN": "4s",
		"FULLSYNC_KEEP_SESSIONS_FOR": "5s", "FULLSYNC_KEEP_SESSIONS": "6", "FULLSYNC_KEEP_CHANGES": "7s", "FULLSYNC_KEEP_AUDIT": "720h",
		"FULLSYNC_TRUSTED_PROXIES": "10.0.0.5, 192.168.0.0/16,::1", "FULLSYNC_LOGIN_TTL": "1m",
		"FULLSYNC_OIDC_ISSUER": "https://login.example.com", "FULLSYNC_OIDC_KEYS_URL": "https://login.example.com/keys", "FULLSYNC_OIDC_AUDIENCE": "fullsync",
		"FULLSYNC_OIDC_NAME_CLAIM": "name", "FULLSYNC_OIDC_ROLE_CLAIM": "a.b", "FULLSYNC_OIDC_ROLES": "x=admin,y=z=viewer",
		"FULLSYNC_PEER_CHECK_INTERVAL": "50ms",
		"FULLSYNC_TLS_CERT":            "a.crt", "FULLSYNC_TLS_KEY": "a.key",
		"FULLSYNC_STAGING_DIR": "/var/tmp", "FULLSYNC_STAGING_LIMIT": "8",
		"FULLSYNC_METRICS_LISTEN": ":9090", "FULLSYNC_PPROF_LISTEN": "[::1]:6060",
	}
	c, warnings, err := Load(environ, nil)
	if err != nil || len(warnings) != 0 {
		t.Fatalf("Load = %v, %v", warnings, err)
	}
	want := Config{
		Listen: ":9000", DatabaseURL: "postgres://u:p@db/f", DataDir: "/tmp/x", NodeID: "branch-2", NodeName: "Branch Zwei ✓",
		JWTSecret: Secret(strings.Repeat("s", 32)), CORSOrigins: []string{"https://admin.example.com", "http://localhost:5173"},
		BatchSize: 5000, MaxProductsPerSecond: 7, SyncWorkers: 64, HeartbeatInterval: 50 * time.Millisecond,
		StaleAfter: 150 * time.Millisecond, RequestTimeout: time.Second, ShutdownTimeout: 2 * time.Minute,
		LogLevel: slog.LevelDebug, LogFormat: "json",
		MaxDeletes: 8, MaxDeletePercent: 9, MaxTakeovers: 0, BatchTimeout: 3 * time.Second, SessionTimeout: time.Second, ResumeWithin: 4 * time.Second,
		KeepSessionsFor: 5 * time.Second, KeepSessions: 6, KeepChanges: 7 * time.Second, KeepAudit: 720 * time.Hour,
		TrustedProxies: []string{"10.0.0.5/32", "192.168.0.0/16", "::1/128"}, LoginTTL: time.Minute, OIDCIssuer: "https://login.example.com", OIDCKeysURL: "https://login.example.com/keys", OIDCAudience: "fullsync",
		OIDCNameClaim: "name", OIDCRoleClaim: "a.b", OIDCRoles: []string{"x=admin", "y=z=viewer"},
		PeerCheckInterval: 50 * time.Millisecond,
		TLSCert:           "a.crt", TLSKey: "a.key",
		StagingDir: "/var/tmp", StagingLimit: 8, MetricsListen: ":9090", PprofListen: "[::1]:6060",
	}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("Load = %v\nwant %v", c, want)
	}
	for _, v := range Variables() {
		if _, ok := environ[v.Name]; !ok {
			t.Errorf("%s is not in this test", v.Name)
		}
		if v.Meaning == "" || v.Shape == "" {
			t.Errorf("%s has no meaning or shape", v.Name)
		}
	}
}

func TestWrongValuesNameTheirVariable(t *testing.T) {
	t.Parallel()
	for name, values := range map[string][]string{
		"FULLSYNC_LISTEN":                  {"8080", "localhost", "127.0.0.1:http", "127.0.0.1:70000", "http://127.0.0.1:80"},
		"FULLSYNC_DATABASE_URL":            {"mysql://u:hidden@h/db", "file.db", "postgres:db", "://hidden"},
		"FULLSYNC_NODE_ID":                 {"-a", "a b", strings.Repeat("a", 65), "ä"},
		"FULLSYNC_NODE_NAME":               {"a\tb", strings.Repeat("a", 201)},
		"FULLSYNC_JWT_SECRET":              {"hidden", strings.Repeat("h", 31)},
		"FULLSYNC_CORS_ORIGINS":            {"*", "https://*.example.com", "example.com", "https://a/", "https://a/b", "https://u@a", "https://a?b", "ftp://a", "https://", "https://a:"},
		"FULLSYNC_TRUSTED_PROXIES":         {"proxy", "10.0.0.0/33", "10.0.0", "0.0.0.0/0", "::/0", "10.0.0.5:80", "*"},
		"FULLSYNC_OIDC_KEYS_URL":           {"http://login.example.com/keys", "ftp://x", "x"},
		"FULLSYNC_OIDC_ROLES":              {"x", "=admin", "x=node", "x=root"},
		"FULLSYNC_LOGIN_TTL":               {"59s", "25h", "0", "-1h", "soon"},
		"FULLSYNC_BATCH_SIZE":              {"0", "5001", "-1", "many", "1.5"},
		"FULLSYNC_MAX_PRODUCTS_PER_SECOND": {"-1", "fast"},
		"FULLSYNC_SYNC_WORKERS":            {"0", "65", "x"},
		"FULLSYNC_HEARTBEAT_INTERVAL":      {"2", "0s", "-1s", "10m", "soon"},
		"FULLSYNC_STALE_AFTER":             {"5s", "15", "-15s"},
		"FULLSYNC_REQUEST_TIMEOUT":         {"0s", "-1s", "x"},
		"FULLSYNC_PEER_CHECK_INTERVAL":     {"49ms", "2h", "-1s", "x"},
		"FULLSYNC_KEEP_CHANGES":            {"-1s", "30d"},
		"FULLSYNC_KEEP_AUDIT":              {"719h", "0", "1y"},
		"FULLSYNC_SHUTDOWN_TIMEOUT":        {"0s", "x"},
		"FULLSYNC_METRICS_LISTEN":          {"9090", "127.0.0.1:http"},
		"FULLSYNC_STAGING_LIMIT":           {"-1", "10GiB", "2147483648"},
		"FULLSYNC_PPROF_LISTEN":            {"6060", ":6060", "0.0.0.0:6060", "192.168.0.1:6060", "example.com:6060"},
		"FULLSYNC_LOG_LEVEL":               {"loud"},
		"FULLSYNC_LOG_FORMAT":              {"xml", "JSON"},
	} {
		for _, value := range values {
			_, _, err := Load(map[string]string{name: value}, nil)
			var fe *fault.Error
			if !errors.As(err, &fe) || fe.Kind != fault.Invalid {
				t.Errorf("%s=%q: %v, want Invalid", name, value, err)
				continue
			}
			if !slices.ContainsFunc(fe.Details, func(d fault.Detail) bool { return d.Field == name }) ||
				!strings.Contains(fe.Message, name+" must be ") {
				t.Errorf("%s=%q: the error does not name the variable: %v", name, value, fe)
			}
			if strings.Contains(err.Error(), "hidden") {
				t.Errorf("%s: a secret is in the error: %v", name, err)
			}
		}
	}
}

func TestAllProblemsAtOnce(t *testing.T) {
	t.Parallel()
	_, _, err := Load(map[string]string{
		"FULLSYNC_LISTEN": "x", "FULLSYNC_BATCH_SIZE": "many", "FULLSYNC_STALE_AFTER": "1s", "FULLSYNC_LOG_FORMAT": "xml",
	}, nil)
	var fe *fault.Error
	if !errors.As(err, &fe) {
		t.Fatal(err)
	}
	var got []string
	for _, d := range fe.Details {
		got = append(got, d.Field)
	}
	slices.Sort(got)
	want := []string{"FULLSYNC_BATCH_SIZE", "FULLSYNC_LISTEN", "FULLSYNC_LOG_FORMAT", "FULLSYNC_STALE_AFTER"}
	if !slices.Equal(got, want) {
		t.Errorf("problems with %v, want %v", got, want)
	}
}

func TestStarIsRefusedWithAReason(t *testing.T) {
	t.Parallel()
	_, _, err := Load(map[string]string{"FULLSYNC_CORS_ORIGINS": "https://a.example,*"}, nil)
	if got := fault.Sentence(err, ""); !strings.Contains(got, "every web page") {
		t.Errorf("sentence %q", got)
	}
}

func TestEmptyCountsAsNotSet(t *testing.T) {
	t.Parallel()
	c, _, err := Load(map[string]string{"FULLSYNC_BATCH_SIZE": "", "FULLSYNC_LISTEN": "  ", "FULLSYNC_NODE_ID": ""}, nil)
	if err != nil || c.BatchSize != 1000 || c.Listen != "127.0.0.1:8080" {
		t.Errorf("Load = %v, %v", c, err)
	}
}

func TestTypoIsNoticed(t *testing.T) {
	t.Parallel()
	_, warnings, err := Load(map[string]string{
		"FULLSYNC_LISTN": ":1", "FULLSYNC_URL": "x", "FULLSYNC_TOKEN": "x", "FULLSYNC_REQUIRE_POSTGRES": "1",
		"FULLSYNC_REQUIRE_BROWSER": "1", "FULLSYNC_REQUIRE_PGBOUNCER": "1", "FULLSYNC_NODE_MODULES": "/x", "PATH": "/bin",
	}, nil)
	if err != nil || len(warnings) != 1 || !strings.HasPrefix(warnings[0], "FULLSYNC_LISTN ") {
		t.Errorf("Load = %q, %v", warnings, err)
	}
}

func TestFlagsBeatTheEnvironment(t *testing.T) {
	t.Parallel()
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	set := Bind(flags)
	if err := flags.Parse([]string{"--listen", ":1", "--heartbeat-interval=3s"}); err != nil {
		t.Fatal(err)
	}
	c, _, err := Load(Environ([]string{"FULLSYNC_LISTEN=:2", "FULLSYNC_BATCH_SIZE=9", "HOME=/x"}), set())
	if err != nil || c.Listen != ":1" || c.HeartbeatInterval != 3*time.Second || c.BatchSize != 9 {
		t.Errorf("Load = %v, %v", c, err)
	}
	some := flag.NewFlagSet("migrate", flag.ContinueOnError)
	Bind(some, "database-url")
	if some.Lookup("database-url") == nil || some.Lookup("listen") != nil {
		t.Error("Bind added flags it was not asked for")
	}
}

func TestSecretsAreNeverPrinted(t *testing.T) {
	t.Parallel()
	secret := strings.Repeat("hidden", 8)
	c, _, err := Load(map[string]string{
		"FULLSYNC_JWT_SECRET": secret, "FULLSYNC_DATABASE_URL": "postgres://u:hidden@db/f", "FULLSYNC_NODE_ID": "branch-2",
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("start", "config", c, "secret", c.JWTSecret)
	for _, text := range []string{
		c.String(), fmt.Sprint(c), fmt.Sprintf("%+v %#v", c, c), fmt.Sprintf("%s %v %q %#v %x", c.JWTSecret, c.JWTSecret, c.JWTSecret, c.JWTSecret, c.JWTSecret),
		log.String(),
	} {
		if strings.Contains(text, "hidden") || strings.Contains(text, fmt.Sprintf("%x", "hidden")) {
			t.Errorf("a secret shows in %s", text)
		}
	}
	if !strings.Contains(c.String(), "FULLSYNC_JWT_SECRET=[set]") || !strings.Contains(log.String(), `"node-id":"branch-2"`) {
		t.Errorf("the settings are missing from: %s\n%s", c, log.String())
	}
	if string(c.JWTSecret) != secret {
		t.Error("the secret itself was changed")
	}
}
