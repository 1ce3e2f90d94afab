package peer

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"net/textproto"
	"net/url"
	"path"
	"slices"
	"strings"

	"fullsync/internal/catalog"
	"fullsync/internal/fault"
)

// KindFeed is a file or a list of another system at a URL. Products are pulled from it; nothing is ever pushed to it.
const KindFeed Kind = "feed"

// Feed says how to read a peer of kind [KindFeed]. What is empty is found out from the feed itself.
type Feed struct {
	// Catalog is the catalog of this node that the feed's products go to.
	Catalog string `json:"catalog,omitempty"`
	// Format is ndjson, json, csv, tsv or xml, and Preset the system that the feed comes from.
	Format string `json:"format,omitempty"`
	Preset string `json:"preset,omitempty"`
	// Mapping has the column of a field, and Defaults what a field is where its column is empty.
	Mapping  map[string]string `json:"mapping,omitempty"`
	Defaults map[string]string `json:"defaults,omitempty"`
	// Decimal and Unit say how to read prices, Encoding and Delimiter how to read the text.
	Decimal   string `json:"decimal,omitempty"`
	Unit      string `json:"unit,omitempty"`
	Encoding  string `json:"encoding,omitempty"`
	Delimiter string `json:"delimiter,omitempty"`
	// AuthKind is the kind of the stored [Auth], "" if there is none.
	AuthKind AuthKind `json:"authKind,omitempty"`
}

// FeedChange changes how a feed is read. Nil members stay as they are.
type FeedChange struct {
	Catalog, Format, Preset            *string
	Mapping, Defaults                  *map[string]string
	Decimal, Unit, Encoding, Delimiter *string
}

// given reports whether anything is to change.
func (c FeedChange) given() bool { return c != FeedChange{} }

// applied returns f with the changes.
func (c FeedChange) applied(f Feed) Feed {
	for _, one := range []struct {
		to   *string
		from *string
	}{
		{&f.Catalog, c.Catalog}, {&f.Format, c.Format}, {&f.Preset, c.Preset}, {&f.Decimal, c.Decimal},
		{&f.Unit, c.Unit}, {&f.Encoding, c.Encoding}, {&f.Delimiter, c.Delimiter},
	} {
		if one.from != nil {
			*one.to = *one.from
		}
	}
	if c.Mapping != nil {
		f.Mapping = *c.Mapping
	}
	if c.Defaults != nil {
		f.Defaults = *c.Defaults
	}
	return f
}

// Feeds reads the feeds of peers.
type Feeds interface {
	// CheckFeed returns Invalid unless feeds can be read in this way.
	CheckFeed(f Feed) error
	// Preview reads the first records of a feed. Reached is also set next to an error if something there spoke HTTP.
	Preview(ctx context.Context, target Target) (Preview, error)
}

// Preview is the beginning of a feed.
type Preview struct {
	Reached bool
	// Found says in a sentence what the feed is and which column each field comes from. Hints are sentences about what may be wrong.
	Found string
	Hints []string
	// Sample are the first records, as they would come in.
	Sample []catalog.Record
}

// AuthKind says how a feed's server is asked.
type AuthKind string

// The kinds.
const (
	// AuthBearer sends a token: Authorization: Bearer TOKEN.
	AuthBearer AuthKind = "bearer"
	// AuthBasic sends a user name and a password.
	AuthBasic AuthKind = "basic"
	// AuthHeader sends a header of any name, and AuthQuery adds a parameter to the URL.
	AuthHeader AuthKind = "header"
	AuthQuery  AuthKind = "query"
)

// Auth is what a feed's server wants to see. It is stored sealed. Its zero value is none.
type Auth struct {
	Kind AuthKind `json:"kind"`
	// Token is that of AuthBearer.
	Token string `json:"token,omitempty"`
	// Username and Password are those of AuthBasic.
	Username string `json:"username,omitempty"`
	Password string `json:"password,omitempty"`
	// Name and Value are those of AuthHeader and AuthQuery.
	Name  string `json:"name,omitempty"`
	Value string `json:"value,omitempty"`
}

