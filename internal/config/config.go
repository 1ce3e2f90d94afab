// Package config reads a node's settings from FULLSYNC_* variables and the matching flags. It reads and checks them once;
// nothing reads the environment afterwards.
package config

import (
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"time"
)

// prefix is what the name of every variable starts with.
const prefix = "FULLSYNC_"

// DefaultBatchSize is the BatchSize of a node whose operator chose none.
const DefaultBatchSize = 1000

// Config holds all settings of a node. Its tags define each variable's name, default, shape (what a value looks like, for
// error messages) and meaning (for help texts and documents).
type Config struct {
	Listen         string        `env:"LISTEN" envDefault:"127.0.0.1:8080" shape:"an address and port such as 127.0.0.1:8080 or :8080" meaning:"Address and port of the API."`
	DatabaseURL    Secret        `env:"DATABASE_URL" shape:"an address such as postgres://user:password@host:5432/fullsync, or empty for SQLite" meaning:"PostgreSQL database to use; if empty, SQLite in the data directory."`
	DataDir        string        `env:"DATA_DIR" envDefault:"./data" shape:"a directory such as ./data" meaning:"Directory for the SQLite database and the generated secret."`
	TLSCert        string        `env:"TLS_CERT" shape:"a file such as /etc/fullsync/tls.crt, together with FULLSYNC_TLS_KEY" meaning:"File with the certificate (PEM, with its chain) if the API is to speak TLS itself; if empty, it speaks plain HTTP. It is read again when it changes."`
	TLSKey         string        `env:"TLS_KEY" shape:"a file such as /etc/fullsync/tls.key, together with FULLSYNC_TLS_CERT" meaning:"File with the key of that certificate."`
	NodeID         string        `env:"NODE_ID" shape:"1 to 64 letters, digits, dots, underscores and hyphens, beginning with a letter or digit, such as branch-2" meaning:"Id of this node; if empty, the first start makes one and keeps it in the database."`
	NodeName       string        `env:"NODE_NAME" shape:"1 to 200 printable characters" meaning:"Name of this node for people; if empty, the id."`
	JWTSecret      Secret        `env:"JWT_SECRET" shape:"at least 32 bytes, such as the output of openssl rand -base64 32" meaning:"Secret that signs tokens and encrypts the tokens of peers; the same on every replica. If empty, serve makes one in the data directory. Set it in the environment rather than as a flag, which others on the machine can see."`
	CORSOrigins    []string      `env:"CORS_ORIGINS" shape:"a list of origins such as https://admin.example.com,http://localhost:5173" meaning:"Origins of browser applications that may call the API, separated by commas."`
	TrustedProxies []string      `env:"TRUSTED_PROXIES" shape:"a list of addresses and networks such as 10.0.0.5,192.168.0.0/16" meaning:"Reverse proxies whose X-Forwarded-For and X-Forwarded-Prefix are believed, separated by commas. Failed logins are slowed per address, and without this everybody behind a proxy has the proxy's address."`
	LoginTTL       time.Duration `env:"LOGIN_TTL" envDefault:"1h" shape:"a duration from 1m to 24h such as 1h" meaning:"How long a login lasts; there is no renewal."`

	OIDCIssuer    string   `env:"OIDC_ISSUER" shape:"the issuer of an identity provider such as https://login.example.com/realms/shop, together with FULLSYNC_OIDC_KEYS_URL, FULLSYNC_OIDC_AUDIENCE and FULLSYNC_OIDC_ROLES" meaning:"Identity provider whose tokens the API accepts beside its own, as they name it (iss); if empty, there is none."`
	OIDCKeysURL   string   `env:"OIDC_KEYS_URL" shape:"an https address (http for this machine) such as https://login.example.com/realms/shop/protocol/openid-connect/certs" meaning:"Where the provider publishes its keys (JWKS). They are read every five minutes, and when a token has an unknown one."`
	OIDCAudience  string   `env:"OIDC_AUDIENCE" shape:"a text such as fullsync" meaning:"What such tokens must be meant for (aud)."`
	OIDCNameClaim string   `env:"OIDC_NAME_CLAIM" envDefault:"sub" shape:"the name of a claim such as preferred_username" meaning:"Claim with the caller's name, which shows as startedBy and cancelledBy."`
	OIDCRoleClaim string   `env:"OIDC_ROLE_CLAIM" envDefault:"role" shape:"the name of a claim such as realm_access.roles" meaning:"Claim with the caller's roles, a text or a list; a dot leads into an object."`
	OIDCRoles     []string `env:"OIDC_ROLES" shape:"a list such as shop-admins=admin,shop-staff=operator; the roles are viewer, operator and admin" meaning:"Which role here a value of that claim stands for, separated by commas; the strongest counts, and without any the answer is 403."`

	BatchSize            int `env:"BATCH_SIZE" envDefault:"1000" shape:"a whole number from 1 to 5000" meaning:"Products per batch, unless the start says otherwise. Where it is left at 1000, the batches of a first load grow while they are quick."`
	MaxProductsPerSecond int `env:"MAX_PRODUCTS_PER_SECOND" envDefault:"0" shape:"a whole number, 0 for no limit" meaning:"Speed limit for every session of this node, in products per second; 0 is no limit."`
	MaxDeletes           int `env:"MAX_DELETES" envDefault:"10000" shape:"a whole number from 0 to 10000000" meaning:"How many products a sync with deleteMissing may delete without approval, even if its start asks for more."`
	MaxDeletePercent     int `env:"MAX_DELETE_PERCENT" envDefault:"50" shape:"a whole number from 0 to 100" meaning:"What percentage of the products from one source a sync with deleteMissing may delete without approval, even if its start asks for more."`
	SyncWorkers          int `env:"SYNC_WORKERS" envDefault:"4" shape:"a whole number from 1 to 64" meaning:"Sessions that one replica runs at once, and pushes of which it reads the products at once."`

	HeartbeatInterval time.Duration `env:"HEARTBEAT_INTERVAL" envDefault:"2s" shape:"a duration from 50ms to 5m such as 2s" meaning:"How often a worker proves that it is alive."`
	StaleAfter        time.Duration `env:"STALE_AFTER" envDefault:"15s" shape:"a duration of at least three times FULLSYNC_HEARTBEAT_INTERVAL such as 15s" meaning:"How old a worker's last heartbeat must be for the worker to count as dead."`
	MaxTakeovers      int           `env:"MAX_TAKEOVERS" envDefault:"3" shape:"a whole number from 0 to 100" meaning:"How often in a row a session may be taken over without a new batch before it fails."`
	RequestTimeout    time.Duration `env:"REQUEST_TIMEOUT" envDefault:"60s" shape:"a duration above zero such as 60s" meaning:"Time limit for one request to a peer, including the whole answer."`
	PeerCheckInterval time.Duration `env:"PEER_CHECK_INTERVAL" envDefault:"30s" shape:"a duration from 50ms to 1h such as 30s, or 0 for never" meaning:"How often each switched-on peer is checked; 0 is never."`
	BatchTimeout      time.Duration `env:"BATCH_TIMEOUT" envDefault:"60s" shape:"a duration above zero such as 60s" meaning:"Time limit for one try to commit a batch."`
	SessionTimeout    time.Duration `env:"SESSION_TIMEOUT" envDefault:"24h" shape:"a duration of at least 1s such as 24h" meaning:"Time limit for a session, unless its start says otherwise (timeoutSeconds)."`
	ResumeWithin      time.Duration `env:"RESUME_WITHIN" envDefault:"168h" shape:"a duration above zero such as 168h" meaning:"How long a session can be resumed after it has ended."`
	KeepSessionsFor   time.Duration `env:"KEEP_SESSIONS_FOR" envDefault:"2160h" shape:"a duration above zero such as 2160h" meaning:"How long finished sessions stay in the history."`
	KeepSessions      int           `env:"KEEP_SESSIONS" envDefault:"1000" shape:"a whole number, 0 or more" meaning:"How many finished sessions are kept however old they are."`
	KeepChanges       time.Duration `env:"KEEP_CHANGES" envDefault:"720h" shape:"a duration such as 720h, or 0 to keep none" meaning:"How long it is kept what a session changed, after its end; 0 keeps nothing. A session whose changes are gone cannot be looked through or undone."`
	KeepAudit         time.Duration `env:"KEEP_AUDIT" envDefault:"8760h" shape:"a duration of at least 720h such as 8760h" meaning:"How long the audit log keeps its entries; the database removes none that is younger than 720h."`
	ShutdownTimeout   time.Duration `env:"SHUTDOWN_TIMEOUT" envDefault:"10s" shape:"a duration above zero such as 10s" meaning:"How long running requests and sessions have to end when the node stops."`

	StagingDir   string `env:"STAGING_DIR" shape:"a directory such as /var/tmp" meaning:"Directory for the temporary files in which feeds are sorted; if empty, the system's. They are removed after use, and after a crash at the next start."`
	StagingLimit int    `env:"STAGING_LIMIT" envDefault:"10240" shape:"a whole number of MiB, 0 for no limit" meaning:"The most that one such file may take, in MiB; 0 is no limit."`

	MetricsListen string `env:"METRICS_LISTEN" shape:"an address and port such as 127.0.0.1:9090, or empty" meaning:"Address and port where /metrics needs no token; if empty, the API serves it, for a token of any role."`
	PprofListen   string `env:"PPROF_LISTEN" shape:"an address of this machine such as 127.0.0.1:6060, or empty" meaning:"Address and port of Go's profiler (/debug/pprof/); it needs no token and shows the node's memory, so it must be a loopback address. If empty, there is none."`

	LogLevel  slog.Level `env:"LOG_LEVEL" envDefault:"info" shape:"one of debug, info, warn and error" meaning:"Lowest level that is logged."`
	LogFormat string     `env:"LOG_FORMAT" envDefault:"text" shape:"text or json" meaning:"Format of the log."`
}

