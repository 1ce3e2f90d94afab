package peer

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"fullsync/internal/catalog"
	"fullsync/internal/fault"
)

// Store keeps the peers of this node. Every method may also return Unavailable when the database does not answer.
type Store interface {
	// ListPeers returns every peer, ascending by node id.
	ListPeers(ctx context.Context) ([]Peer, error)
	// GetPeer returns one peer, or NotFound (see [Unknown]).
	GetPeer(ctx context.Context, nodeID string) (Peer, error)
	// AddPeer inserts p and sets CreatedAt and UpdatedAt from the database's clock. Returns Conflict (see [Exists]) if a
	// peer with that node id already exists.
	AddPeer(ctx context.Context, p *Peer) error
	// ChangePeer reads the peer for update, calls change, writes NodeName, URL, SealedToken, IsActive, KeepFields, Feed and FeedSeen with a new
	// UpdatedAt, and returns the result, all in one transaction. If change fails, it rolls back and returns that error.
	// Returns NotFound for an unknown peer, and Conflict (see [InUse]) if the change switches off a peer while a session
	// with it is active, checked in the same transaction.
	ChangePeer(ctx context.Context, nodeID string, change func(*Peer) error) (Peer, error)
	// RemovePeer deletes the peer. Returns NotFound for an unknown one, and Conflict (see [InUse]) while a session with it
	// is active, checked in the same transaction.
	RemovePeer(ctx context.Context, nodeID string) error
	// TouchPeer records how talking to a peer went. With an empty lastError it sets LastSeen from the database's clock and
	// clears LastError; otherwise it only sets LastError. An unknown peer is no error, because it may just have been
	// removed.
	TouchPeer(ctx context.Context, nodeID, lastError string) error
	// NoteFeed sets FeedSeen of a peer that has not been changed since it was read at that UpdatedAt. Otherwise it does nothing.
	NoteFeed(ctx context.Context, nodeID string, unchangedSince time.Time, seen FeedSeen) error
}

// Unknown is the NotFound error for a peer that is not registered.
func Unknown(nodeID string) *fault.Error {
	return fault.New(fault.NotFound, "PEER_NOT_FOUND", "Peer not found",
		"There is no peer %s; register it first, or look at the list of peers.", clip(nodeID))
}

// Exists is the Conflict error for a peer that is already registered.
func Exists(nodeID string) *fault.Error {
	return fault.New(fault.Conflict, "PEER_EXISTS", "Peer already exists",
		"Peer %s is registered already; change it instead.", clip(nodeID))
}

// InUseError is the Conflict error for a peer that cannot be changed because a sync with it is running.
type InUseError struct {
	// SessionID is the running sync.
	SessionID string
	fault     *fault.Error
}

// Error says which sync is running and what to do.
func (e *InUseError) Error() string { return e.fault.Error() }

// Unwrap returns the [fault.Error].
func (e *InUseError) Unwrap() error { return e.fault }

// InUse is the error for something ("remove the peer") that has to wait while a session with the peer is active.
func InUse(nodeID, sessionID, then string) *InUseError {
	return &InUseError{SessionID: sessionID, fault: fault.New(fault.Conflict, "PEER_IN_USE", "Peer is in use",
		"Sync %s with peer %s is still running. Cancel it or wait until it ends, then %s.", sessionID, clip(nodeID), then)}
}

// clip shortens text from a request before an error message repeats it.
func clip(text string) string {
	if len(text) > 64 {
		return strings.ToValidUTF8(text[:64], "") + "…"
	}
	return text
}

// Target is what it takes to talk to a peer. Its token and auth never show in a log.
type Target struct {
	NodeID string
	URL    string
	// Kind is "" for a node.
	Kind  Kind
	Token string
	// Feed says how to read a feed; nil for a node. Auth is what its server wants to see, Seen what was there last.
	Feed *Feed
	Auth Auth
	Seen FeedSeen
	// At is when the peer was last changed.
	At time.Time
	// Marks are what a check tells the peer.
	Marks Marks
}

// IsFeed reports whether it is a feed.
func (t Target) IsFeed() bool { return t.Kind == KindFeed }

// String names the target without its token.
func (t Target) String() string { return t.NodeID + " at " + t.URL }

// GoString returns the target without its token.
func (t Target) GoString() string { return "peer.Target{" + t.String() + "}" }