// String names the kind and nothing secret.
func (a Auth) String() string { return "auth " + string(a.Kind) }

// GoString is String.
func (a Auth) GoString() string { return a.String() }

// Apply puts it into a request.
func (a Auth) Apply(r *http.Request) {
	switch a.Kind {
	case AuthBearer:
		r.Header.Set("Authorization", "Bearer "+a.Token)
	case AuthBasic:
		r.SetBasicAuth(a.Username, a.Password)
	case AuthHeader:
		r.Header.Set(a.Name, a.Value)
	case AuthQuery:
		q := r.URL.Query()
		q.Set(a.Name, a.Value)
		r.URL.RawQuery = q.Encode()
	}
}

// check returns Invalid unless all that its kind needs is there, in a form that HTTP can carry, and nothing else.
func (a Auth) check() error {
	need := map[AuthKind][]string{
		AuthBearer: {"token"}, AuthBasic: {"username", "password"}, AuthHeader: {"name", "value"}, AuthQuery: {"name", "value"},
	}[a.Kind]
	if need == nil {
		return invalid("auth.kind", "must be bearer, basic, header or query")
	}
	for _, one := range []struct{ name, value string }{
		{"token", a.Token}, {"username", a.Username}, {"password", a.Password}, {"name", a.Name}, {"value", a.Value},
	} {
		field := "auth." + one.name
		switch wanted := slices.Contains(need, one.name); {
		case wanted && one.value == "":
			return invalid(field, "is required for auth of kind "+string(a.Kind))
		case !wanted && one.value != "":
			return invalid(field, "must not be given for auth of kind "+string(a.Kind))
		case len(one.value) > MaxToken:
			return invalid(field, "must not be longer than 8192 characters")
		case strings.ContainsFunc(one.value, func(c rune) bool { return c < ' ' || c > '~' }):
			return invalid(field, "must be one line of plain characters")
		}
	}
	switch {
	case a.Kind == AuthBasic && strings.Contains(a.Username, ":"):
		return invalid("auth.username", "must not hold a colon")
	case a.Kind == AuthHeader && strings.ContainsFunc(a.Name, notInHeaderName):
		return invalid("auth.name", "must be the name of a header, such as X-Api-Key")
	case a.Kind == AuthHeader && slices.Contains(ownHeaders(), textproto.CanonicalMIMEHeaderKey(a.Name)):
		return invalid("auth.name", "must not be a header that fullsync sets itself")
	}
	return nil
}

func notInHeaderName(c rune) bool {
	return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("!#$%&'*+-.^_`|~", c)
}

// ownHeaders are those that belong to the request itself.
func ownHeaders() []string {
	return []string{"Host", "Accept", "Accept-Encoding", "Connection", "Content-Length", "Transfer-Encoding", "If-None-Match", "If-Modified-Since",
		"Te", "Trailer", "Upgrade", "Range"}
}

// sealAuth encrypts auth. It returns nil for none.
func (r *Registry) sealAuth(nodeID string, a Auth) ([]byte, error) {
	if a == (Auth{}) {
		return nil, nil
	}
	if err := a.check(); err != nil {
		return nil, err
	}
	text, err := json.Marshal(a) //nolint:gosec // to be sealed
	if err != nil {
		return nil, fault.New(fault.Internal, "INTERNAL", "Internal error", "The auth of a feed could not be stored.").Because(err)
	}
	return r.sealer.Seal(nodeID, string(text))
}

// feedTarget returns what it takes to read a feed. Returns Impossible if this node's secret does not open its auth.
func (r *Registry) feedTarget(p Peer) (Target, error) {
	feed := p.Feed
	to := Target{NodeID: p.NodeID, URL: p.URL, Kind: KindFeed, Feed: &feed, Seen: p.FeedSeen}
	if len(p.SealedToken) == 0 {
		return to, nil
	}
	text, err := r.sealer.Open(p.NodeID, p.SealedToken)
	if err == nil {
		err = json.Unmarshal([]byte(text), &to.Auth)
	}
	if err != nil {
		return Target{}, fault.New(fault.Impossible, "TOKEN_UNREADABLE", "Token unreadable",
			"The stored auth of feed %s cannot be opened with this node's secret; give the feed its auth again.", p.NodeID).Because(err)
	}
	return to, nil
}

