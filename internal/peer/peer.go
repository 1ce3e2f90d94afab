// Package peer holds the registered remote counterparts of this node, the rules for their addresses, and the
// sealing of their tokens.
package peer

import (
	"cmp"
	"time"
)

// Kind says what sort of counterpart a peer is.
type Kind string

// KindNode is another fullsync node, spoken to over the node-to-node routes.
const KindNode Kind = "node"

// Peer is a registered remote counterpart.
type Peer struct {
	NodeID   string `gorm:"primaryKey"`
	NodeName string
	Kind     Kind
	// URL is the base address, http or https, without credentials, query or fragment.
	URL string
	// SealedToken is the peer's token, encrypted by a [Sealer]; nil where there is none.
	SealedToken []byte `json:"-"`
	IsActive    bool
	// LastSeen is when the peer last answered this node, by the database's clock.
	LastSeen *time.Time
	// LastSeenAgo is how long ago that was when the peer was read, by the same clock; nil where it never answered.
	LastSeenAgo *time.Duration `gorm:"-"`
	// LastError is the sentence of the last failure, empty after a success.
	LastError string
	CreatedAt time.Time
	UpdatedAt time.Time
}

// TableName names the table for GORM.
func (Peer) TableName() string { return "peers" }

// SeenBy sets LastSeenAgo at now, which must be the time of the database that holds p.
func (p *Peer) SeenBy(now time.Time) {
	p.LastSeenAgo = nil
	if p.LastSeen != nil {
		ago := max(0, now.Sub(*p.LastSeen))
		p.LastSeenAgo = &ago
	}
}

// CheckEvery is how often a peer is checked where nothing else is said.
const CheckEvery = 30 * time.Second

// Online says whether the peer answered the last time, not longer ago than two checks when one is made every so often. So a
// peer does not look online for ever when nobody checks any more. Where peers are never checked (0), it is judged as if
// they were every [CheckEvery].
func (p *Peer) Online(every time.Duration) bool {
	every = cmp.Or(every, CheckEvery)
	return p.LastError == "" && p.LastSeenAgo != nil && *p.LastSeenAgo <= 2*every
}