// New describes a peer to register.
type New struct {
	NodeID string
	// NodeName is shown to people; if it is empty, the node id is shown.
	NodeName string
	// Kind defaults to [KindNode].
	Kind Kind
	URL  string
	// Token is the token that the peer issued for this node. It may be set later.
	Token    string
	IsActive bool
	// KeepFields are a [Peer]'s.
	KeepFields catalog.Fields
	// Feed and Auth are for a peer of kind [KindFeed].
	Feed FeedChange
	Auth *Auth
}

// Change is a change to a peer. Nil fields stay as they are.
type Change struct {
	NodeName *string
	URL      *string
	// Token replaces the stored token; "" removes it.
	Token    *string
	IsActive *bool
	// KeepFields replace the whole list.
	KeepFields *catalog.Fields
	Feed       FeedChange
	// Auth replaces the stored auth of a feed; a zero one removes it.
	Auth *Auth
}

// Registry manages the peers of this node. It is safe for concurrent use.
type Registry struct {
	store  Store
	sealer Seals
	prober Prober
	feeds  Feeds
	selfID string
	// history and log are nil where nobody compares histories.
	history History
	log     *slog.Logger
}

// NewRegistry returns the registry of the node selfNodeID. prober asks nodes, and feeds reads feeds.
func NewRegistry(store Store, sealer Seals, prober Prober, feeds Feeds, selfNodeID string) *Registry {
	return &Registry{store: store, sealer: sealer, prober: prober, feeds: feeds, selfID: selfNodeID}
}

// List returns every peer, ascending by node id.
func (r *Registry) List(ctx context.Context) ([]Peer, error) { return r.store.ListPeers(ctx) }

// Get returns one peer, or NotFound.
func (r *Registry) Get(ctx context.Context, nodeID string) (Peer, error) {
	return r.store.GetPeer(ctx, nodeID)
}

// Add registers a peer. Returns Invalid for a malformed field, Impossible for this node itself or an unsupported kind, and
// Conflict if the node id is taken.
func (r *Registry) Add(ctx context.Context, n New) (Peer, error) {
	p, err := r.made(n)
	if err != nil {
		return Peer{}, err
	}
	if err := r.store.AddPeer(ctx, &p); err != nil {
		return Peer{}, err
	}
	return p, nil
}

// made returns the peer that n describes, which is not stored yet.
func (r *Registry) made(n New) (Peer, error) {
	if err := CheckNodeID(n.NodeID); err != nil {
		return Peer{}, err
	}
	if n.NodeID == r.selfID {
		return Peer{}, fault.New(fault.Impossible, "PEER_IS_SELF", "Peer is this node",
			"%s is this node itself; a node cannot be its own peer.", n.NodeID)
	}
	if n.Kind == "" {
		n.Kind = KindNode
	}
	if n.Kind != KindNode && n.Kind != KindFeed {
		return Peer{}, fault.New(fault.Impossible, "KIND_NOT_AVAILABLE", "Kind not available",
			"Peers of this kind are not supported; the kind must be %q or %q.", KindNode, KindFeed).With("kind", "must be node or feed")
	}
	if n.NodeName == "" {
		n.NodeName = n.NodeID
	}
	p := Peer{NodeID: n.NodeID, Kind: n.Kind, IsActive: n.IsActive}
	c := Change{NodeName: &n.NodeName, URL: &n.URL, Token: &n.Token, KeepFields: &n.KeepFields, Feed: n.Feed, Auth: n.Auth}
	if err := r.apply(&p, c); err != nil {
		return Peer{}, err
	}
	return p, nil
}

// Change changes a peer. Returns Invalid for a malformed field, NotFound for an unknown peer, Conflict (see [InUse]) for
// switching one off while a session with it is active, and Impossible if the URL gets another scheme, host or port, a token
// is stored and the request has no new one: otherwise anyone who may change a URL could have the stored token sent to their
// own address.
func (r *Registry) Change(ctx context.Context, nodeID string, c Change) (Peer, error) {
	return r.store.ChangePeer(ctx, nodeID, func(p *Peer) error { return r.apply(p, c) })
}

// apply checks c and applies it to p.
func (r *Registry) apply(p *Peer, c Change) error {
	if c.NodeName != nil {
		if err := checkNodeName(*c.NodeName); err != nil {
			return err
		}
		p.NodeName = *c.NodeName
	}
	if c.URL != nil {
		u, err := parseURL(p.Kind, *c.URL)
		if err != nil {
			return err
		}
		if len(p.SealedToken) > 0 && c.Token == nil && c.Auth == nil && !SameOrigin(p.URL, u) {
			return tokenRequired(p.Kind)
		}
		p.URL = u
	}
	if err := r.applyFeed(p, c); err != nil {
		return err
	}
	if c.Token != nil && p.Kind != KindFeed {
		sealed, err := r.seal(p.NodeID, *c.Token)
		if err != nil {
			return err
		}
		p.SealedToken = sealed
	}
	if c.IsActive != nil {
		p.IsActive = *c.IsActive
	}
	if c.KeepFields != nil {
		if why := c.KeepFields.Refused(); why != "" {
			return invalid("keepFields", why)
		}
		p.KeepFields = append(catalog.Fields{}, *c.KeepFields...)
	}
	return nil
}

