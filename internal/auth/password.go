package auth

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"

	"fullsync/internal/fault"
)

// Cost is what a new hash costs: memory in KiB, and how often that is gone through.
type Cost struct{ Memory, Time uint32 }

// DefaultCost is what OWASP recommends: about 25 ms of one core.
var DefaultCost = Cost{Memory: 19 * 1024, Time: 2}

const (
	hashThreads = 1
	hashSalt    = 16 // bytes
	hashKey     = 32 // bytes
)

// The most a stored hash may cost to check: somebody who can write to the database must not be able to exhaust the node.
const (
	maxHashMemory  = 256 * 1024 // KiB
	maxHashTime    = 16
	maxHashThreads = 8
)

// hashWait is how long a login waits for its turn to hash.
const hashWait = 5 * time.Second

// nobody is a hash that no password matches. Comparing with it costs as much as comparing with a real one.
const nobody = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5J3Mgc2FsdC4uLg$bm9ib2R5J3MgaGFzaCwgbm9ib2R5J3MgaGFzaC4uLi4"

// Hasher hashes passwords with argon2id, a few at a time: each takes 19 MiB, so an unlimited number of logins at once would
// exhaust memory. It is safe for concurrent use.
type Hasher struct {
	turns chan struct{}
	cost  Cost
}

// NewHasher returns a hasher that hashes up to parallel passwords at once, at [DefaultCost] if cost is zero.
func NewHasher(parallel int, cost Cost) *Hasher {
	return &Hasher{turns: make(chan struct{}, max(1, parallel)), cost: cmp.Or(cost, DefaultCost)}
}

// Hash returns the PHC string of a password: algorithm, parameters, salt and hash. Returns Unavailable if it does not get
// its turn within five seconds, and ctx's error if ctx ends first.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	salt := make([]byte, hashSalt)
	if _, err := rand.Read(salt); err != nil {
		return "", err
	}
	p := phc{memory: h.cost.Memory, time: h.cost.Time, threads: hashThreads, salt: salt}
	key, err := h.key(ctx, p, hashKey, password)
	if err != nil {
		return "", err
	}
	p.key = key
	return p.String(), nil
}

// Matches reports whether password matches a PHC string. Pass an empty string for a user that does not exist: the answer is
// no, after the same work. Returns Internal if the string is not an argon2id PHC string, and otherwise the same errors as
// [Hasher.Hash].
func (h *Hasher) Matches(ctx context.Context, stored, password string) (bool, error) {
	exists := stored != ""
	if !exists {
		stored = nobody
	}
	p, err := parsePHC(stored)
	if err != nil {
		return false, err
	}
	key, err := h.key(ctx, p, uint32(len(p.key)), password) //nolint:gosec // parsePHC bounds it
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(key, p.key) == 1 && exists, nil
}

// key waits for its turn and derives a key. It puts passwords into Unicode's composed form first, because some keyboards
// type the decomposed one.
func (h *Hasher) key(ctx context.Context, p phc, length uint32, password string) ([]byte, error) {
	wait := time.NewTimer(hashWait)
	defer wait.Stop()
	select {
	case h.turns <- struct{}{}:
		defer func() { <-h.turns }()
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-wait.C:
		return nil, fault.New(fault.Unavailable, "BUSY", "Service unavailable",
			"Too many people are signing in right now. Try again in a few seconds.")
	}
	return argon2.IDKey([]byte(norm.NFC.String(password)), p.salt, p.time, p.memory, p.threads, length), nil
}

// phc is a hash in the format of the Password Hashing Competition.
type phc struct {
	memory, time uint32
	threads      uint8
	salt, key    []byte
}

// String returns the hash in its stored form.
func (p phc) String() string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, p.memory, p.time, p.threads,
		b64.EncodeToString(p.salt), b64.EncodeToString(p.key))
}

// parsePHC reads a stored hash. Returns Internal for anything but argon2id within the bounds above.
func parsePHC(text string) (p phc, err error) {
	fields := strings.Split(text, "$")
	// Go's base64 decoder skips line breaks.
	if strings.ContainsAny(text, "\r\n") || len(fields) != 6 || fields[0] != "" || fields[1] != "argon2id" || fields[2] != "v="+strconv.Itoa(argon2.Version) {
		return p, unreadableHash()
	}
	costs := strings.Split(fields[3], ",")
	if len(costs) != 3 {
		return p, unreadableHash()
	}
	var numbers [3]uint64
	for i, bound := range []struct {
		name string
		most uint64
	}{{"m=", maxHashMemory}, {"t=", maxHashTime}, {"p=", maxHashThreads}} {
		digits, named := strings.CutPrefix(costs[i], bound.name)
		if numbers[i], err = strconv.ParseUint(digits, 10, 32); !named || err != nil || numbers[i] < 1 || numbers[i] > bound.most {
			return p, unreadableHash()
		}
	}
	p.memory, p.time, p.threads = uint32(numbers[0]), uint32(numbers[1]), uint8(numbers[2]) //nolint:gosec // bounded above
	strict := base64.RawStdEncoding.Strict()
	var saltErr, keyErr error
	p.salt, saltErr = strict.DecodeString(fields[4])
	p.key, keyErr = strict.DecodeString(fields[5])
	if saltErr != nil || keyErr != nil || len(p.salt) < 8 || len(p.salt) > 64 || len(p.key) < 16 || len(p.key) > 64 {
		return p, unreadableHash()
	}
	return p, nil
}

func unreadableHash() *fault.Error {
	return fault.New(fault.Internal, "PASSWORD_UNREADABLE", "Password unreadable",
		"The stored password of this user cannot be read; set a new one with fullsync user passwd.")
}
