// Package peer holds the registered remote counterparts of this node, the rules for their addresses, and the
// sealing of their tokens.
package peer

import "time"

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
	// LastError is the sentence of the last failure, empty after a success.
	LastError string
	CreatedAt time.Time
	UpdatedAt time.Time
}

// TableName names the table for GORM.
func (Peer) TableName() string { return "peers" }
