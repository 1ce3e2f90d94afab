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
	// sealVersion is the first byte of every sealed token; another way of sealing gets another one.
	sealVersion = 1
	sealInfo    = "fullsync peer tokens v1"
	markInfo    = "fullsync peer secret mark v1"
	keyBytes    = 32
	markBytes   = 16
)

// Sealer encrypts the tokens of peers with a key derived from the node's secret, so that every replica with that
// secret can open them and a copy of the database alone cannot. It is safe for concurrent use.
type Sealer struct {
	aead cipher.AEAD
	mark []byte
}

// NewSealer returns the sealer of a node's secret. Returns Internal where no key can be derived.
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

// Seal encrypts the token of the peer nodeID: a version byte, a random nonce, the ciphertext. The peer's id is bound
// to it, so that a sealed token moved to another row of the database does not open.
func (s *Sealer) Seal(nodeID, token string) ([]byte, error) {
	return s.aead.Seal([]byte{sealVersion}, nil, []byte(token), []byte(nodeID)), nil
}

// Open decrypts what [Sealer.Seal] made for the peer nodeID. Returns Impossible when it was sealed with another
// secret, for another peer, or was altered.
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

// Mark returns a short printable text that belongs to the secret and does not give it away. It is kept in the
// database when the first replica starts.
func (s *Sealer) Mark() []byte { return append([]byte(nil), s.mark...) }

// Fits reports whether mark, as kept in the database, belongs to this sealer's secret. A replica whose secret does
// not fit must not start: it could neither open the tokens of peers nor honour the tokens of users.
func (s *Sealer) Fits(mark []byte) bool { return subtle.ConstantTimeCompare(s.mark, mark) == 1 }
