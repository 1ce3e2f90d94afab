package auth

import (
	"crypto/sha256"
	"sync"
)

// maxKnown is how many tokens are remembered.
const maxKnown = 1024

// known remembers tokens that were verified: a page that asks for the status once a second sends the same token each time,
// and verifying it costs more than answering. Only what can never change is remembered, the signature and what was signed.
// Tokens themselves are not kept, only their hashes.
type known struct {
	mu  sync.Mutex
	all map[[sha256.Size]byte]Principal
}

func (k *known) find(token string) (Principal, bool) {
	key := sha256.Sum256([]byte(token))
	k.mu.Lock()
	defer k.mu.Unlock()
	p, ok := k.all[key]
	return p, ok
}

func (k *known) remember(token string, p Principal) {
	key := sha256.Sum256([]byte(token))
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.all == nil || len(k.all) >= maxKnown {
		k.all = make(map[[sha256.Size]byte]Principal)
	}
	k.all[key] = p
}