// The log formats.
const (
	LogText = "text"
	LogJSON = "json"
)

// Secret is text that never shows in a log or message. Convert it to string where it is used.
type Secret string

// redacted is shown in place of a secret that is set.
const redacted = "[set]"

// String says only whether the secret is set.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return redacted
}

// GoString says only whether the secret is set.
func (s Secret) GoString() string { return fmt.Sprintf("%q", s.String()) }

// LogValue says only whether the secret is set.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText says only whether the secret is set.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Variable describes one setting.
type Variable struct {
	// Name is the variable ("FULLSYNC_LISTEN"), Flag the matching flag ("listen").
	Name string
	Flag string
	// Default is empty if there is none.
	Default string
	// Shape is what a value looks like, Meaning what it is for.
	Shape   string
	Meaning string
	Secret  bool
}

// Variables returns every setting in the order of the documentation.
func Variables() []Variable {
	t := reflect.TypeFor[Config]()
	out := make([]Variable, 0, t.NumField())
	for i := range t.NumField() {
		f := t.Field(i)
		name := f.Tag.Get("env")
		out = append(out, Variable{
			Name:    prefix + name,
			Flag:    strings.ToLower(strings.ReplaceAll(name, "_", "-")),
			Default: f.Tag.Get("envDefault"),
			Shape:   f.Tag.Get("shape"),
			Meaning: f.Tag.Get("meaning"),
			Secret:  f.Type == reflect.TypeFor[Secret](),
		})
	}
	return out
}

