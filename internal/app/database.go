package app

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"os"
	"path/filepath"
	"time"

	"fullsync/internal/auth"
	"fullsync/internal/config"
	"fullsync/internal/fault"
	"fullsync/internal/jobs"
	"fullsync/internal/peer"
	"fullsync/internal/store"
)

// connectTimeout bounds the wait for a database that does not answer.
const connectTimeout = 10 * time.Second

// OpenDatabase opens the database that cfg names. For SQLite it creates an empty one if there is none yet.
func OpenDatabase(ctx context.Context, cfg config.Config) (*store.Store, error) {
	return store.Open(ctx, databaseOptions(cfg))
}

// OpenExisting opens the database that cfg names. For SQLite it returns Impossible if there is none yet.
func OpenExisting(ctx context.Context, cfg config.Config) (*store.Store, error) {
	opt := databaseOptions(cfg)
	opt.MustExist = true
	return store.Open(ctx, opt)
}

func databaseOptions(cfg config.Config) store.Options {
	return store.Options{
		URL: string(cfg.DatabaseURL), SQLitePath: filepath.Join(cfg.DataDir, "fullsync.db"),
		Workers: cfg.SyncWorkers, ConnectTimeout: connectTimeout,
	}
}

// ExplainLock adds to a fault about a locked SQLite file which process has locked it. It returns any other error unchanged.
// Call it after this process has closed the database.
func ExplainLock(cfg config.Config, err error) error {
	if fault.CodeOf(err) != store.CodeLocked {
		return err
	}
	pid, ok := store.LockHolder(databaseOptions(cfg).SQLitePath)
	if !ok {
		return err
	}
	return fault.New(fault.Unavailable, store.CodeLocked, "Database locked",
		"Process %d holds the SQLite file in the data directory and does not let go: it may be stopped or hanging. End it "+
			"(kill %d, or kill -9 %d), then run this again.", pid, pid, pid).Because(err)
}

// Migrate brings the database up to date, including the job engine's tables. step, if not nil, is called for every migration.
func Migrate(ctx context.Context, db *store.Store, step func(store.Applied)) error {
	return db.Migrate(ctx, jobs.In(db).Migrate, step)
}

// NodeID returns the id of the node that the database belongs to. The first call on a database decides it: it is the
// configured id, or a random one. Later, if another id is configured, NodeID returns Conflict.
func NodeID(ctx context.Context, cfg config.Config, db *store.Store) (string, error) {
	proposed := cfg.NodeID
	if proposed == "" {
		random := make([]byte, 4)
		if _, err := rand.Read(random); err != nil {
			return "", err
		}
		proposed = "node-" + hex.EncodeToString(random)
	}
	id, err := db.KeepNodeID(ctx, proposed)
	if err != nil {
		return "", err
	}
	if cfg.NodeID != "" && id != cfg.NodeID {
		return "", fault.New(fault.Conflict, "NODE_ID_MISMATCH", "Wrong node id",
			"FULLSYNC_NODE_ID is %s, but the database belongs to node %s. Set FULLSYNC_NODE_ID to %s or leave it out, or "+
				"use another database.", cfg.NodeID, id, id)
	}
	return id, nil
}

// Secret returns the node's secret: the configured one, or the one in the data directory. If there is none it creates one, and
// created is true.
func Secret(cfg config.Config) (secret []byte, created bool, err error) {
	if cfg.JWTSecret != "" {
		return []byte(cfg.JWTSecret), false, nil
	}
	if err := os.MkdirAll(cfg.DataDir, 0o700); err != nil {
		return nil, false, fault.New(fault.Unavailable, "DATA_DIR", "Data directory unusable",
			"The data directory cannot be created. Set FULLSYNC_DATA_DIR to one that this user may write to.").Because(err)
	}
	return auth.LoadOrCreateSecret(SecretPath(cfg))
}

// SecretPath returns the file that holds the secret if none is configured.
func SecretPath(cfg config.Config) string { return filepath.Join(cfg.DataDir, "secret") }

// AdoptSecret makes the current secret the one of this database, after the old one was lost or leaked. It drops the tokens of
// peers, which were sealed with the old one, and returns how many peers need a new token.
func AdoptSecret(ctx context.Context, cfg config.Config, db *store.Store) (peersWithoutToken int64, err error) {
	secret, _, err := Secret(cfg)
	if err != nil {
		return 0, err
	}
	sealer, err := peer.NewSealer(secret)
	if err != nil {
		return 0, err
	}
	return db.ResetSeal(ctx, sealer.Mark())
}
