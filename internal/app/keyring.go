package app

import (
	"bytes"
	"context"
	"log/slog"
	"maps"
	"time"

	"fullsync/internal/auth"
	"fullsync/internal/fault"
	"fullsync/internal/peer"
	"fullsync/internal/store"
)

// lookForSecrets is how often a replica looks whether its node has another secret.
const lookForSecrets = 2 * time.Second

// keyring is the secrets of a node that are good at the moment. It follows their rotation without a restart.
type keyring struct {
	db      *store.Store
	keys    *auth.Keys
	sealers *peer.Sealers
	log     *slog.Logger
	// file is where the secret is kept if none is configured, otherwise empty.
	file string
	// own is the mark of the secret that this replica was started with, and current that of the one in use.
	own, current string
	// known are all secrets that were found so far, by their marks.
	known map[string]found
	// good are the marks of those that are good.
	good map[string]bool
}

// found is a secret and its sealer.
type found struct {
	secret []byte
	sealer *peer.Sealer
}

// openKeyring returns the secrets of the node, beginning with the one that this replica has. Returns Conflict if that neither is good nor leads to
// one that is.
func openKeyring(ctx context.Context, secret []byte, nodeID, file string, db *store.Store, log *slog.Logger) (*keyring, error) {
	keys, err := auth.New(secret, nodeID)
	if err != nil {
		return nil, err
	}
	k := &keyring{db: db, keys: keys, sealers: &peer.Sealers{}, log: log, file: file, known: map[string]found{}}
	if k.own, err = k.add(secret); err != nil {
		return nil, err
	}
	if _, err := db.KeepSealMark(ctx, []byte(k.own)); err != nil {
		return nil, err
	}
	if err := k.look(ctx); err != nil {
		return nil, err
	}
	return k, nil
}

// add makes a secret known and returns its mark.
func (k *keyring) add(secret []byte) (mark string, err error) {
	sealer, err := peer.NewSealer(secret)
	if err != nil {
		return "", err
	}
	mark = string(sealer.Mark())
	k.known[mark] = found{bytes.Clone(secret), sealer}
	return mark, nil
}

// look reads which secrets are good, and uses them. Returns Conflict if this replica does not know the one in use.
func (k *keyring) look(ctx context.Context) error {
	current, links, err := k.db.Secrets(ctx)
	if err != nil {
		return err
	}
	good, err := k.follow(links)
	if err != nil {
		return err
	}
	in, ok := k.known[string(current)]
	if !ok {
		return fault.New(fault.Conflict, "WRONG_SECRET", "Wrong secret",
			"The secret does not fit this database: the tokens of its peers were sealed with another one. Start with the "+
				"secret that this node's other replicas use (FULLSYNC_JWT_SECRET, or the file secret in the data directory). "+
				"If that one is lost, run fullsync adopt-secret; every peer then needs a new token.")
	}
	good[string(current)] = true
	if string(current) == k.current && maps.Equal(good, k.good) {
		return nil
	}
	var secrets [][]byte
	var sealers []*peer.Sealer
	for mark := range good {
		if other, known := k.known[mark]; known && mark != string(current) {
			secrets, sealers = append(secrets, other.secret), append(sealers, other.sealer)
		}
	}
	k.keys.Use(in.secret, secrets...)
	k.sealers.Use(in.sealer, sealers...)
	moved := string(current) != k.current
	k.current, k.good = string(current), good
	if moved && k.current != k.own {
		k.moved(ctx, in.secret)
	}
	return nil
}

// follow opens every link that leads from a known secret to another one. It returns the marks of all that links name: those are good.
func (k *keyring) follow(links []store.SecretLink) (good map[string]bool, err error) {
	good = map[string]bool{}
	for more := true; more; {
		more = false
		for _, l := range links {
			good[l.Opener], good[l.Mark] = true, true
			from, known := k.known[l.Opener]
			if _, already := k.known[l.Mark]; !known || already {
				continue
			}
			secret, err := from.sealer.OpenSecret(l.Mark, l.Sealed)
			if err != nil {
				return nil, err
			}
			if _, err := k.add(secret); err != nil {
				return nil, err
			}
			more = true
		}
	}
	return good, nil
}

// moved puts the secret in use into this replica's file, or says that its configuration has an older one.
func (k *keyring) moved(ctx context.Context, secret []byte) {
	if k.file == "" || !auth.FitsFile(secret) {
		k.log.WarnContext(ctx, "the node has a new secret, and this replica uses it; put it into FULLSYNC_JWT_SECRET before the old one retires, or the replica cannot be started again")
		return
	}
	if err := auth.ReplaceSecret(k.file, secret); err != nil {
		k.log.WarnContext(ctx, "the node has a new secret, and this replica uses it; it could not be written into the secret file", "error", err)
		return
	}
	k.own = k.current
	k.log.InfoContext(ctx, "the node has a new secret; it is in the secret file now")
}

// Run looks for other secrets until ctx ends.
func (k *keyring) Run(ctx context.Context, every time.Duration) {
	if every == 0 {
		every = lookForSecrets
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := k.look(ctx); err != nil && ctx.Err() == nil {
				k.log.WarnContext(ctx, "cannot look for a new secret of this node", "error", err)
			}
		}
	}
}

// upkeep seals again what a replica sealed with an older secret just as that was replaced, and forgets the links to secrets that are good no longer.
func (k *keyring) upkeep(ctx context.Context) error {
	if _, err := k.db.Reseal(ctx, k.sealers.Mark(), k.sealers.Reseal); err != nil {
		return err
	}
	return k.db.PruneSecrets(ctx)
}