// ownSettings are those that may differ from replica to replica.
var ownSettings = []string{"LISTEN", "DATA_DIR", "TLS_CERT", "TLS_KEY", "METRICS_LISTEN", "PPROF_LISTEN", "LOG_LEVEL", "LOG_FORMAT"}

// Shared returns the settings that are the same on every replica, by variable name, with secrets redacted.
func (c Config) Shared() map[string]string {
	all := map[string]string{}
	for i, v := range Variables() {
		if !slices.Contains(ownSettings, strings.TrimPrefix(v.Name, prefix)) {
			all[v.Name] = fmt.Sprint(reflect.ValueOf(c).Field(i).Interface())
		}
	}
	return all
}

// String returns all settings by variable name, with secrets redacted.
func (c Config) String() string {
	var b strings.Builder
	for i, v := range Variables() {
		if i > 0 {
			b.WriteByte(' ')
		}
		fmt.Fprintf(&b, "%s=%v", v.Name, reflect.ValueOf(c).Field(i).Interface())
	}
	return b.String()
}

// GoString is String, so that no verb prints the secrets of a Config.
func (c Config) GoString() string { return c.String() }

// LogValue returns all settings by flag name, with secrets redacted.
func (c Config) LogValue() slog.Value {
	variables := Variables()
	attrs := make([]slog.Attr, len(variables))
	for i, v := range variables {
		attrs[i] = slog.Any(v.Flag, reflect.ValueOf(c).Field(i).Interface())
	}
	return slog.GroupValue(attrs...)
}
