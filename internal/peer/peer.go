// Package peer manages the peers of this node: their registry, the rules for their addresses, their checks and the sealing
// of their tokens.
package peer

import (
	"cmp"
	"time"

	"fullsync/internal/audit"
	"fullsync/internal/catalog"
)

// Kind is the kind of a peer.
type Kind string

// KindNode is another fullsync node, reached over the node-to-node routes.
const KindNode Kind = "node"

// HeaderNode is the header in which a node says to its peers who it is. They show it beside the token that it uses.
const HeaderNode = "X-Fullsync-Node"

// Peer is a registered remote counterpart.
type Peer struct {
	NodeID   string `gorm:"primaryKey"`
	NodeName string
	Kind     Kind
	// URL is the base address, http or https, without credentials, query or fragment. That of a feed may have a query.
	URL string
	// SealedToken is the peer's token, or a feed's [Auth] as JSON, encrypted by a [Sealer]; nil if there is none.
	SealedToken []byte `json:"-"`
	IsActive    bool
	// KeepFields are the fields that pulls from the peer never overwrite on products that are here.
	KeepFields catalog.Fields `gorm:"serializer:json"`
	// Feed says how to read a peer of kind [KindFeed], and FeedSeen what was there last.
	Feed     Feed     `gorm:"serializer:json"`
	FeedSeen FeedSeen `gorm:"serializer:json"`
	// LastSeen is when the peer last answered this node, by the database's clock.
	LastSeen *time.Time
	// LastSeenAgo is how long ago that was when the row was read, by the same clock; nil if the peer has never answered.
	LastSeenAgo *time.Duration `gorm:"-"`
	// LastError is the sentence of the last failure, empty after a success.
	LastError string
	CreatedAt time.Time
	UpdatedAt time.Time
}

// TableName names the table for GORM.
func (Peer) TableName() string { return "peers" }

// Audited returns what the audit log says of the peer. It says of the token only whether there is one.
func (p Peer) Audited() audit.Values {
	token := "none"
	if len(p.SealedToken) > 0 {
		token = "set"
	}
	values := audit.Values{"nodeName": p.NodeName, "kind": p.Kind, "url": p.URL, "isActive": p.IsActive, "keepFields": append(catalog.Fields{}, p.KeepFields...), "token": token}
	if p.Kind == KindFeed {
		values["feed"] = p.Feed
	}
	return values
}

// SeenBy sets LastSeenAgo as of now, which must be the time of the database that holds p.
func (p *Peer) SeenBy(now time.Time) {
	p.LastSeenAgo = nil
	if p.LastSeen != nil {
		ago := max(0, now.Sub(*p.LastSeen))
		p.LastSeenAgo = &ago
	}
}

// CheckEvery is how often a peer is checked by default.
const CheckEvery = 30 * time.Second

// CheckFeedEvery is how often a feed is checked at most: reading the beginning of one is work for a shop.
const CheckFeedEvery = 15 * time.Minute

// Online reports whether the peer's last answer was good and no older than two checks, one per every. Because of that age
// limit, a peer does not stay online when nobody checks it any more. If peers are never checked (every is 0), Online
// assumes [CheckEvery].
func (p *Peer) Online(every time.Duration) bool {
	every = cmp.Or(every, CheckEvery)
	if p.Kind == KindFeed {
		every = max(every, CheckFeedEvery)
	}
	return p.LastError == "" && p.LastSeenAgo != nil && *p.LastSeenAgo <= 2*every
}
