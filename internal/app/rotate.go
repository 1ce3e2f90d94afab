package app

import (
	"bytes"
	"context"
	"log/slog"
	"time"

	"fullsync/internal/auth"
	"fullsync/internal/config"
	"fullsync/internal/fault"
	"fullsync/internal/peer"
	"fullsync/internal/store"
)

// Rotation says how to replace a node's secret.
type Rotation struct {
	// Secret is the new one. If it is nil, one is made.
	Secret []byte
	// Announce is how long running replicas have to find the new secret before it is used. Keep is how long tokens that were signed with the old
	// one stay good afterwards.
	Announce, Keep time.Duration
}

// AnnounceFor is how long a new secret is announced: long enough for every replica to have looked several times.
const AnnounceFor = 5 * lookForSecrets

// Rotated is what a rotation did.
type Rotated struct {
	Secret []byte
	// Resealed is how many tokens of peers were sealed again.
	Resealed int
	// Configured says that the secret is not in the data directory: somebody must put the new one where the old one is.
	Configured bool
}

// RotateSecret replaces the node's secret while its replicas run. First the new secret is stored in the database, sealed with the old one, so that
// replicas find it. Then, in one transaction, it seals the tokens of peers and becomes the one in use; the old one is good for some more time.
// If it is interrupted, it can simply be repeated. Returns Invalid for a secret that is too short, and Conflict if the secret that this command was given
// is not good.
func RotateSecret(ctx context.Context, cfg config.Config, db *store.Store, r Rotation, log *slog.Logger) (out Rotated, err error) {
	nodeID, err := NodeID(ctx, cfg, db)
	if err != nil {
		return out, err
	}
	secret, _, err := Secret(cfg)
	if err != nil {
		return out, err
	}
	ring, err := openKeyring(ctx, secret, nodeID, secretFile(cfg), db, log)
	if err != nil {
		return out, err
	}
	out = Rotated{Secret: r.Secret, Configured: cfg.JWTSecret != ""}
	if out.Secret == nil {
		if out.Secret, err = auth.NewSecret(); err != nil {
			return out, err
		}
	}
	now := ring.known[ring.current]
	if bytes.Equal(out.Secret, now.secret) {
		return out, fault.New(fault.Impossible, "SECRET_IN_USE", "Secret in use", "The new secret is the one that is in use already; make another one with `openssl rand -base64 32`.")
	}
	if _, err := auth.New(out.Secret, nodeID); err != nil { // is it long enough?
		return out, err
	}
	if !out.Configured && !auth.FitsFile(out.Secret) {
		return out, fault.New(fault.Invalid, "SECRET_INVALID", "Invalid secret",
			"The node keeps its secret in the data directory, where it must be base64 of at least %d bytes; make one with `openssl rand -base64 32`.", auth.MinSecretBytes)
	}
	next, err := ring.add(out.Secret)
	if err != nil {
		return out, err
	}
	links, err := linked(ring.known[ring.current], ring.known[next])
	if err != nil {
		return out, err
	}
	if err := db.AnnounceSecret(ctx, links...); err != nil {
		return out, err
	}
	select {
	case <-time.After(r.Announce):
	case <-ctx.Done():
		return out, ctx.Err()
	}
	var sealers peer.Sealers
	var others []*peer.Sealer
	for mark, one := range ring.known {
		if mark != next {
			others = append(others, one.sealer)
		}
	}
	sealers.Use(ring.known[next].sealer, others...)
	if out.Resealed, err = db.UseSecret(ctx, []byte(ring.current), []byte(next), r.Keep, sealers.Reseal); err != nil {
		return out, err
	}
	if !out.Configured {
		err = auth.ReplaceSecret(SecretPath(cfg), out.Secret)
	}
	return out, err
}

// linked returns the links between two secrets.
func linked(a, b found) ([]store.SecretLink, error) {
	var links []store.SecretLink
	for _, way := range [][2]found{{a, b}, {b, a}} {
		mark := string(way[1].sealer.Mark())
		sealed, err := way[0].sealer.SealSecret(mark, way[1].secret)
		if err != nil {
			return nil, err
		}
		links = append(links, store.SecretLink{Opener: string(way[0].sealer.Mark()), Mark: mark, Sealed: sealed})
	}
	return links, nil
}

// secretFile returns the file that holds the secret, "" if one is configured.
func secretFile(cfg config.Config) string {
	if cfg.JWTSecret != "" {
		return ""
	}
	return SecretPath(cfg)
}