// applyFeed checks what of c concerns feeds, and applies it to p.
func (r *Registry) applyFeed(p *Peer, c Change) error {
	if p.Kind != KindFeed {
		if c.Feed.given() || c.Auth != nil {
			return invalid("kind", "must be feed for format, preset, mapping, catalog, auth and what belongs to them")
		}
		return nil
	}
	if c.Token != nil && *c.Token != "" {
		return invalid("token", "is for peers of kind node; give a feed auth instead")
	}
	p.Feed = c.Feed.applied(p.Feed)
	p.Feed.Catalog = cmp.Or(p.Feed.Catalog, catalog.Default)
	if err := catalog.CheckName(p.Feed.Catalog); err != nil {
		return err
	}
	if err := r.feeds.CheckFeed(p.Feed); err != nil {
		return err
	}
	if c.Auth != nil {
		sealed, err := r.sealAuth(p.NodeID, *c.Auth)
		if err != nil {
			return err
		}
		p.SealedToken, p.Feed.AuthKind = sealed, c.Auth.Kind
	}
	if c.Feed.given() || c.URL != nil {
		p.FeedSeen = FeedSeen{} // what was read is not what would be read now
	}
	return nil
}

// secretParameters are names of parameters that hold secrets in the URLs of shops.
func secretParameters() []string {
	return []string{"consumer_secret", "access_token", "api_key", "apikey", "api_secret", "client_secret", "password", "passwd", "pwd", "secret", "token", "auth"}
}

// ParseFeedURL returns the address of a feed in normal form. Returns Invalid for what [ParseURL] refuses, except for a query, and for a
// query with a parameter that is a secret by its name: everybody who may see peers sees their URLs.
func ParseFeedURL(text string) (string, error) {
	text = strings.TrimSpace(text)
	if len(text) > maxURL {
		return "", invalidURL("must not be longer than 2048 characters")
	}
	u, err := url.Parse(text)
	if err != nil {
		return "", invalidURL("must be an address such as https://shop.example.com/products.csv")
	}
	if u.Fragment != "" || strings.Contains(text, "#") {
		return "", invalidURL("must not hold a fragment")
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return "", invalidURL("must have a query of parameters such as ?per_page=100, with everything else escaped")
	}
	for name := range query {
		if slices.Contains(secretParameters(), strings.ToLower(name)) {
			return "", invalidURL(`must not hold the secret ` + name + `; give it as auth instead: {"kind": "query", "name": "` + name + `", "value": "…"}`)
		}
	}
	bare := *u
	bare.RawQuery, bare.ForceQuery = "", false
	slash := strings.HasSuffix(bare.Path, "/") && path.Clean(bare.Path) != "/"
	base, err := ParseURL(bare.String())
	if err != nil {
		return "", err
	}
	if slash {
		base += "/" // a server may tell the two apart
	}
	if u.RawQuery != "" {
		base += "?" + strings.ReplaceAll(u.RawQuery, " ", "%20")
	}
	if len(base) > maxURL {
		return "", invalidURL("must not be longer than 2048 characters")
	}
	return base, nil
}

// FeedSeen is what a feed was when it was last brought in completely, so that it can be asked whether it has changed since.
type FeedSeen struct {
	// ETag and LastModified are those of the answer.
	ETag         string `json:"etag,omitempty"`
	LastModified string `json:"lastModified,omitempty"`
	// Target stands for the catalog of this node as it was left, and WithDeletes says whether what the feed does not have was deleted.
	Target      string `json:"target,omitempty"`
	WithDeletes bool   `json:"withDeletes,omitempty"`
}

// Known reports whether the feed's server can be asked for changes.
func (s FeedSeen) Known() bool { return s.ETag != "" || s.LastModified != "" }
