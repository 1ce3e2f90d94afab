package peer

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"

	"fullsync/internal/fault"
)

const (
	// sealVersion is the first byte of every sealed token. A different way of sealing needs a different version.
	sealVersion = 1
	sealInfo    = "fullsync peer tokens v1"
	markInfo    = "fullsync peer secret mark v1"
	keyBytes    = 32
	markBytes   = 16
)

// Sealer encrypts peers' tokens with a key derived from the node's secret, so that every replica with that secret can open
// them, and nobody can with just a copy of the database. It is safe for concurrent use.
type Sealer struct {
	aead cipher.AEAD
	mark []byte
}

// NewSealer returns a sealer for a node's secret. Returns Internal if no key can be derived.
func NewSealer(secret []byte) (*Sealer, error) {
	key, err := hkdf.Key(sha256.New, secret, nil, sealInfo, keyBytes)
	if err != nil {
		return nil, noKey(err)
	}
	mark, err := hkdf.Key(sha256.New, secret, nil, markInfo, markBytes)
	if err != nil {
		return nil, noKey(err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, noKey(err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, noKey(err)
	}
	return &Sealer{aead: aead, mark: []byte("1:" + base64.RawURLEncoding.EncodeToString(mark))}, nil
}

func noKey(err error) error {
	return fault.New(fault.Internal, "INTERNAL", "Internal error",
		"No key for the tokens of peers could be derived.").Because(err)
}

// Seal encrypts the token of the peer nodeID into a version byte, a random nonce and the ciphertext. The result is bound to
// the peer's id, so a sealed token that is moved to another row does not open.
func (s *Sealer) Seal(nodeID, token string) ([]byte, error) {
	return s.aead.Seal([]byte{sealVersion}, nil, []byte(token), []byte(nodeID)), nil
}

// Open decrypts what [Sealer.Seal] made for the peer nodeID. Returns Impossible if it was sealed with another secret or for
// another peer, or if it was altered.
func (s *Sealer) Open(nodeID string, sealed []byte) (string, error) {
	if len(sealed) == 0 || sealed[0] != sealVersion {
		return "", cannotOpen(nodeID, fmt.Errorf("sealed token of unknown version, %d bytes", len(sealed)))
	}
	token, err := s.aead.Open(nil, nil, sealed[1:], []byte(nodeID))
	if err != nil {
		return "", cannotOpen(nodeID, err)
	}
	return string(token), nil
}

func cannotOpen(nodeID string, err error) error {
	return fault.New(fault.Impossible, "TOKEN_UNREADABLE", "Token unreadable",
		"The stored token of peer %s cannot be opened with this node's secret; give the peer its token again.",
		nodeID).Because(err)
}

// Mark returns a short printable text that identifies the secret without giving it away. The first replica to start stores
// it in the database.
func (s *Sealer) Mark() []byte { return append([]byte(nil), s.mark...) }

// Fits reports whether mark, from the database, belongs to this sealer's secret. A replica whose secret does not fit must
// not start: it could neither open peers' tokens nor accept users' tokens.
func (s *Sealer) Fits(mark []byte) bool { return subtle.ConstantTimeCompare(s.mark, mark) == 1 }