// parseURL returns the address of a peer of that kind.
func parseURL(kind Kind, text string) (string, error) {
	if kind == KindFeed {
		return ParseFeedURL(text)
	}
	return ParseURL(text)
}

// tokenRequired is the error for a new address without the token, or auth, to send there.
func tokenRequired(kind Kind) error {
	what := "token"
	if kind == KindFeed {
		what = "auth"
	}
	return fault.New(fault.Impossible, "TOKEN_REQUIRED", "Token required",
		"The new URL has another scheme, host or port, and the stored %s is not sent there; give the peer's %s in the same request.", what, what).
		With(what, "is required when the scheme, host or port of url changes")
}

// seal checks a token's form and encrypts it. It returns nil for an empty one.
func (r *Registry) seal(nodeID, token string) ([]byte, error) {
	token = strings.TrimSpace(token)
	if token == "" {
		return nil, nil
	}
	if len(token) > MaxToken {
		return nil, invalid("token", "must not be longer than 8192 characters")
	}
	// An HTTP header cannot carry anything else.
	if strings.ContainsFunc(token, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return nil, invalid("token", "must be one line without spaces, as it was printed")
	}
	return r.sealer.Seal(nodeID, token)
}

func checkNodeName(name string) error {
	if name == "" || utf8.RuneCountInString(name) > MaxNodeName || !utf8.ValidString(name) ||
		strings.ContainsFunc(name, func(c rune) bool { return !unicode.IsPrint(c) }) {
		return invalid("nodeName", "must be 1 to 200 printable characters")
	}
	return nil
}

// Remove removes a peer. Returns NotFound for an unknown one, and Conflict (see [InUse]) while a session with it is active.
func (r *Registry) Remove(ctx context.Context, nodeID string) error {
	return r.store.RemovePeer(ctx, nodeID)
}

// Target returns what it takes to talk to a peer. Returns NotFound for an unknown peer, and Impossible for one that is
// switched off, has no token, or has a token that this node's secret does not open.
func (r *Registry) Target(ctx context.Context, nodeID string) (Target, error) {
	p, err := r.store.GetPeer(ctx, nodeID)
	if err != nil {
		return Target{}, err
	}
	if !p.IsActive {
		return Target{}, fault.New(fault.Impossible, "PEER_INACTIVE", "Peer is switched off",
			"Peer %s is switched off; switch it on first.", p.NodeID)
	}
	return r.Credentials(p)
}

// Credentials is [Registry.Target] for a peer that may be switched off. Returns Impossible if p has no token, or one that
// this node's secret does not open.
func (r *Registry) Credentials(p Peer) (to Target, err error) {
	if p.Kind == KindFeed {
		to, err = r.feedTarget(p)
		to.At = p.UpdatedAt
		return to, err
	}
	if len(p.SealedToken) == 0 {
		return Target{}, fault.New(fault.Impossible, "TOKEN_MISSING", "Token missing",
			"Peer %s has no token; make one there with `fullsync token --role node --subject this-node --ttl 8760h` and give it to the peer here.", p.NodeID)
	}
	token, err := r.sealer.Open(p.NodeID, p.SealedToken)
	if err != nil {
		return Target{}, err
	}
	return Target{NodeID: p.NodeID, URL: p.URL, Token: token}, nil
}

// NoteFeed records what a feed was when it was brought in completely, unless the peer has been changed since target was read.
func (r *Registry) NoteFeed(ctx context.Context, target Target, seen FeedSeen) error {
	return r.store.NoteFeed(ctx, target.NodeID, target.At, seen)
}

// Seen records, for the list of peers, that a peer answered (err is nil) or what went wrong. It stores the sentence of err,
// never its cause.
func (r *Registry) Seen(ctx context.Context, nodeID string, err error) error {
	if err == nil {
		return r.store.TouchPeer(ctx, nodeID, "")
	}
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return r.store.TouchPeer(ctx, nodeID, fault.Sentence(err, "Talking to the peer failed."))
}
