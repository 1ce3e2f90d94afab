package peer

import "sync/atomic"

// Seals seals and opens the tokens of peers.
type Seals interface {
	Seal(nodeID, token string) ([]byte, error)
	Open(nodeID string, sealed []byte) (string, error)
}

// Sealers seals with the secret in use, and opens also what other good ones have sealed. It is safe for concurrent use, also while the secrets change.
type Sealers struct{ all atomic.Pointer[[]*Sealer] }

// Use makes current the one that seals, and others those that also open.
func (s *Sealers) Use(current *Sealer, others ...*Sealer) {
	all := append([]*Sealer{current}, others...)
	s.all.Store(&all)
}

// Mark is [Sealer.Mark] of the secret in use.
func (s *Sealers) Mark() []byte { return (*s.all.Load())[0].Mark() }

// Seal is [Sealer.Seal] with the secret in use.
func (s *Sealers) Seal(nodeID, token string) ([]byte, error) {
	return (*s.all.Load())[0].Seal(nodeID, token)
}

// Open is [Sealer.Open] with any secret that is good.
func (s *Sealers) Open(nodeID string, sealed []byte) (token string, err error) {
	for _, one := range *s.all.Load() {
		if token, err = one.Open(nodeID, sealed); err == nil {
			return token, nil
		}
	}
	return "", err
}

// Reseal returns the token of p sealed with the secret in use; nil if it is already, or if no good secret opens it.
func (s *Sealers) Reseal(p Peer) ([]byte, error) {
	if _, err := (*s.all.Load())[0].Open(p.NodeID, p.SealedToken); err == nil {
		return nil, nil
	}
	token, err := s.Open(p.NodeID, p.SealedToken)
	if err != nil {
		return nil, nil //nolint:nilerr // whoever uses this peer is told what to do; the other peers go on
	}
	return s.Seal(p.NodeID, token)
}

// SealSecret encrypts another secret, whose mark is given, for those who have this one.
func (s *Sealer) SealSecret(mark string, secret []byte) ([]byte, error) {
	return s.Seal(secretLabel+mark, string(secret))
}

// OpenSecret decrypts what [Sealer.SealSecret] made for that mark. Its errors are those of [Sealer.Open].
func (s *Sealer) OpenSecret(mark string, sealed []byte) ([]byte, error) {
	secret, err := s.Open(secretLabel+mark, sealed)
	return []byte(secret), err
}

// secretLabel keeps sealed secrets and sealed tokens apart: no node id has a space.
const secretLabel = "secret "
