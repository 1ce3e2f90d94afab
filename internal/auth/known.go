package auth

import (
	"crypto/sha256"
	"sync"
)

// maxKnown is how many tokens a node remembers.
const maxKnown = 1024

// known remembers verified tokens: a page that polls the status every second sends the same token each time, and verifying
// it costs more than answering. It remembers only what can never change: that the signature is good, and what it signs. It
// keeps hashes of tokens, never the tokens themselves.
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
